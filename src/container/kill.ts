import { signalCgroup } from "../cgroup/kill.ts";
import { thaw } from "../cgroup/freeze.ts";
import { cgroupKernel } from "../../ffi/cgroup_kernel.ts";
import { ContainerError } from "../errors.ts";
import { signalPlan } from "../plan/verbs.ts";
import { loadContainer, processOf } from "./container.ts";
import type { Runtime } from "./options.ts";
import { carryOut, unexpected } from "./verb.ts";

const SIGKILL = 9;

/**
 * `kill`: send a signal (0..64) to the container's process; SIGKILL to a container without a pid namespace of its
 * own goes to its whole cgroup, and so does every signal with `all`. A frozen container is thawed for SIGKILL.
 *
 * Throws ContainerError `container not running`; with `all` a stopped container is fine.
 */
export function killContainer(runtime: Runtime, id: string, signal: number, all: boolean): void {
  const container = loadContainer(runtime, id);
  const { cgroupPaths, ownPidNamespace } = container.record;
  const hasCgroup = Object.keys(cgroupPaths).length > 0;
  const whole = hasCgroup && (all || (signal === SIGKILL && !ownPidNamespace));
  if (container.status === "stopped" || container.record.process === undefined) {
    if (whole) signalCgroup(cgroupPaths, signal, cgroupKernel());
    if (all) return;
    throw new ContainerError("container not running");
  }
  if (whole) return signalCgroup(cgroupPaths, signal, cgroupKernel());
  const outcome = carryOut(signalPlan(processOf(container), signal));
  if (outcome.errno === "ESRCH") throw new ContainerError("container not running");
  if (outcome.errno !== undefined) throw unexpected(`send signal ${signal}`, outcome);
  // On v1 a frozen process does not even die.
  if (signal === SIGKILL && container.status === "paused") thaw(cgroupPaths);
}
