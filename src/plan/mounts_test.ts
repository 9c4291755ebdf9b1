import { assert, assertEquals, assertThrows } from "@std/assert";
import { SpecError } from "../errors.ts";
import { MOUNT_ATTR_RDONLY } from "../linux/constants.gen.ts";
import type { Mount } from "../spec/schema.ts";
import { createFrame, pathInRoot } from "./frame.ts";
import { mountSteps } from "./mounts.ts";
import type { Step } from "./plan.ts";
import { requestFor } from "./testing.ts";

const request = (...mounts: Mount[]) => requestFor({ mounts });

function stepsOf(...mounts: Mount[]): { steps: Step[]; late: Step[] } {
  return mountSteps(request(...mounts), createFrame(false));
}

const ops = (steps: readonly Step[]) => steps.map(({ op }) => op.op);
const find = <K extends Step["op"]["op"]>(steps: readonly Step[], name: K) =>
  steps.map(({ op }) => op).find((op) => op.op === name) as Extract<Step["op"], { op: K }>;

Deno.test("pathInRoot() never climbs above the root", () => {
  const paths = {
    "/": "",
    "": "",
    "/a//b/./c": "a/b/c",
    "/a/../..": "",
    "../../etc": "etc",
    "/a/../b/": "b",
    "/..": "",
  };
  for (const [path, clean] of Object.entries(paths)) assertEquals(pathInRoot(path), clean, path);
});

Deno.test("a mount may not cover the root itself, however it is written", () => {
  for (const destination of ["/", "//", "/.", "/a/..", ".."]) {
    assertThrows(
      () => stepsOf({ destination, type: "tmpfs" }),
      SpecError,
      "mounts[0].destination: a mount may not cover",
    );
  }
});

Deno.test("below /proc only the listed files may be covered (CVE-2019-16884)", () => {
  for (const name of ["cpuinfo", "meminfo", "sys/kernel/ns_last_pid", "sys/crypto/fips_enabled"]) {
    stepsOf({ destination: `/proc/${name}`, source: "/x", options: ["bind"] });
  }
  for (const name of ["self", "sys", "sys/kernel", "self/attr", "1/attr/exec", "cpuinfo/x"]) {
    for (const mount of [{ type: "tmpfs" }, { source: "/x", options: ["bind"] }]) {
      const destination = `/x/../proc/./${name}`;
      assertThrows(() => stepsOf({ destination, ...mount }), SpecError, "because it is inside /proc");
    }
  }
});

Deno.test("proc and sysfs stand on a directory that no link leads to (CVE-2019-19921)", () => {
  const RESOLVE_NO_SYMLINKS = 4;
  for (const type of ["proc", "sysfs"]) {
    const opens = stepsOf({ destination: "/x", type }).steps.flatMap(({ op }) =>
      op.op === "open" ? [op] : []
    );
    assertEquals(opens.length, 2, type);
    for (const { resolve } of opens) assert((resolve & RESOLVE_NO_SYMLINKS) !== 0);
  }
});

Deno.test("whatever is bound at /proc must be a procfs, and nothing else may land inside one", () => {
  const PROC_SUPER_MAGIC = 0x9fa0n;
  const proc = find(
    stepsOf({ destination: "/proc", source: "/proc", options: ["rbind"] }).steps,
    "require_fstype",
  );
  assertEquals([proc.magic, proc.negate], [PROC_SUPER_MAGIC, 0]);
  const data = find(
    stepsOf({ destination: "/data", source: "/srv", options: ["bind"] }).steps,
    "require_fstype",
  );
  assertEquals([data.magic, data.negate], [PROC_SUPER_MAGIC, 1]);
});

Deno.test("no other file system is mounted at /proc", () => {
  for (const type of ["tmpfs", "sysfs", "cgroup"]) {
    assertThrows(() => stepsOf({ destination: "/proc/", type }), SpecError, "because it is not of type proc");
  }
  stepsOf({ destination: "/proc", type: "proc" }, { destination: "/proc", options: ["remount", "ro"] });
});

