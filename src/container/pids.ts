import { containerPids as pidsOfGroups } from "../cgroup/pids.ts";
import { loadContainer } from "./container.ts";
import type { Runtime } from "./options.ts";

/** `ps`: the host's numbers of all processes of a container; empty for one that has stopped and left nothing. */
export function containerPids(runtime: Runtime, id: string): number[] {
  return pidsOfGroups(loadContainer(runtime, id).record.cgroupPaths);
}
