import { ContainerError } from "../errors.ts";
import { freeze, thaw } from "./freeze.ts";
import { exists, tryWrite } from "./files.ts";
import { type CgroupKernel, pause } from "./kernel.ts";
import { type CgroupPaths, isV2 } from "./paths.ts";
import { listPids, processDirectory } from "./pids.ts";

const SIGKILL = 9;
/** Rounds of killing without a freezer before we give up: a fork bomb that outruns us this often wins. */
const ROUND_LIMIT = 100;
/** Killing must not wait as long as pausing: what does not freeze is killed all the same. */
const FREEZE_TIMEOUT_MS = 500;

/**
 * Kill every process of a container and leave its group thawed. A container without processes, or without a
 * group, is fine. The processes may take a moment to be gone: removeCgroup() waits for that.
 *
 * v2: `cgroup.kill` (5.14). Else the group is frozen, so that nothing can fork and no number can be used again,
 * every process in it is killed, and the group is thawed, because a frozen process of v1 does not die.
 */
export function killCgroup(paths: CgroupPaths, kernel: CgroupKernel): void {
  if (isV2(paths)) {
    const errno = tryWrite(`${paths[""]}/cgroup.kill`, "1");
    if (errno === undefined || !exists(paths[""]!)) return;
    if (errno !== "ENOENT" && errno !== "EOPNOTSUPP") {
      throw new ContainerError("kill cgroup", { place: `${paths[""]}/cgroup.kill`, errno });
    }
  }
  signalCgroup(paths, SIGKILL, kernel);
}

/**
 * Send a signal to every process of a container while the group is frozen, then thaw it.
 * Without a freezer SIGKILL is repeated until nothing is left to kill.
 */
export function signalCgroup(paths: CgroupPaths, signal: number, kernel: CgroupKernel): void {
  const directory = processDirectory(paths);
  if (directory === undefined || !exists(directory)) return;
  const held = tryFreeze(paths, kernel);
  try {
    for (let round = 0; round < ROUND_LIMIT; round++) {
      const alive = listPids(directory).filter((pid) => kernel.signal(pid, signal));
      if (held || signal !== SIGKILL || alive.length === 0) return;
      pause(1);
    }
  } finally {
    thaw(paths);
  }
}

function tryFreeze(paths: CgroupPaths, kernel: CgroupKernel): boolean {
  try {
    freeze(paths, kernel, FREEZE_TIMEOUT_MS);
    return true;
  } catch (error) {
    if (error instanceof ContainerError) return false;
    throw error;
  }
}
