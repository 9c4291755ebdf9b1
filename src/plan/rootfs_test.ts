import { assertEquals } from "@std/assert";
import {
  ENOENT,
  MOUNT_ATTR_RDONLY,
  MS_PRIVATE,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
  RESOLVE_NO_SYMLINKS,
} from "../linux/constants.gen.ts";
import type { Linux } from "../spec/schema.ts";
import { createFrame, type CreateRequest } from "./frame.ts";
import type { Step } from "./plan.ts";
import { enterRootSteps, maskSteps, nullDeviceSteps, pinRootSteps, readonlyRootSteps } from "./rootfs.ts";
import { namesOf, opsOf, requestFor } from "./testing.ts";

const FRAME = createFrame(false);
const NULL = 20;
const linux = (linux: Linux, more: Partial<CreateRequest> = {}): CreateRequest => requestFor({ linux }, more);
/** Propagations that steps set, each with whether below it too. */
const propagations = (steps: readonly Step[]) =>
  opsOf(steps, "mount_setattr").filter(({ propagation }) => propagation !== 0)
    .map(({ slot, propagation, recursive }) => [slot, propagation, recursive]);

Deno.test("the root is cut off from the host as a slave, and cloned and attached before anything is mounted on it", () => {
  const steps = pinRootSteps(linux({}), FRAME, true);
  assertEquals(namesOf(steps), [
    "open",
    "mount_setattr",
    "open",
    "parent_private",
    "open_tree",
    "move_mount",
    "open",
    "open",
  ]);
  assertEquals(propagations(steps), [[FRAME.hostRoot, MS_SLAVE, 1]]);
  const [host, rootfs] = opsOf(steps, "open");
  assertEquals([host!.path, host!.root], ["/", null]);
  assertEquals([rootfs!.path, rootfs!.root, rootfs!.slot], ["/bundle/rootfs", FRAME.hostRoot, FRAME.root]);
  assertEquals(opsOf(steps, "open_tree")[0]!.recursive, 1);
});

Deno.test("rootfsPropagation is the host tree's at first; what would be unbindable can be cloned until then", () => {
  const first = (rootfsPropagation: string) =>
    propagations(pinRootSteps(linux({ rootfsPropagation }), FRAME, true))[0];
  assertEquals(first("shared"), [FRAME.hostRoot, MS_SHARED, 0]);
  assertEquals(first("rprivate"), [FRAME.hostRoot, MS_PRIVATE, 1]);
  assertEquals(first("slave"), [FRAME.hostRoot, MS_SLAVE, 0]);
  assertEquals(first("runbindable"), [FRAME.hostRoot, MS_PRIVATE, 1]);
});

Deno.test("after the pivot the root itself becomes shared or unbindable, where that is asked for", () => {
  const after = (rootfsPropagation: string) =>
    propagations(enterRootSteps(linux({ rootfsPropagation }), FRAME, true));
  assertEquals(after("rshared"), [[FRAME.root, MS_SHARED, 1]]);
  assertEquals(after("unbindable"), [[FRAME.root, MS_UNBINDABLE, 0]]);
  for (const none of ["rslave", "private", ""]) assertEquals(after(none), [], none);
});

Deno.test("without a mount namespace nothing of the host is changed: the root is entered by chroot", () => {
  const steps = pinRootSteps(linux({}), FRAME, false);
  assertEquals(propagations(steps), []);
  assertEquals(namesOf(steps).includes("parent_private"), false);
  assertEquals(namesOf(enterRootSteps(linux({ rootfsPropagation: "shared" }), FRAME, false)), ["chroot"]);
});

