import { IOPRIO_CLASS_SHIFT, PER_LINUX, PER_LINUX32 } from "../linux/constants.gen.ts";
import {
  IO_CLASSES,
  MEMORY_FLAGS,
  MEMORY_MODES,
  NODE_BITS,
  nodeMask,
  parseNodes,
  POLICIES,
  SCHEDULER_FLAGS,
} from "../linux/scheduling.ts";
import type { Linux } from "../spec/schema.ts";
import { step } from "./frame.ts";
import type { Step } from "./plan.ts";
import type { ProcessRequest } from "./process.ts";

/** How the kernel schedules the process: process.scheduler (sched_setattr(2)) and process.ioPriority (ioprio_set(2)). */
export function schedulingSteps({ process, origin }: ProcessRequest): Step[] {
  const steps: Step[] = [];
  if (process.scheduler !== undefined) {
    steps.push(
      step({ op: "sched_setattr", attr: schedulerAttr(process.scheduler) }, [...origin, "scheduler"]),
    );
  }
  if (process.ioPriority !== undefined) {
    const { class: ioClass, priority = 0 } = process.ioPriority;
    const value = (IO_CLASSES[ioClass]! << IOPRIO_CLASS_SHIFT) | priority;
    steps.push(step({ op: "ioprio_set", priority: value }, [...origin, "ioPriority"]));
  }
  return steps;
}

/** struct sched_attr, version 0 (linux/sched/types.h, 48 bytes). */
function schedulerAttr(scheduler: NonNullable<ProcessRequest["process"]["scheduler"]>): Uint8Array {
  const bytes = new Uint8Array(48);
  const view = new DataView(bytes.buffer);
  const flags = (scheduler.flags ?? []).reduce((all, flag) => all | (SCHEDULER_FLAGS[flag] ?? 0), 0);
  view.setUint32(0, bytes.length, true);
  view.setUint32(4, POLICIES[scheduler.policy]!, true);
  view.setBigUint64(8, BigInt(flags), true);
  view.setInt32(16, scheduler.nice ?? 0, true);
  view.setUint32(20, scheduler.priority ?? 0, true);
  view.setBigUint64(24, scheduler.runtime ?? 0n, true);
  view.setBigUint64(32, scheduler.deadline ?? 0n, true);
  view.setBigUint64(40, scheduler.period ?? 0n, true);
  return bytes;
}

/** linux.personality (personality(2)) and linux.memoryPolicy (set_mempolicy(2)). */
export function memorySteps(linux: Linux | undefined): Step[] {
  const steps: Step[] = [];
  if (linux?.personality !== undefined) {
    const persona = linux.personality.domain === "LINUX32" ? PER_LINUX32 : PER_LINUX;
    steps.push(step({ op: "personality", persona }, ["linux", "personality"]));
  }
  if (linux?.memoryPolicy === undefined) return steps;
  const { mode, nodes = "", flags = [] } = linux.memoryPolicy;
  const list = parseNodes(nodes)!;
  steps.push(step({
    op: "set_mempolicy",
    mode: MEMORY_MODES[mode]! | flags.reduce((all, flag) => all | (MEMORY_FLAGS[flag] ?? 0), 0),
    nodes: nodeMask(list),
    // The kernel reads one bit less than this says (set_mempolicy(2), BUGS).
    maxNode: NODE_BITS + 1,
  }, ["linux", "memoryPolicy"]));
  return steps;
}
