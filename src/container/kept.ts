import { buildId } from "../../ffi/stub.ts";
import { freezeFile } from "../cgroup/freeze.ts";
import { directoriesOf } from "../cgroup/paths.ts";
import { encodeKept, keptPlans } from "../plan/kept.ts";
import type { KEPT_VERBS } from "../plan/schema.ts";
import type { Spec } from "../spec/schema.ts";
import { BARRIER, FILES, type Folder, saveKept } from "../state/folder.ts";
import type { ContainerRecord } from "../state/record.ts";
import { stateDocument } from "./container.ts";
import type { Status } from "./options.ts";

/**
 * Write the plans of a container's later verbs into its folder, for the first stage of the executable. What the
 * engine alone can do is left out.
 */
export function keepPlans(folder: Folder, record: ContainerRecord, spec: Spec): void {
  const stateText = (status: Status) =>
    JSON.stringify(stateDocument({ folder, record, status }, ""), null, 2);
  const plans = keptPlans({
    id: record.id,
    target: record.process!,
    barrier: BARRIER,
    freezer: freezeFile(record.cgroupPaths),
    cgroups: directoriesOf(record.cgroupPaths),
    states: {
      created: stateText("created"),
      running: stateText("running"),
      paused: stateText("paused"),
      stopped: stateText("stopped"),
    },
    files: FILES,
    engine: engineVerbs(record, spec),
  });
  const identity = {
    id: record.id,
    incarnation: record.incarnation,
    bootId: record.bootId,
    uid: Deno.uid() ?? 0,
    buildId: buildId(),
  };
  const bytes = encodeKept(plans, identity);
  if (bytes !== undefined) saveKept(folder, bytes);
}

function engineVerbs(record: ContainerRecord, spec: Spec): (typeof KEPT_VERBS[number])[] {
  const verbs: (typeof KEPT_VERBS[number])[] = [];
  if ((spec.hooks?.poststart ?? []).length > 0) verbs.push("start");
  // SIGKILL goes to the whole group, and others may be left when the first process has ended.
  if (!record.ownPidNamespace) verbs.push("kill", "delete", "deleteForce");
  if ((spec.hooks?.poststop ?? []).length > 0 || !record.ownMountNamespace) {
    verbs.push("delete", "deleteForce");
  }
  return verbs;
}
