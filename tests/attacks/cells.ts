import type { Config } from "../support/bundle.ts";
import { defaultSpec } from "../../src/spec/defaults.ts";
import type { Call } from "./gate.ts";

/** Surroundings in which every scenario is tried. */
export interface Cell {
  readonly name: "root" | "no openat2" | "no mount API" | "user namespace" | "rootless" | "first stage";
  /** Calls that the kernel does not have. */
  readonly missing: readonly Call[];
  /** The ordinary user who calls dunc. */
  readonly user?: number;
  /** The host's id of the container's root, where that is another. */
  readonly mapped?: number;
}

const MOUNT_API: readonly Call[] = [
  "open_tree",
  "fsopen",
  "fsconfig",
  "fsmount",
  "move_mount",
  "mount_setattr",
];

export const CELLS: readonly Cell[] = [
  { name: "root", missing: [] },
  { name: "no openat2", missing: ["openat2"] },
  { name: "no mount API", missing: MOUNT_API },
  { name: "user namespace", missing: [], mapped: 100_000 },
  { name: "rootless", missing: [], user: 12_345, mapped: 12_345 },
  // Of `exec` and `start`: the plan that an earlier call has kept is carried out without the engine.
  { name: "first stage", missing: [] },
];

/** The default config.json as the cell has it. */
export function inCell(config: Config, { mapped, user }: Cell): void {
  if (mapped === undefined) return;
  const cgroup2 = config.linux!.namespaces!.some(({ type }) => type === "cgroup");
  if (user !== undefined) {
    const rootless = defaultSpec({ cgroup2, rootless: { uid: user, gid: user } }) as Config;
    config.mounts = rootless.mounts!;
    config.linux = rootless.linux!;
    return;
  }
  config.linux!.namespaces!.push({ type: "user" });
  config.linux!.uidMappings = [{ containerID: 0, hostID: mapped, size: 65_536 }];
  config.linux!.gidMappings = [{ containerID: 0, hostID: mapped, size: 65_536 }];
}
