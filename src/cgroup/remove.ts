import { ContainerError } from "../errors.ts";
import { childDirectories, errnoOf } from "./files.ts";
import { type CgroupKernel, pause } from "./kernel.ts";
import { type CgroupPaths, directoriesOf, isV2 } from "./paths.ts";

/**
 * Remove a container's groups and all groups below them. Groups that are gone already are fine.
 *
 * A group whose last process has just died may still be busy: on v2 the wait is for `cgroup.events` to say that
 * it is empty, on v1, which tells of nothing, for a time that doubles.
 *
 * @param timeoutMs how long all of it may take
 * @throws ContainerError naming the group that stayed
 */
export function removeCgroup(paths: CgroupPaths, kernel: CgroupKernel, timeoutMs = 10_000): void {
  const deadline = performance.now() + timeoutMs;
  const left = directoriesOf(paths).filter((directory) => removeTree(directory) === "EBUSY");
  for (const directory of left) {
    if (isV2(paths)) waitUntilEmpty(directory, kernel, deadline);
    removeWhenFree(directory, deadline);
  }
}

/** Remove directories that creating made above the container's own, deepest first, as long as nobody uses them. */
export function removeUnused(directories: readonly string[]): void {
  const deepestFirst = [...directories].sort((a, b) => b.length - a.length);
  for (const directory of deepestFirst) removeDirectory(directory);
}

function removeWhenFree(directory: string, deadline: number): void {
  for (let waitMs = 1;; waitMs = Math.min(2 * waitMs, 100)) {
    if (removeTree(directory) !== "EBUSY") return;
    if (performance.now() > deadline) {
      throw new ContainerError("remove cgroup", {
        place: directory,
        errno: "EBUSY",
        hint: "processes are still in it",
      });
    }
    pause(waitMs);
  }
}

/** `EBUSY` when the group, or one below it, has processes; undefined when it is gone. */
function removeTree(directory: string): "EBUSY" | undefined {
  if (removeDirectory(directory) === undefined) return undefined;
  let busy = false;
  for (const name of childDirectories(directory)) {
    if (removeTree(`${directory}/${name}`) === "EBUSY") busy = true;
  }
  return busy ? "EBUSY" : removeDirectory(directory);
}

/** rmdir(2). A group that has children or processes is EBUSY; one that is gone is fine. */
function removeDirectory(directory: string): "EBUSY" | undefined {
  try {
    Deno.removeSync(directory);
    return undefined;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT") return undefined;
    if (errno === "EBUSY" || errno === "ENOTEMPTY") return "EBUSY";
    throw new ContainerError("remove cgroup", { place: directory, errno });
  }
}

function waitUntilEmpty(directory: string, kernel: CgroupKernel, deadline: number): void {
  const events = kernel.watch(`${directory}/cgroup.events`);
  if (events === undefined) return;
  try {
    while (events.read().includes("populated 1")) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0 || !events.wait(Math.ceil(leftMs))) return;
    }
  } finally {
    events.close();
  }
}
