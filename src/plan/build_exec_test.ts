import { assert, assertEquals } from "@std/assert";
import { CLONE_NEWCGROUP, CLONE_NEWPID, CLONE_NEWUSER } from "../linux/constants.gen.ts";
import { buildExecPlan, type ExecRequest } from "./build_exec.ts";
import { WORDS } from "./schema.ts";

const REQUEST: ExecRequest = {
  process: { args: ["true"], cwd: "/" },
  origin: ["process"],
  id: "one",
  pid: 77,
  namespaces: CLONE_NEWPID | CLONE_NEWCGROUP,
  userNamespace: false,
  setgroups: true,
  noNewKeyring: false,
  preserveFds: 0,
  consoleSocket: false,
  joinFiles: [],
  cgroupDirectory: "/sys/fs/cgroup/one",
  kernel: { openat2: true, mountApi: true },
};

function joinsOf(changes: Partial<ExecRequest>): string[] {
  const plan = buildExecPlan({ ...REQUEST, ...changes });
  return plan.steps.map(({ op }) => op).filter(({ op }) => /^(open|setns|clone|write_slot|become)/.test(op))
    .map(
      (op) => {
        if (op.op === "open") return `open ${op.path}`;
        if (op.op === "setns") return `setns ${plan.slots[op.slot]} ${op.flags.toString(16)}`;
        return op.op;
      },
    );
}

Deno.test("exec joins the cgroup namespace when the process is in its cgroup, the others before", () => {
  assertEquals(joinsOf({}).slice(0, 4), [
    "open /sys/fs/cgroup/one",
    `setns container process ${CLONE_NEWPID.toString(16)}`,
    "clone",
    `setns container process ${CLONE_NEWCGROUP.toString(16)}`,
  ]);
  const hybrid = joinsOf({ joinFiles: ["/sys/fs/cgroup/pids/one/tasks"] });
  assert(hybrid.indexOf("write_slot") < hybrid.indexOf("setns container process 2000000"), hybrid.join());
});

Deno.test("exec opens the cgroup namespace before a user namespace takes the right to look at it away", () => {
  assertEquals(
    joinsOf({ namespaces: CLONE_NEWUSER | CLONE_NEWCGROUP, userNamespace: true }).slice(0, 5),
    [
      "open /sys/fs/cgroup/one",
      "open /proc/77/ns/cgroup",
      `setns container process ${CLONE_NEWUSER.toString(16)}`,
      "clone",
      `setns /proc/77/ns/cgroup ${CLONE_NEWCGROUP.toString(16)}`,
    ],
  );
});

Deno.test("exec joins nothing that is the runtime's own", () => {
  assertEquals(joinsOf({ namespaces: 0 }).filter((step) => step.startsWith("setns")), []);
});

Deno.test("exec has its first stage put into the group where the runtime may not do it", () => {
  const plan = buildExecPlan({ ...REQUEST, cgroupDirectory: undefined, asked: true });
  assertEquals(plan.steps[0]!.op, { op: "sync", word: WORDS.cgroup });
  assertEquals(plan.steps.filter(({ op }) => op.op === "clone" && op.cgroup !== null), []);
});
