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
  const pids = new Set<number>();
  collect(directory, pids);
  return [...pids];
}

function collect(directory: string, pids: Set<number>): void {
  const text = readIfThere(`${directory}/cgroup.procs`, "EOPNOTSUPP");
  const members = text === undefined ? threadLeaders(directory) : numbers(text);
  for (const pid of members) if (pid > 0) pids.add(pid);
  for (const name of childDirectories(directory)) collect(`${directory}/${name}`, pids);
}

/** A group in threaded mode (cgroups(7)) lists no processes, EOPNOTSUPP, but threads: those they belong to. */
function threadLeaders(directory: string): number[] {
  return numbers(readIfThere(`${directory}/cgroup.threads`) ?? "").map((thread) => {
    const status = readIfThere(`/proc/${thread}/status`, "ESRCH") ?? "";
    return Number(/^Tgid:\t(\d+)$/m.exec(status)?.[1] ?? 0);
  });
}

/** Numbers, one a line. An empty file, and the line behind the last newline, have none. */
function numbers(text: string): number[] {
  return text.split("\n").map(Number).filter((number) => number > 0);
}

/** The processes of a container, by listPids(); empty for a container without a group. */
export function containerPids(paths: CgroupPaths): number[] {
  const directory = processDirectory(paths);
  return directory === undefined ? [] : listPids(directory);
}
