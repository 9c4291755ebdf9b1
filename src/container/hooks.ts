import { runPlan } from "../../ffi/stub.ts";
import type { ContainerError } from "../errors.ts";
import { reportToError } from "../launch/report.ts";
import { encodePlan } from "../plan/encode.ts";
import { hookPlan } from "../plan/hooks.ts";
import { WORDS } from "../plan/schema.ts";
import { parseSpec } from "../spec/parse.ts";
import type { Hook, Spec } from "../spec/schema.ts";
import { type Folder, loadConfig } from "../state/folder.ts";
import type { ContainerRecord } from "../state/record.ts";
import type { Runtime, Status } from "./options.ts";

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

/** A container, as far as its hooks are told of it. */
interface HookContainer {
  readonly record: ContainerRecord;
  readonly status: Status;
}

/**
 * Run hooks in the runtime's namespaces, in their order, each with the bundle as its working directory and the
 * environment it names, nothing else (CVE-2025-23266).
 *
 * Throws ContainerError `error running KIND hook #INDEX: …` at the first that fails.
 */
export function runHooks(kind: string, hooks: readonly Hook[], container: HookContainer, pid: number): void {
  for (const [index, hook] of hooks.entries()) {
    const error = runHook([kind, index], hook, container, pid);
    if (error !== undefined) throw error;
  }
}

/** Run the poststop hooks. One that fails is a warning and the others run (runtime-spec, runtime.md "Lifecycle"). */
export function runPoststopHooks(runtime: Runtime, hooks: readonly Hook[], record: ContainerRecord): void {
  for (const [index, hook] of hooks.entries()) {
    const error = runHook(["poststop", index], hook, { record, status: "stopped" }, 0);
    if (error !== undefined) runtime.log.warn(error.message);
  }
}

function runHook(
  [kind, index]: readonly [string, number],
  hook: Hook,
  { record, status }: HookContainer,
  pid: number,
): ContainerError | undefined {
  const plan = hookPlan(kind, [hook], { state: hookState(record, status), pid, directory: record.bundle });
  const { errno, opIndex, text } = runPlan(encodePlan(plan), 0, []);
  if (errno === 0) return undefined;
  const steps = plan.steps.map((step) => ({ ...step, origin: ["hooks", kind, index] }));
  return reportToError({ word: WORDS.failed, opIndex, errno, value: 0, text }, { ...plan, steps });
}
