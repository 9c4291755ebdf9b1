import { close } from "../../ffi/stub.ts";
import { ContainerError } from "../errors.ts";
import { startPlan } from "../plan/verbs.ts";
import { BARRIER, lockFolder } from "../state/folder.ts";
import { type Container, loadContainer, processOf } from "./container.ts";
import { hooksOf, runHooks } from "./hooks.ts";
import { NotifySocket } from "./notify.ts";
import type { Runtime, Status } from "./options.ts";
import { destroy } from "./delete.ts";
import { carryOut, identify, unexpected } from "./verb.ts";

/**
 * `start`: let a created container's process go on. Returns when it has left the barrier, so that no `state` shows
 * `created` any more, and after the poststart hooks.
 *
 * Throws ContainerError with runc's words for a container that is not `created`, and when a poststart hook fails
 * (the container is killed then).
 */
export function startContainer(runtime: Runtime, id: string): void {
  const started = release(runtime, id);
  if (started === undefined) return;
  const { notify, pidfd, pid } = started;
  try {
    // Without the lock: readiness may take long, and the container may have to be killed.
    if (pidfd !== undefined) notify.wait(pidfd, pid);
  } finally {
    notify.close();
    if (pidfd !== undefined) close(pidfd);
  }
}

/** Let it go, and give its socket if there is a service manager that wants to be told of its readiness. */
function release(runtime: Runtime, id: string) {
  const lock = lockFolder(loadContainer(runtime, id).folder);
  try {
    const container = loadContainer(runtime, id);
    const refusal = REFUSALS[container.status];
    if (refusal !== undefined) throw new ContainerError(refusal);
    const { pid } = processOf(container);
    const notify = NotifySocket.bind(container.folder);
    const pidfd = notify && identify(processOf(container));
    const outcome = carryOut(startPlan(processOf(container), container.folder.path, BARRIER));
    if (outcome.errno !== undefined) notify?.close();
    if (outcome.errno === "ESRCH") throw new ContainerError(REFUSALS.stopped!);
    if (outcome.errno === "ENXIO" || outcome.errno === "ENOENT") throw new ContainerError(REFUSALS.running!);
    if (outcome.errno !== undefined) throw unexpected("start the container", outcome);
    poststart(runtime, container);
    return notify && { notify, pidfd, pid };
  } finally {
    lock.release();
  }
}

const REFUSALS: Partial<Record<Status, string>> = {
  stopped: "cannot start a container that has stopped",
  running: "cannot start an already running container",
  paused: "cannot start a container in the paused state",
  creating: "cannot start a container that is still being created",
};

/** The poststart hooks; one that fails takes the container down (runtime-spec: a failure stops the container). */
export function poststart(runtime: Runtime, container: Container): void {
  const hooks = hooksOf(container.folder).poststart;
  if (hooks === undefined || hooks.length === 0) return;
  try {
    runHooks("poststart", hooks, { ...container, status: "running" }, container.record.process!.pid);
  } catch (error) {
    destroy(runtime, container);
    throw error;
  }
}
