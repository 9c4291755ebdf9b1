import { cgroupKernel } from "../../ffi/cgroup_kernel.ts";
import { freeze, thaw } from "../cgroup/freeze.ts";
import { ContainerError } from "../errors.ts";
import { lockFolder } from "../state/folder.ts";
import { loadContainer } from "./container.ts";
import type { Runtime } from "./options.ts";

/** `pause`: stop all processes of a container that is created or running. Throws `container not running` otherwise. */
export function pauseContainer(runtime: Runtime, id: string): void {
  const lock = lockFolder(loadContainer(runtime, id).folder);
  try {
    const { record, status } = loadContainer(runtime, id);
    if (status !== "running" && status !== "created") throw new ContainerError("container not running");
    freeze(record.cgroupPaths, cgroupKernel());
  } finally {
    lock.release();
  }
}

/** `resume`: let them go on. Throws `container not paused` for a container that is not paused. */
export function resumeContainer(runtime: Runtime, id: string): void {
  const lock = lockFolder(loadContainer(runtime, id).folder);
  try {
    const { record, status } = loadContainer(runtime, id);
    if (status !== "paused") throw new ContainerError("container not paused");
    thaw(record.cgroupPaths);
  } finally {
    lock.release();
  }
}
