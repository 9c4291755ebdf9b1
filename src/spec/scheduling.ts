import {
  isIoClass,
  isMemoryFlag,
  isMemoryMode,
  isSchedulerFlag,
  isSchedulerPolicy,
  parseNodes,
} from "../linux/scheduling.ts";
import type { Linux, Process } from "./schema.ts";
import type { Issues } from "./issues.ts";

/** config.md "scheduler", "ioPriority" and "execCPUAffinity". */
export function checkScheduling(process: Process, path: string, issues: Issues): void {
  const { scheduler, ioPriority, execCPUAffinity } = process;
  if (scheduler !== undefined) checkScheduler(scheduler, `${path}.scheduler`, issues);
  if (ioPriority !== undefined) checkIoPriority(ioPriority, `${path}.ioPriority`, issues);
  if (execCPUAffinity !== undefined) checkAffinity(execCPUAffinity, `${path}.execCPUAffinity`, issues);
}

function checkIoPriority(
  { class: ioClass, priority = 0 }: NonNullable<Process["ioPriority"]>,
  path: string,
  issues: Issues,
): void {
  if (!isIoClass(ioClass)) issues.error(`${path}.class`, `invalid ioPriority.Class: ${ioClass}`);
  if (priority < 0 || priority > 7) {
    issues.error(`${path}.priority`, `invalid ioPriority.Priority: ${priority}`);
  }
}

function checkAffinity(
  affinity: NonNullable<Process["execCPUAffinity"]>,
  path: string,
  issues: Issues,
): void {
  for (const when of ["initial", "final"] as const) {
    const list = affinity[when] ?? "";
    if (list !== "" && (parseNodes(list) ?? []).length === 0) {
      issues.error(`${path}.${when}`, `invalid CPU list ${JSON.stringify(list)}`);
    }
  }
}

function checkScheduler(scheduler: NonNullable<Process["scheduler"]>, path: string, issues: Issues): void {
  const { policy, nice = 0, priority = 0, flags = [], runtime, deadline, period } = scheduler;
  if (!isSchedulerPolicy(policy)) issues.error(`${path}.policy`, `invalid scheduler policy: ${policy}`);
  if (nice < -20 || nice > 19) issues.error(`${path}.nice`, `invalid scheduler.nice: ${nice}`);
  if (priority !== 0 && policy !== "SCHED_FIFO" && policy !== "SCHED_RR") {
    issues.error(
      `${path}.priority`,
      "scheduler.priority can only be specified for SchedFIFO or SchedRR policy",
    );
  }
  if ((runtime || deadline || period) && policy !== "SCHED_DEADLINE") {
    issues.error(path, "scheduler runtime/deadline/period can only be specified for SchedDeadline policy");
  }
  flags.forEach((flag, index) => {
    if (!isSchedulerFlag(flag)) issues.error(`${path}.flags[${index}]`, `invalid scheduler flag: ${flag}`);
  });
}

/** Modes of set_mempolicy(2) that take no nodes. */
const WITHOUT_NODES = ["MPOL_DEFAULT", "MPOL_LOCAL"];

/** config-linux.md "Memory policy". */
export function checkMemoryPolicy(
  { mode, nodes = "", flags = [] }: NonNullable<Linux["memoryPolicy"]>,
  issues: Issues,
): void {
  const path = "linux.memoryPolicy";
  if (!isMemoryMode(mode)) issues.error(`${path}.mode`, `invalid memory policy mode ${JSON.stringify(mode)}`);
  const list = parseNodes(nodes);
  if (list === undefined) issues.error(`${path}.nodes`, `invalid node list ${JSON.stringify(nodes)}`);
  else if (list.length > 0 && WITHOUT_NODES.includes(mode)) {
    issues.error(`${path}.nodes`, `${mode} takes no nodes`);
  } else if (
    list.length === 0 && isMemoryMode(mode) && !WITHOUT_NODES.includes(mode) && mode !== "MPOL_PREFERRED"
  ) {
    issues.error(`${path}.nodes`, `${mode} needs at least one node`);
  }
  flags.forEach((flag, index) => {
    if (!isMemoryFlag(flag)) issues.error(`${path}.flags[${index}]`, `invalid memory policy flag ${flag}`);
  });
}
