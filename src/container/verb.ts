import { close, runPlan } from "../../ffi/stub.ts";
import { ContainerError, errnoName } from "../errors.ts";
import { encodePlan } from "../plan/encode.ts";
import type { Plan } from "../plan/plan.ts";
import { identifyPlan, type Target } from "../plan/verbs.ts";

/** What became of a verb's plan, by the words its caller has for each errno. */
export interface VerbOutcome {
  /** 0, or the errno's name. */
  readonly errno: string | undefined;
  readonly opIndex: number;
}

/** Carry out a verb's plan in this process and close what it opened. */
export function carryOut(plan: Plan): VerbOutcome {
  const result = runPlan(encodePlan(plan), plan.slots.length, []);
  for (const fd of result.slots) if (fd >= 0) close(fd);
  return { errno: result.errno === 0 ? undefined : errnoName(result.errno), opIndex: result.opIndex };
}

/** Throw for an outcome that is not among those the caller expects. */
export function unexpected(operation: string, outcome: VerbOutcome): ContainerError {
  return new ContainerError(operation, { errno: outcome.errno });
}

/** A failure to start a process, nested as runc does. What is no ContainerError stays as it is. */
export function startFailure(error: unknown): unknown {
  return error instanceof ContainerError ? error.within("unable to start container process") : error;
}

/** Do something whose ContainerErrors are nested in these words. */
export function nested(words: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    throw error instanceof ContainerError ? error.within(words) : error;
  }
}

/** A pidfd for the very process of a record; undefined when it is gone. The caller closes it. */
export function identify(target: Target): number | undefined {
  const plan = identifyPlan(target);
  const result = runPlan(encodePlan(plan), plan.slots.length, []);
  const errno = result.errno === 0 ? undefined : errnoName(result.errno);
  if (errno === "ESRCH") return undefined;
  if (errno !== undefined) throw new ContainerError("find the container's process", { errno });
  return result.slots[0]!;
}
