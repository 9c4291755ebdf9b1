import {
  IOPRIO_CLASS_BE,
  IOPRIO_CLASS_IDLE,
  IOPRIO_CLASS_RT,
  MPOL_BIND,
  MPOL_DEFAULT,
  MPOL_F_NUMA_BALANCING,
  MPOL_F_RELATIVE_NODES,
  MPOL_F_STATIC_NODES,
  MPOL_INTERLEAVE,
  MPOL_LOCAL,
  MPOL_PREFERRED,
  MPOL_PREFERRED_MANY,
  MPOL_WEIGHTED_INTERLEAVE,
  SCHED_BATCH,
  SCHED_DEADLINE,
  SCHED_FIFO,
  SCHED_FLAG_DL_OVERRUN,
  SCHED_FLAG_KEEP_PARAMS,
  SCHED_FLAG_KEEP_POLICY,
  SCHED_FLAG_RECLAIM,
  SCHED_FLAG_RESET_ON_FORK,
  SCHED_FLAG_UTIL_CLAMP_MAX,
  SCHED_FLAG_UTIL_CLAMP_MIN,
  SCHED_IDLE,
  SCHED_NORMAL,
  SCHED_RR,
} from "./constants.gen.ts";

/** process.scheduler.policy (sched(7)). */
export const POLICIES: Record<string, number> = {
  SCHED_OTHER: SCHED_NORMAL,
  SCHED_FIFO,
  SCHED_RR,
  SCHED_BATCH,
  SCHED_IDLE,
  SCHED_DEADLINE,
};

export const SCHEDULER_FLAGS: Record<string, number> = {
  SCHED_FLAG_RESET_ON_FORK,
  SCHED_FLAG_RECLAIM,
  SCHED_FLAG_DL_OVERRUN,
  SCHED_FLAG_KEEP_POLICY,
  SCHED_FLAG_KEEP_PARAMS,
  SCHED_FLAG_UTIL_CLAMP_MIN,
  SCHED_FLAG_UTIL_CLAMP_MAX,
};

export const IO_CLASSES: Record<string, number> = { IOPRIO_CLASS_RT, IOPRIO_CLASS_BE, IOPRIO_CLASS_IDLE };

/** Whether a scheduler policy can be set. SCHED_ISO is reserved in the kernel and was never made. */
export function isSchedulerPolicy(policy: string): boolean {
  return Object.hasOwn(POLICIES, policy);
}

export function isIoClass(ioClass: string): boolean {
  return Object.hasOwn(IO_CLASSES, ioClass);
}

export function isSchedulerFlag(flag: string): boolean {
  return Object.hasOwn(SCHEDULER_FLAGS, flag);
}

/** linux.memoryPolicy.mode and its flags (set_mempolicy(2)). */
export const MEMORY_MODES: Record<string, number> = {
  MPOL_DEFAULT,
  MPOL_PREFERRED,
  MPOL_BIND,
  MPOL_INTERLEAVE,
  MPOL_LOCAL,
  MPOL_PREFERRED_MANY,
  MPOL_WEIGHTED_INTERLEAVE,
};

export const MEMORY_FLAGS: Record<string, number> = {
  MPOL_F_STATIC_NODES,
  MPOL_F_RELATIVE_NODES,
  MPOL_F_NUMA_BALANCING,
};

export function isMemoryMode(mode: string): boolean {
  return Object.hasOwn(MEMORY_MODES, mode);
}

export function isMemoryFlag(flag: string): boolean {
  return Object.hasOwn(MEMORY_FLAGS, flag);
}

/** Names for `features`. */
export function memoryPolicyNames(): { readonly modes: string[]; readonly flags: string[] } {
  return { modes: Object.keys(MEMORY_MODES), flags: Object.keys(MEMORY_FLAGS) };
}

/** Bits of a mask of nodes or processors. */
export const NODE_BITS = 1024;

/** Read a list such as `0-3,7` of nodes or processors. Undefined for a text that is none. Numbers below 1024. */
export function parseNodes(text: string): number[] | undefined {
  const numbers: number[] = [];
  for (const part of text.split(",")) {
    if (part.trim() === "") continue;
    const match = /^\s*(\d{1,4})(?:-(\d{1,4}))?\s*$/.exec(part);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (match === null || last < first || last >= NODE_BITS) return undefined;
    for (let number = first; number <= last; number++) numbers.push(number);
  }
  return numbers;
}

/** Numbers as a mask of bits, 1024 of them; empty for none. */
export function nodeMask(numbers: readonly number[]): Uint8Array {
  if (numbers.length === 0) return new Uint8Array(0);
  const bytes = new Uint8Array(NODE_BITS / 8);
  for (const number of numbers) bytes[number >> 3]! |= 1 << (number & 7);
  return bytes;
}
