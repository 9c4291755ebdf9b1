import { assertEquals } from "@std/assert";
import { identifyPlan, killPlan, signalPlan, startPlan } from "./verbs.ts";

const TARGET = { pid: 42, startTime: 4711 };

Deno.test("every verb makes sure of the process before it does anything to it", () => {
  const plans = [
    identifyPlan(TARGET),
    startPlan(TARGET, "/r/c", "exec.fifo"),
    signalPlan(TARGET, 15),
    killPlan(TARGET, 1),
  ];
  for (const { steps } of plans) {
    assertEquals(steps[0]!.op, { op: "identify_process", slot: 0, pid: 42, startTime: 4711n });
    // Only through the pidfd from there on: a number may be another process's by then.
    for (const { op } of steps.slice(1)) assertEquals("pid" in op, false, op.op);
  }
});

Deno.test("signalPlan() sends the signal that was asked for; killPlan() kills and waits", () => {
  assertEquals(signalPlan(TARGET, 0).steps[1]!.op, { op: "pidfd_signal", slot: 0, signal: 0 });
  assertEquals(killPlan(TARGET, 500).steps.slice(1).map(({ op }) => op), [
    { op: "pidfd_signal", slot: 0, signal: 9 },
    { op: "wait_exit", slot: 0, timeoutMs: 500 },
  ]);
});

Deno.test("startPlan() follows no link to the container's folder", () => {
  const open = startPlan(TARGET, "/r/c", "exec.fifo").steps[1]!.op;
  const O_NOFOLLOW = 0o400000;
  assertEquals(open.op === "open" && (open.flags & O_NOFOLLOW) !== 0 && open.path === "/r/c", true);
});
