import { assertThrows } from "@std/assert";
import { O_CREAT, O_EXCL, O_NOFOLLOW, O_PATH, O_RDONLY, O_RDWR, O_WRONLY } from "../linux/constants.gen.ts";
import { encodePlan } from "./encode.ts";
import { step } from "./frame.ts";
import { checkSafety } from "./safety.ts";
import type { Op } from "./schema.ts";

const clone: Op = { op: "clone", flags: 0n, cgroup: null, listener: 0 };
const chroot: Op = { op: "chroot", root: 0 };
const chdir: Op = { op: "chdir", path: "/", again: 0 };

const open = (path: string, flags: number, root: number | null = null): Op => ({
  op: "open",
  slot: 1,
  root,
  path,
  flags,
  resolve: 0,
});

const planOf = (ops: readonly Op[]) => ({
  steps: ops.map((op) => step(op, [])),
  slots: ["root", "file"],
  given: 1,
});

const UNSAFE: readonly (readonly [string, readonly Op[], string])[] = [
  [
    "a host path after the clone",
    [clone, open("/etc/passwd", O_RDONLY)],
    "operation 1, open: a path without a root",
  ],
  ["a tree of the host after the clone", [
    clone,
    { op: "open_tree", slot: 1, root: null, path: "/srv", recursive: 1, resolve: 0 },
  ], "a path without a root handle"],
  [
    "a file of /proc that is written to",
    [open("/proc/sys/kernel/core_pattern", O_WRONLY)],
    "through the handle",
  ],
  ["the same below a root", [clone, open("proc/self/attr/exec", O_RDWR, 0)], "through the handle"],
  [
    "an own file after the clone",
    [clone, open("/proc/self/oom_score_adj", O_WRONLY, 0)],
    "through the handle",
  ],
  [
    "a way out of the handle",
    [{ op: "write_proc", proc: 0, path: "self/../sysrq-trigger", text: "b" }],
    "leads out",
  ],
  ["a file that may be there", [open("x", O_WRONLY | O_CREAT, 0)], "not exclusively or through links"],
  ["a file behind a link", [open("x", O_WRONLY | O_CREAT | O_EXCL, 0)], "not exclusively or through links"],
  ["a directory of the host to work in", [clone, chdir, chroot], "before the container's root is entered"],
];

for (const [name, ops, message] of UNSAFE) {
  Deno.test(`a plan with ${name} is refused, and not encoded`, () => {
    assertThrows(() => checkSafety(planOf(ops)), TypeError, message);
    assertThrows(() => encodePlan(planOf(ops)), TypeError, "unsafe plan");
  });
}

Deno.test("what the same operations may do is let through", () => {
  checkSafety(planOf([
    open("/etc/passwd", O_RDONLY),
    open("/proc/self/oom_score_adj", O_WRONLY),
    open("/sys/fs/cgroup/c1/tasks", O_WRONLY),
    clone,
    open("/", O_PATH),
    open("x", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0),
    open("processes/x", O_WRONLY, 0),
    { op: "write_proc", proc: 0, path: "self/attr/exec", text: "x" },
    chroot,
    chdir,
  ]));
  // A process that joins is in the container's root by then.
  checkSafety(planOf([clone, chdir]));
});
