import { cgroupKernel } from "../../ffi/cgroup_kernel.ts";
import { umountAll } from "../../ffi/mounts.ts";
import { thaw } from "../cgroup/freeze.ts";
import { killCgroup } from "../cgroup/kill.ts";
import { containerPids } from "../cgroup/pids.ts";
import { removeCgroup } from "../cgroup/remove.ts";
import { removeRdtGroup } from "../cgroup/resctrl_group.ts";
import { ContainerError } from "../errors.ts";
import { killPlan } from "../plan/verbs.ts";
import type { ContainerRecord } from "../state/record.ts";
import { checkFolder, type Folder, folderOf, lockFolder, removeFolder } from "../state/folder.ts";
import { type Container, loadContainer } from "./container.ts";
import { hooksOf, runPoststopHooks } from "./hooks.ts";
import type { Runtime } from "./options.ts";
import { carryOut, unexpected } from "./verb.ts";

/** How long a killed process may take to end. */
const END_TIMEOUT_MS = 10_000;

/**
 * `delete`: remove what is left of a stopped container, or of one that was created and never started. With `force`
 * a running one is killed first, and one that does not exist, or whose state is damaged, is no error.
 */
export function deleteContainer(runtime: Runtime, id: string, force: boolean): void {
  const folder = folderOf(runtime.root, id);
  checkFolder(runtime.root, folder);
  let container: Container;
  let lock: { release(): void } | undefined;
  try {
    loadContainer(runtime, id);
    lock = lockFolder(folder);
    container = loadContainer(runtime, id);
  } catch (error) {
    lock?.release();
    // A folder without a readable state holds nothing that could be found: it goes.
    if (force || isMissing(error)) removeFolder(folder);
    if (force) return;
    throw error;
  }
  try {
    const { status } = container;
    if (status !== "stopped" && status !== "created" && !force) {
      throw new ContainerError(`cannot delete container ${id} that is not stopped`, { reason: status });
    }
    destroy(runtime, container);
  } finally {
    lock.release();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof ContainerError && error.operation === "container does not exist";
}

/**
 * Kill what runs and take away everything that was made: processes, mounts, cgroups, the state folder; then run the
 * poststop hooks. The same clean-up serves `delete`, the end of a foreground `run`, and a creation that failed.
 */
export function destroy(runtime: Runtime, container: Container): void {
  const { folder, record } = container;
  const hooks = safeHooks(runtime, folder);
  killProcesses(container);
  if (!record.ownMountNamespace) umountAll(record.rootfs);
  stopUnit(runtime, record);
  if (Object.keys(record.cgroupPaths).length > 0) removeCgroup(record.cgroupPaths, cgroupKernel());
  if (record.intelRdt !== undefined) removeRdtGroup(record.intelRdt);
  removeFolder(folder);
  runPoststopHooks(runtime, hooks, record);
}

/** A bus that does not answer must not keep a container: systemd forgets a scope by itself when its group is gone. */
function stopUnit({ systemd, log }: Runtime, record: ContainerRecord): void {
  if (record.systemd === undefined) return;
  try {
    if (systemd === undefined) throw new ContainerError("the systemd driver is not loaded");
    systemd.stopScope(record);
  } catch (error) {
    log.warn(`stop systemd unit ${record.systemd.unit}: ${error instanceof Error ? error.message : error}`);
  }
}

function safeHooks(runtime: Runtime, folder: Folder) {
  try {
    return hooksOf(folder).poststop ?? [];
  } catch (error) {
    runtime.log.warn(`poststop hooks: ${error instanceof Error ? error.message : error}`);
    return [];
  }
}

function killProcesses({ record }: Container): void {
  const paths = record.cgroupPaths;
  const hasCgroup = Object.keys(paths).length > 0;
  if (record.process !== undefined) {
    // Frozen processes of v1 do not die; a container that is frozen by a group above stays frozen, and the wait says so.
    if (hasCgroup) thaw(paths);
    const outcome = carryOut(killPlan(record.process, END_TIMEOUT_MS));
    if (outcome.errno === "ETIMEDOUT") throw new ContainerError("container init still running");
    if (outcome.errno !== undefined && outcome.errno !== "ESRCH") {
      throw unexpected("kill the container", outcome);
    }
  }
  // Without a pid namespace of its own, or when its creator died half-way, others may be left.
  if (hasCgroup && containerPids(paths).length > 0) killCgroup(paths, cgroupKernel());
}
