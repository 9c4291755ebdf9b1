import { runPlan } from "../../ffi/stub.ts";
import { reportToError } from "../launch/report.ts";
import { encodePlan } from "../plan/encode.ts";
import { hookPlan } from "../plan/hooks.ts";
import { WORDS } from "../plan/schema.ts";
import { parseSpec } from "../spec/parse.ts";
import type { Hook, Spec } from "../spec/schema.ts";
import { type Folder, loadConfig } from "../state/folder.ts";
import type { ContainerRecord } from "../state/record.ts";
import type { Status } from "./options.ts";

/** The hooks of a container, from the config.json that was kept at create. */
export function hooksOf(folder: Folder): NonNullable<Spec["hooks"]> {
  return parseSpec(loadConfig(folder)).hooks ?? {};
}

/**
 * The state document that hooks get on stdin, cut where the pid belongs: it is known only when they run
 * (runtime-spec, runtime.md "State"). A stopped container has none.
 */
export function hookState(record: ContainerRecord, status: Status): readonly [string, string] {
  const annotations = Object.keys(record.annotations).length === 0 ? {} : { annotations: record.annotations };
  const head = JSON.stringify({ ociVersion: "1.3.0", id: record.id, status });
  const tail = JSON.stringify({ bundle: record.bundle, ...annotations });
  if (status === "stopped") return [`${head.slice(0, -1)},${tail.slice(1)}`, ""];
  return [`${head.slice(0, -1)},"pid":`, `,${tail.slice(1)}`];
}

/**
 * Run hooks in the runtime's namespaces, in their order, each with the bundle as its working directory and the
 * environment it names, nothing else (CVE-2025-23266).
 *
 * Throws ContainerError `error running KIND hook #INDEX: …` at the first that fails.
 */
export function runHooks(
  kind: string,
  hooks: readonly Hook[],
  container: { readonly record: ContainerRecord; readonly status: Status },
  pid: number,
): void {
  const state = hookState(container.record, container.status);
  for (const [index, hook] of hooks.entries()) {
    const plan = hookPlan(kind, [hook], { state, pid, directory: container.record.bundle });
    const result = runPlan(encodePlan(plan), 0, []);
    if (result.errno === 0) continue;
    const steps = plan.steps.map((step) => ({ ...step, origin: ["hooks", kind, index] }));
    const report = {
      word: WORDS.failed,
      opIndex: result.opIndex,
      errno: result.errno,
      value: 0,
      text: result.text,
    };
    throw reportToError(report, { ...plan, steps });
  }
}
