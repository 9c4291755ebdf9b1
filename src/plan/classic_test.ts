import { assert, assertEquals, assertThrows } from "@std/assert";
import { SpecError } from "../errors.ts";
import { EBUSY, ENOENT, EPERM, MOUNT_ATTR_NOATIME, MOUNT_ATTR_NOSUID } from "../linux/constants.gen.ts";
import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_RDONLY,
  MS_NOSUID,
  MS_RDONLY,
  MS_SHARED,
} from "../linux/constants.gen.ts";
import { MS_NOATIME, MS_REC, MS_RELATIME, MS_STRICTATIME, MS_SYNCHRONOUS } from "../linux/constants.gen.ts";
import { classicPlan } from "./classic.ts";
import { step } from "./frame.ts";
import type { Step } from "./plan.ts";
import type { Op } from "./schema.ts";

const [ROOT, TARGET, TREE, PROC] = [0, 1, 2, 3];
const SLOTS = ["root", "target", "tree", "procfs"];

const target: Op = {
  op: "make_mountpoint",
  slot: TARGET,
  root: ROOT,
  path: "data",
  like: null,
  type: 0,
  mode: 0,
};
const attach: Op = { op: "move_mount", mount: TREE, target: TARGET };
const at = { slot: TREE, target: TARGET, root: ROOT, path: "data", proc: PROC };

const change = (set: number, clear: number, propagation = 0, recursive = 0): Op => ({
  op: "mount_setattr",
  slot: TREE,
  recursive,
  set: BigInt(set),
  clear: BigInt(clear),
  propagation,
  userns: null,
});

const tree = (path: string): Op => ({
  op: "open_tree",
  slot: TREE,
  root: ROOT,
  path,
  recursive: 1,
  resolve: 0,
});

/** What becomes of some operations, without the two that open the host's procfs. */
function lowered(steps: readonly (Op | Step)[]): Step[] {
  const whole = steps.map((one) => (typeof one.op === "string" ? step(one as Op, []) : one as Step));
  const open = step({ op: "open_proc", slot: PROC, subset: 0 }, []);
  const plan = classicPlan({ steps: [open, ...whole], slots: SLOTS, given: 0 });
  assertEquals(plan.steps.slice(0, 2).map(({ op }) => op.op), ["open", "require_fstype"]);
  assertEquals(plan.slots, SLOTS);
  return plan.steps.slice(2);
}

const ops = (steps: readonly (Op | Step)[]): Op[] => lowered(steps).map(({ op }) => op);

Deno.test("classicPlan() mounts a file system where it is attached, with its flags and data", () => {
  const fsmount: Op = {
    op: "fsmount",
    slot: TREE,
    fstype: "tmpfs",
    options: ["source=t", "sync", "size=1k", "mode=700"],
    attr: MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY,
  };
  const inherit: Op = { op: "inherit_mode", mount: TREE, target: TARGET };
  assertEquals(ops([target, fsmount, inherit, attach]), [
    target,
    {
      op: "mount_filesystem",
      ...at,
      fstype: "tmpfs",
      source: "t",
      data: "size=1k,mode=700",
      flags: BigInt(MS_NOSUID | MS_SYNCHRONOUS),
    },
    { op: "remount", slot: TREE, proc: PROC, clear: 0n, set: BigInt(MS_RDONLY) },
    inherit,
  ]);
});

Deno.test("classicPlan() binds what was opened, and changes the mount when it is there", () => {
  const steps = [tree("/srv"), target, change(MOUNT_ATTR_RDONLY, 0), attach, change(0, 0, MS_SHARED, 1)];
  const [open, ...rest] = ops(steps);
  assert(open?.op === "open" && open.path === "/srv" && open.slot === TREE);
  assertEquals(rest, [
    target,
    { op: "bind_mount", ...at, source: TREE, recursive: 1 },
    { op: "remount", slot: TREE, proc: PROC, clear: 0n, set: BigInt(MS_RDONLY) },
    { op: "propagate", slot: TREE, proc: PROC, flags: BigInt(MS_SHARED | MS_REC) },
  ]);
});

Deno.test("classicPlan() binds a descriptor itself where no path is named", () => {
  const open: Op = { op: "open", slot: TARGET, root: ROOT, path: "console", flags: 0, resolve: 0 };
  assertEquals(
    ops([open, { op: "open_tree", slot: TREE, root: TARGET, path: "", recursive: 0, resolve: 0 }, attach]),
    [
      open,
      { op: "bind_mount", ...at, path: "console", source: TARGET, recursive: 0 },
    ],
  );
});

Deno.test("classicPlan() clears the whole atime field before it is set, as mount_setattr does", () => {
  const [, , remount] = ops([
    target,
    tree(""),
    change(
      MOUNT_ATTR_NOATIME,
      MOUNT_ATTR__ATIME,
    ),
    attach,
  ]);
  const clear = BigInt(MS_NOATIME | MS_RELATIME | MS_STRICTATIME);
  assertEquals(remount, { op: "remount", slot: TREE, proc: PROC, clear, set: BigInt(MS_NOATIME) });
});

Deno.test("classicPlan() passes over what belongs to a mount that was tolerated not to be", () => {
  const fsmount: Op = { op: "fsmount", slot: TREE, fstype: "cgroup2", options: [], attr: MOUNT_ATTR_RDONLY };
  const steps = lowered([
    target,
    { ...step(tree("/sys/fs/cgroup"), []), tolerate: [ENOENT], skip: 1 },
    change(MOUNT_ATTR_RDONLY, 0),
    { ...step(fsmount, []), tolerate: [EPERM, EBUSY] },
    attach,
  ]);
  const names = steps.map(({ op, tolerate = [], skip = 0 }) => [op.op, tolerate.length, skip]);
  assertEquals(names, [
    ["make_mountpoint", 0, 0],
    ["open", 1, 2],
    ["bind_mount", 0, 0],
    ["remount", 0, 0],
    ["mount_filesystem", 2, 1],
    ["remount", 0, 0],
  ]);
});

Deno.test("classicPlan() masks and protects by mount(2), and keeps what is tolerated", () => {
  const scratch: Op = { op: "fsmount", slot: TREE, fstype: "tmpfs", options: [], attr: 0 };
  const mask: Op = { op: "mask_path", root: ROOT, path: "/proc/keys", null: TARGET, directory: TREE };
  const protect: Op = { op: "readonly_path", root: ROOT, path: "/proc/sys" };
  const steps = lowered([scratch, { ...step(mask, []), tolerate: [ENOENT] }, protect]);
  assertEquals(steps.map(({ op }) => op.op), ["cover_path", "protect_path"]);
  assertEquals(steps[0]!.tolerate, [ENOENT]);
});

Deno.test("classicPlan() refuses what mount(2) cannot do, by its place", () => {
  const origin = ["mounts", 3];
  for (const op of [change(MOUNT_ATTR_RDONLY, 0, 0, 1), { ...change(0, 0), userns: 0 } as Op]) {
    const steps = [step(target, []), step(tree(""), []), step(op, origin), step(attach, [])];
    assertThrows(() => lowered(steps), SpecError, "mounts[3]");
  }
});

Deno.test("classicPlan() leaves a plan without mounts as it is, and takes no handle to the host's procfs along", () => {
  const plan = { steps: [step({ op: "setsid" }, [])], slots: SLOTS, given: 0 };
  assertEquals(classicPlan(plan), plan);
});
