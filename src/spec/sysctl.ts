import type { Linux } from "./schema.ts";
import type { Issues } from "./validate.ts";

const IPC_KEYS = ["msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced"];

/**
 * The rules of linux.sysctl: only what the container's own namespaces hold may be set, anything else would change
 * the host (runc's validator). Keys and values are plain, or they would write elsewhere (CVE-2022-0811).
 */
export function checkSysctls(
  { sysctl, namespaces }: Linux,
  types: ReadonlySet<string>,
  issues: Issues,
): void {
  for (const [key, value] of Object.entries(sysctl ?? {})) {
    const place = `linux.sysctl[${JSON.stringify(key)}]`;
    if (!/^[\w.\/-]+$/.test(key) || key.split("/").includes("..") || key.includes("..")) {
      issues.error(place, "is no plain name of a sysctl");
      continue;
    }
    if (value.includes("\n")) issues.error(place, "a value must not hold a newline");
    const complaint = complaintOf(key, dotted(key), types, namespaces ?? []);
    if (complaint !== undefined) issues.error(place, complaint);
  }
}

/** The name with dots between its parts; the first separator of the text decides which one it uses (sysctl(8)). */
function dotted(key: string): string {
  const first = /[./]/.exec(key)?.[0];
  return first === "/" ? key.replace(/[./]/g, (separator) => separator === "/" ? "." : "/") : key;
}

function complaintOf(
  key: string,
  name: string,
  types: ReadonlySet<string>,
  namespaces: NonNullable<Linux["namespaces"]>,
): string | undefined {
  const needs = (type: string) =>
    types.has(type)
      ? undefined
      : `sysctl ${JSON.stringify(key)} is not allowed in the hosts ${type} namespace`;
  if (name.startsWith("fs.mqueue.") || IPC_KEYS.some((entry) => name === `kernel.${entry}`)) {
    return needs("ipc");
  }
  if (name.startsWith("net.")) {
    const entry = namespaces.find(({ type }) => type === "network");
    return entry === undefined
      ? `sysctl ${JSON.stringify(key)} not allowed in host network namespace`
      : undefined;
  }
  if (name === "kernel.domainname") return needs("uts");
  if (name === "kernel.hostname") {
    return `sysctl ${JSON.stringify(key)} is not allowed as it conflicts with the OCI "hostname" field`;
  }
  if (name.startsWith("user.")) return needs("user");
  return `sysctl ${JSON.stringify(key)} is not in a separate kernel namespace`;
}