Deno.test("no file system of its own lands inside a procfs by way of a link either", () => {
  for (const type of ["tmpfs", "proc", "mqueue"]) {
    const { steps } = stepsOf({ destination: "/x/sys", type });
    const check = find(steps, "require_fstype");
    assertEquals(check?.negate, 1, type);
    assert(ops(steps).indexOf("require_fstype") < ops(steps).indexOf("move_mount"), type);
  }
});

Deno.test("a bind's source counts from the bundle, and is recursive with rbind", () => {
  const source = (source: string, option: string) => {
    const { path, recursive } = find(
      stepsOf({ destination: "/d", source, options: [option] }).steps,
      "open_tree",
    );
    return [path, recursive];
  };
  assertEquals(source("data", "bind"), ["/bundle/data", 0]);
  assertEquals(source("/srv/data", "rbind"), ["/srv/data", 1]);
});

Deno.test("attributes are set while nobody sees the mount yet, propagation when it stands, in its order", () => {
  const { steps } = stepsOf({
    destination: "/d",
    source: "/s",
    options: ["rbind", "ro", "rnosuid", "rslave", "shared"],
  });
  const words = steps.flatMap(({ op }) =>
    op.op === "mount_setattr"
      ? [`set ${op.set} propagation ${op.propagation !== 0} recursive ${op.recursive}`]
      : op.op === "move_mount"
      ? ["move"]
      : []
  );
  assertEquals(words, [
    "set 1 propagation false recursive 0",
    "set 2 propagation false recursive 1",
    "move",
    "set 0 propagation true recursive 1",
    "set 0 propagation true recursive 0",
  ]);
});

Deno.test("a read-only tmpfs is made writable first: what is put into it comes before", () => {
  const { steps, late } = stepsOf({ destination: "/t", type: "tmpfs", options: ["ro", "nosuid"] });
  const fsmount = find(steps, "fsmount");
  assertEquals(fsmount.attr & MOUNT_ATTR_RDONLY, 0);
  assertEquals(find(late, "mount_setattr").set, BigInt(MOUNT_ATTR_RDONLY));
});

Deno.test("a tmpfs takes the mode of what it covers, unless it is told one; tmpcopyup copies before it is attached", () => {
  const list = (...options: string[]) => ops(stepsOf({ destination: "/t", type: "tmpfs", options }).steps);
  assertEquals(list().includes("inherit_mode"), true);
  assertEquals(list("mode=700").includes("inherit_mode"), false);
  const copy = list("tmpcopyup");
  assert(copy.indexOf("tmpcopyup") > 0 && copy.indexOf("tmpcopyup") < copy.indexOf("move_mount"));
});

Deno.test("mounts are made in the order of config.json, each with its place", () => {
  const { steps } = stepsOf({ destination: "/a", type: "tmpfs" }, {
    destination: "/a/b",
    source: "/x",
    options: ["bind"],
  });
  const places = steps.filter(({ op }) => op.op === "move_mount").map(({ origin }) => origin);
  assertEquals(places, [["mounts", 0], ["mounts", 1]]);
});

Deno.test("a mount label goes to file systems and their cgroup directory, not to binds", () => {
  const mounts: Mount[] = [
    { destination: "/t", type: "tmpfs" },
    { destination: "/p", type: "proc" },
    { destination: "/dev/mqueue", type: "mqueue" },
    { destination: "/b", source: "/b", options: ["bind"] },
    { destination: "/sys/fs/cgroup", type: "cgroup" },
  ];
  const cgroups = [
    { kind: "tmpfs", target: "", source: "cgroup", options: [] },
    { kind: "cgroup", target: "pids", source: "cgroup", options: ["pids"] },
  ] as const;
  const base = request(...mounts);
  const { steps } = mountSteps({
    ...base,
    spec: { mounts, linux: { mountLabel: "l" } },
    cgroup: { joinFiles: [], mounts: cgroups },
  }, createFrame(false));
  const labelled = steps.flatMap(({ op }) =>
    op.op === "fsmount"
      ? [`${op.fstype} ${op.options.includes("context=l")}`]
      : op.op === "set_label"
      ? ["set_label"]
      : []
  );
  assertEquals(labelled, [
    "tmpfs true",
    "proc false",
    "mqueue false",
    "set_label",
    "tmpfs true",
    "cgroup false",
  ]);
});