Deno.test("--no-pivot takes the host's proc and sys away first: they would undo every mask", () => {
  const host = { canMknod: true, hasKcore: true, hasKeyrings: true, kernelMounts: ["/proc", "/sys"] };
  const steps = enterRootSteps(linux({}, { noPivot: true, host }), FRAME, true);
  assertEquals(namesOf(steps), ["umount", "umount", "move_root"]);
  assertEquals(opsOf(steps, "umount").map(({ root, path }) => [root, path]), [
    [FRAME.hostRoot, "/proc"],
    [FRAME.hostRoot, "/sys"],
  ]);
  assertEquals(namesOf(enterRootSteps(linux({}, { host }), FRAME, true)), ["pivot_root"]);
});

Deno.test("a tree that was cloned for a mapped root is attached, on top of all where that root cannot walk to it", () => {
  const frame = { ...createFrame(false), prepared: new Map([[-1, 33]]) };
  const userNamespace = { isNew: true, privileged: true, rootfsReachable: true, setgroups: true };
  const of = (rootfsReachable: boolean) =>
    pinRootSteps(linux({}, { userNamespace: { ...userNamespace, rootfsReachable } }), frame, true);
  for (const [reachable, path] of [[true, "/bundle/rootfs"], [false, "."]] as const) {
    const steps = of(reachable);
    assertEquals(opsOf(steps, "open_tree"), []);
    assertEquals(opsOf(steps, "move_mount")[0]!.mount, 33);
    assertEquals(opsOf(steps, "open")[1]!.path, path);
    assertEquals(namesOf(steps).includes("parent_private"), reachable);
  }
});

Deno.test("a read-only root changes the root alone, and only when it is asked for", () => {
  const of = (readonly: boolean) => readonlyRootSteps(requestFor({ root: { path: "r", readonly } }), FRAME);
  const [op] = opsOf(of(true), "mount_setattr");
  assertEquals([op!.slot, op!.set, op!.recursive], [FRAME.root, BigInt(MOUNT_ATTR_RDONLY), 0]);
  assertEquals(of(false), []);
});

Deno.test("masks share one tmpfs that nothing can be written to; each path is covered once, and may be missing", () => {
  const steps = maskSteps(linux({ maskedPaths: ["/a", "/b", "/a"], readonlyPaths: ["/r"] }), FRAME, NULL);
  assertEquals(namesOf(steps), ["readonly_path", "fsmount", "mask_path", "mask_path"]);
  const [tmpfs] = opsOf(steps, "fsmount");
  assertEquals(tmpfs!.attr, MOUNT_ATTR_RDONLY);
  assertEquals(tmpfs!.options.includes("nr_inodes=1"), true);
  assertEquals(opsOf(steps, "mask_path").map(({ path }) => path), ["/a", "/b"]);
  for (const { op, tolerate } of steps) if (op.op !== "fsmount") assertEquals(tolerate, [ENOENT], op.op);
  for (const mask of opsOf(steps, "mask_path")) {
    assertEquals([mask.null, mask.directory], [NULL, tmpfs!.slot]);
  }
  assertEquals(maskSteps(linux({}), FRAME, NULL), []);
  assertEquals(namesOf(maskSteps(linux({ readonlyPaths: ["/r"] }), FRAME, NULL)), ["readonly_path"]);
});

Deno.test("the empty directory of masks has the container's label", () => {
  const [tmpfs] = opsOf(maskSteps(linux({ maskedPaths: ["/a"], mountLabel: "l" }), FRAME, NULL), "fsmount");
  assertEquals(tmpfs!.options.at(-1), "context=l");
});

Deno.test("the container's null device is opened through no link and checked to be one (CVE-2025-31133)", () => {
  const steps = nullDeviceSteps(FRAME, NULL, 0, ["process"]);
  const [open] = opsOf(steps, "open");
  assertEquals([open!.root, open!.path, open!.resolve & RESOLVE_NO_SYMLINKS], [
    FRAME.root,
    "dev/null",
    RESOLVE_NO_SYMLINKS,
  ]);
  assertEquals(opsOf(steps, "require_device"), [{ op: "require_device", slot: NULL, major: 1, minor: 3 }]);
});
