import { assertEquals } from "@std/assert";
import {
  isIoClass,
  isMemoryFlag,
  isMemoryMode,
  isSchedulerFlag,
  isSchedulerPolicy,
  memoryPolicyNames,
  POLICIES,
} from "./scheduling.ts";

Deno.test("scheduler policies have the kernel's numbers, and SCHED_ISO none", () => {
  assertEquals(POLICIES, {
    SCHED_OTHER: 0,
    SCHED_FIFO: 1,
    SCHED_RR: 2,
    SCHED_BATCH: 3,
    SCHED_IDLE: 5,
    SCHED_DEADLINE: 6,
  });
  assertEquals(isSchedulerPolicy("SCHED_ISO"), false);
});

Deno.test("no word that every object has is a policy, a flag or a mode", () => {
  for (const check of [isSchedulerPolicy, isIoClass, isSchedulerFlag, isMemoryMode, isMemoryFlag]) {
    for (const word of ["constructor", "toString", "__proto__", ""]) assertEquals(check(word), false, word);
  }
});

Deno.test("memoryPolicyNames() lists the seven modes and three flags of set_mempolicy(2)", () => {
  const { modes, flags } = memoryPolicyNames();
  assertEquals([modes.length, flags.length], [7, 3]);
});
