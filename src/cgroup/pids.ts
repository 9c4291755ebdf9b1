import { childDirectories, readIfThere } from "./files.ts";
import type { CgroupPaths } from "./paths.ts";

/**
 * The directory whose processes are the container's: the v2 one, or on v1 that of `devices`, as runc has it,
 * else whichever there is. Undefined for a container without a group.
 */
export function processDirectory(paths: CgroupPaths): string | undefined {
  for (const controller of ["devices", "freezer", "pids", "memory"]) {
    if (paths[controller] !== undefined) return paths[controller];
  }
  return paths[""] ?? Object.values(paths)[0];
}

/**
 * The host's numbers of all processes in a group and the groups below it; empty when the group is gone. Those
 * that another process namespace hides (0) are left out.
 */
export function listPids(directory: string): number[] {
  const pids: number[] = [];
  // A threaded group refuses the read with EOPNOTSUPP; its processes are listed by the domain above it.
  const text = readIfThere(`${directory}/cgroup.procs`, "EOPNOTSUPP");
  for (const line of text?.split("\n") ?? []) {
    const pid = Number(line);
    if (pid > 0) pids.push(pid);
  }
  for (const name of childDirectories(directory)) {
    for (const pid of listPids(`${directory}/${name}`)) pids.push(pid);
  }
  return pids;
}

/** The processes of a container, by listPids(); empty for a container without a group. */
export function containerPids(paths: CgroupPaths): number[] {
  const directory = processDirectory(paths);
  return directory === undefined ? [] : listPids(directory);
}
