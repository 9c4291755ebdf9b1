import { assert, assertEquals } from "@std/assert";
import { EEXIST } from "../linux/constants.gen.ts";
import type { Device } from "../spec/schema.ts";
import { deviceSteps, hasBoundDev } from "./devices.ts";
import { createFrame, type PlanHost } from "./frame.ts";
import type { Step } from "./plan.ts";
import { namesOf, opsOf, requestFor } from "./testing.ts";

const FRAME = createFrame(false);
const HOST: PlanHost = { canMknod: true, hasKcore: true, hasKeyrings: true, kernelMounts: [] };

function steps(devices: Device[] = [], host: Partial<PlanHost> = {}): Step[] {
  return deviceSteps(requestFor({ linux: { devices } }, { host: { ...HOST, ...host } }), FRAME);
}

const DEFAULTS = ["null", "zero", "full", "random", "urandom", "tty"].map((name) => `dev/${name}`);

Deno.test("the default devices are made first, those of config.json after them, by their own mode and owner", () => {
  const made = opsOf(
    steps([
      { type: "b", path: "/dev/disk", major: 8, minor: 1, fileMode: 0o640, uid: 1, gid: 6 },
      { type: "u", path: "/x/../dev/other", major: 1, minor: 3 },
    ]),
    "mknod",
  );
  assertEquals(new Set(made.slice(0, -2).map(({ path }) => path)), new Set(DEFAULTS));
  for (const { mode, uid, gid } of made.slice(0, -2)) assertEquals([mode, uid, gid], [0o020666, 0, 0]);
  const [disk, other] = made.slice(-2);
  assertEquals(disk, {
    op: "mknod",
    root: FRAME.root,
    path: "dev/disk",
    mode: 0o060640,
    major: 8,
    minor: 1,
    uid: 1,
    gid: 6,
  });
  assertEquals([other!.path, other!.mode], ["dev/other", 0o020666]);
});

Deno.test("a mode's bits beyond permissions do not change the type of a node", () => {
  const [fifo] = opsOf(steps([{ type: "p", path: "/dev/fifo", fileMode: 0o100644 }]), "mknod").slice(-1);
  assertEquals([fifo!.mode, fifo!.major, fifo!.minor], [0o010644, 0, 0]);
});

Deno.test("a device of config.json takes the place of the default with the same path, however it is written", () => {
  const made = opsOf(
    steps([{ type: "c", path: "/dev/./null", major: 1, minor: 3, fileMode: 0o600 }]),
    "mknod",
  );
  assertEquals(made.filter(({ path }) => path === "dev/null").map(({ mode }) => mode), [0o020600]);
});

Deno.test("where no device can be made the host's own is bound on a file; a fifo can always be made", () => {
  const all = steps([{ type: "p", path: "/dev/fifo" }, {
    type: "c",
    path: "/dev/fuse",
    major: 10,
    minor: 229,
  }], {
    canMknod: false,
  });
  assertEquals(opsOf(all, "mknod").map(({ path }) => path), ["dev/fifo"]);
  const sources = opsOf(all, "open_tree");
  assertEquals(
    new Set(sources.map(({ path }) => path)),
    new Set([...DEFAULTS.map((path) => `/${path}`), "/dev/fuse"]),
  );
  for (const { root } of sources) assertEquals(root, FRAME.hostRoot);
  const targets = opsOf(all, "make_mountpoint");
  // Like what is bound: a file, which is made with no right to execute.
  for (const { like, mode } of targets) assertEquals([like, mode], [FRAME.tree, 0o644]);
  assertEquals([targets.length, opsOf(all, "move_mount").length], [sources.length, sources.length]);
});

Deno.test("/dev/ptmx is the container's own devpts, whatever the image has; the other links stay if they are there", () => {
  const all = steps();
  const links = opsOf(all, "symlink").map(({ path, target }) => `${path} ${target}`);
  assertEquals(links[0], "dev/ptmx pts/ptmx");
  assertEquals(namesOf(all)[namesOf(all).indexOf("symlink") - 1], "unlink");
  for (const name of ["fd", "stdin", "stdout", "stderr", "core"]) {
    assert(links.some((link) => link.startsWith(`dev/${name} /proc/`)), name);
  }
  for (const { op, tolerate } of all) if (op.op === "symlink") assertEquals(tolerate, [EEXIST]);
  assert(!opsOf(steps([], { hasKcore: false }), "symlink").some(({ path }) => path === "dev/core"));
});

Deno.test("/dev/ptmx among the devices of config.json is the link all the same: a bound node could not be replaced", () => {
  for (const canMknod of [true, false]) {
    const all = steps([{ type: "c", path: "/dev/ptmx", major: 5, minor: 2 }], { canMknod });
    assertEquals(namesOf(all), namesOf(steps([], { canMknod })));
  }
});

Deno.test("a /dev that is bound is the caller's, as it is", () => {
  const bound = (destination: string, options: string[]) =>
    requestFor({ mounts: [{ destination, type: "x", source: "/dev", options }], linux: {} });
  for (const destination of ["/dev", "/dev/", "/x/../dev"]) {
    assertEquals(deviceSteps(bound(destination, ["rbind"]), FRAME), [], destination);
  }
  assertEquals(hasBoundDev(bound("/dev", ["nosuid"])), false);
  assertEquals(hasBoundDev(bound("/dev/shm", ["bind"])), false);
});
