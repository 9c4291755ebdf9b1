import { assertEquals } from "@std/assert";
import {
  capabilityMask,
  credentialSteps,
  environmentOf,
  keyringSteps,
  programSteps,
  rlimitSteps,
} from "./process.ts";

const request = (process: Parameters<typeof environmentOf>[0]) => ({ process, origin: ["process"] });

Deno.test("environmentOf() lets the last of equal names win, and keeps values with = and newlines", () => {
  const { environment } = environmentOf({ env: ["A=1", "HOME=/h", "B=x=y\nz", "A=2", "A="] });
  assertEquals(environment, ["A=", "HOME=/h", "B=x=y\nz"]);
});

Deno.test("environmentOf() leaves a place for HOME where it is missing or empty", () => {
  const none = 0xffffffff;
  assertEquals(environmentOf({ env: ["HOME=/x"] }).home, none);
  for (const env of [["A=1"], ["HOME=", "A=1"], ["HOME=/x", "A=1", "HOME="]]) {
    assertEquals(environmentOf({ env }), { environment: ["A=1", "HOME=/"], home: 1 });
  }
  assertEquals(environmentOf({}), { environment: ["HOME=/"], home: 0 });
  assertEquals(environmentOf({ env: ["HOMER=/x"] }).home, 1);
});

Deno.test("capabilityMask() has one bit a capability, and none for an unknown one", () => {
  assertEquals(capabilityMask(["CAP_CHOWN", "CAP_CHECKPOINT_RESTORE", "CAP_TO_FLY"]), 1n | 1n << 40n);
  assertEquals([capabilityMask([]), capabilityMask(undefined)], [0n, 0n]);
});

Deno.test("rlimitSteps() keeps the order and all 64 bits", () => {
  const infinity = 0xffffffffffffffffn;
  const steps = rlimitSteps(request({
    rlimits: [{ type: "RLIMIT_NOFILE", soft: 1n, hard: infinity }, {
      type: "RLIMIT_CORE",
      soft: 0n,
      hard: 0n,
    }],
  }));
  assertEquals(steps.map(({ op }) => op), [
    { op: "prlimit", resource: 7, soft: 1n, hard: infinity },
    { op: "prlimit", resource: 4, soft: 0n, hard: 0n },
  ]);
  assertEquals(steps[1]!.origin, ["process", "rlimits", 1]);
});

Deno.test("a process without capabilities keeps none, not even in the bounding set (youki 3434)", () => {
  const steps = credentialSteps(request({ cwd: "/" }), true).map(({ op }) => op);
  assertEquals(steps.find(({ op }) => op === "drop_bounding"), { op: "drop_bounding", keep: 0n });
  assertEquals(steps.find(({ op }) => op === "capset"), {
    op: "capset",
    effective: 0n,
    permitted: 0n,
    inheritable: 0n,
  });
});

Deno.test("credentialSteps() raises ambient capabilities one by one, after clearing them all", () => {
  const PR_CAP_AMBIENT = 47;
  const capabilities = { ambient: ["CAP_KILL", "CAP_TO_FLY", "CAP_CHOWN"] };
  const steps = credentialSteps(request({ cwd: "/", capabilities }), true)
    .flatMap(({ op, origin, tolerate }) =>
      op.op === "prctl" && op.option === PR_CAP_AMBIENT
        ? [[op.arg2, op.arg3, origin.at(-1), tolerate ?? []]]
        : []
    );
  assertEquals(steps, [[4n, 0n, "capabilities", []], [2n, 5n, 0, [1]], [2n, 0n, 2, [1]]]);
});

Deno.test("credentialSteps() enters the directory again as the user where root had no way in, and then checks it", () => {
  const steps = credentialSteps(request({ cwd: "/w", user: { uid: 7 } }), true).map(({ op }) =>
    op.op === "chdir" ? `chdir ${op.again}` : op.op
  );
  const order = ["chdir 0", "setgroups", "setresgid", "setresuid", "chdir 1", "check_cwd", "capset"];
  assertEquals(steps.filter((word) => order.includes(word)), order);
  assertEquals(credentialSteps(request({ cwd: "/" }), false).some(({ op }) => op.op === "setgroups"), false);
});

Deno.test("credentialSteps() writes groups as the kernel reads them, 32 bits each", () => {
  const step = credentialSteps(request({ cwd: "/", user: { additionalGids: [1, 4294967294] } }), true)
    .find(({ op }) => op.op === "setgroups")!;
  assertEquals(step.op.op === "setgroups" && [...step.op.gids], [1, 0, 0, 0, 254, 255, 255, 255]);
});

Deno.test("programSteps() looks the program up in the container's last PATH, not in a variable that ends so", () => {
  const searchPath = (env: string[]) => {
    const { op } = programSteps(request({ args: ["sh"], env }))[0]!;
    return op.op === "find_program" ? op.searchPath : undefined;
  };
  assertEquals(searchPath(["PATH=/a", "MYPATH=/x", "PATH=/b:/c"]), "/b:/c");
  assertEquals(searchPath(["XPATH=/x"]), "");
});

Deno.test("keyringSteps() names the keyring after the container, so that exec joins the same", () => {
  const { op } = keyringSteps("c1", false)[0]!;
  assertEquals(op.op === "join_keyring" && op.name, "_ses.c1");
});
