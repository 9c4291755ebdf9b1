/**
 * What `--debug` tells of a process's start: the plan, then how far it got, in the words that runc's users look for in
 * its debug output.
 */
import { formatPlan } from "../plan/format.ts";
import type { Plan } from "../plan/plan.ts";
import type { Log } from "./options.ts";

/** The init is about to get its plan. */
export function tracePlan(log: Log, plan: Plan): void {
  if (!log.debugEnabled) return;
  log.debug(`nsexec container setup: ${plan.steps.length} steps`);
  for (const line of formatPlan(plan).split("\n")) log.debug(line);
}

/** The new process has its namespaces, and asks whether to go on. */
export function traceReady(log: Log, pid: number): void {
  log.debug(`child process in init(): pid ${pid}`);
}

/** The conversation with the init has ended: its process goes on alone. */
export function traceEnd(log: Log, kind: "create" | "exec"): void {
  log.debug(kind === "create" ? "init: closing the pipe to signal completion" : "setns_init: about to exec");
}
