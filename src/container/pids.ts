import { containerPids as pidsOfGroups } from "../cgroup/pids.ts";
import { pidNamespaceMembers } from "../host/namespaces.ts";
import { lookAtContainer } from "./container.ts";
import type { Runtime } from "./options.ts";

/** `ps`: the host's numbers of all processes of a container; empty for one that has stopped and left nothing. */
export function containerPids(runtime: Runtime, id: string): number[] {
  const { record, status } = lookAtContainer(runtime, id);
  if (Object.keys(record.cgroupPaths).length > 0) return pidsOfGroups(record.cgroupPaths);
  // An ordinary user's container may have no group: it is its pid namespace then.
  if (status === "stopped" || record.process === undefined) return [];
  return record.ownPidNamespace ? pidNamespaceMembers(record.process.pid) : [record.process.pid];
}
