import { assertEquals } from "@std/assert";
import { hookPlan, hookSteps } from "./hooks.ts";

const CONTEXT = { state: ["{", "}"], pid: 7 } as const;

Deno.test("hookSteps() gives a hook its own environment and no other (CVE-2025-23266)", () => {
  const [bare, own] = hookSteps("prestart", [{ path: "/h" }, { path: "/h", env: ["A=1"] }], CONTEXT);
  assertEquals([bare, own].map((step) => step!.op.op === "run_hook" && step!.op.envp), [[], ["A=1"]]);
  const [inside] = hookSteps("startContainer", [{ path: "/h" }], { ...CONTEXT, environment: ["P=1"] });
  assertEquals(inside!.op.op === "run_hook" && inside!.op.envp, ["P=1"]);
});

Deno.test("hookSteps() takes args[0] for the name and the path for the program", () => {
  const argv = hookSteps("poststop", [{ path: "/h" }, { path: "/h", args: [] }, {
    path: "/h",
    args: ["n", "a"],
  }], CONTEXT)
    .map(({ op }) => op.op === "run_hook" ? op.argv : undefined);
  assertEquals(argv, [["/h"], ["/h"], ["n", "a"]]);
});

Deno.test("hookSteps() tells the index of a hook and counts its time in milliseconds", () => {
  const steps = hookSteps("poststart", [{ path: "/a" }, { path: "/b", timeout: 1.5 }], {
    ...CONTEXT,
    directory: "/d",
  });
  assertEquals(steps.map(({ origin }) => origin), [["hooks", "poststart", 0], ["hooks", "poststart", 1]]);
  assertEquals(steps[1]!.op, {
    op: "run_hook",
    path: "/b",
    argv: ["/b"],
    envp: [],
    directory: "/d",
    pid: 7,
    stateHead: "{",
    stateTail: "}",
    timeoutMs: 1500n,
  });
});

Deno.test("hookPlan() of no hooks has nothing to do", () => {
  assertEquals(hookPlan("poststop", [], CONTEXT).steps, []);
  assertEquals(hookSteps("poststop", undefined, CONTEXT), []);
});
