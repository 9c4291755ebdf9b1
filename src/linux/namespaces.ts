import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
} from "./constants.gen.ts";

/** Namespace types of config.json, with their clone flag and their name in /proc/PID/ns (namespaces(7)). */
export const NAMESPACES = {
  user: { flag: CLONE_NEWUSER, file: "user" },
  mount: { flag: CLONE_NEWNS, file: "mnt" },
  pid: { flag: CLONE_NEWPID, file: "pid" },
  network: { flag: CLONE_NEWNET, file: "net" },
  ipc: { flag: CLONE_NEWIPC, file: "ipc" },
  uts: { flag: CLONE_NEWUTS, file: "uts" },
  cgroup: { flag: CLONE_NEWCGROUP, file: "cgroup" },
  time: { flag: CLONE_NEWTIME, file: "time" },
} as const;

/** The clone flag of a namespace type; undefined for an unknown type. */
export function namespaceFlag(type: string): number | undefined {
  return (NAMESPACES as Record<string, { readonly flag: number }>)[type]?.flag;
}
