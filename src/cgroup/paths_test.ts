import { assertEquals, assertThrows } from "@std/assert";
import { ContainerError } from "../errors.ts";
import type { CgroupLayout, Hierarchy } from "./layout.ts";
import { containerPaths, directoriesOf, isV2, joinFiles, v2Directory } from "./paths.ts";

const tree = (controllers: string[], name: string, own: string, root = "/"): Hierarchy => ({
  controllers,
  mountpoint: `/sys/fs/cgroup${name}`,
  root,
  own,
});

const HYBRID: CgroupLayout = {
  mode: "hybrid",
  hierarchies: [
    tree(["cpu", "cpuacct"], "/cpu,cpuacct", "/mine"),
    tree(["memory"], "/memory", "/box/inner", "/box"),
    tree(["name=systemd"], "/systemd", "/"),
  ],
  unified: tree([], "/unified", "/u"),
};
const V2 = (own: string): CgroupLayout => ({ mode: "v2", hierarchies: [], unified: tree([], "", own) });

Deno.test("containerPaths() puts an absolute path below each tree's mount", () => {
  assertEquals(containerPaths(HYBRID, "//pods/./a/", "id"), {
    "cpu": "/sys/fs/cgroup/cpu,cpuacct/pods/a",
    "cpuacct": "/sys/fs/cgroup/cpu,cpuacct/pods/a",
    "memory": "/sys/fs/cgroup/memory/pods/a",
    "name=systemd": "/sys/fs/cgroup/systemd/pods/a",
    "": "/sys/fs/cgroup/unified/pods/a",
  });
});

Deno.test("containerPaths() puts a relative path, or else the id, below the own group of each v1 tree", () => {
  assertEquals(containerPaths(HYBRID, "pods/a", "id").memory, "/sys/fs/cgroup/memory/inner/pods/a");
  for (const unset of [undefined, ""]) {
    const paths = containerPaths(HYBRID, unset, "id");
    assertEquals(paths.cpu, "/sys/fs/cgroup/cpu,cpuacct/mine/id");
    assertEquals(paths["name=systemd"], "/sys/fs/cgroup/systemd/id");
    assertEquals(paths[""], "/sys/fs/cgroup/unified/u/id");
  }
});

Deno.test("containerPaths() starts from the parent of the own group on v2, which has no processes", () => {
  assertEquals(containerPaths(V2("/user.slice/term.scope"), undefined, "id"), {
    "": "/sys/fs/cgroup/user.slice/id",
  });
  assertEquals(containerPaths(V2("/term.scope"), "a/b", "id"), { "": "/sys/fs/cgroup/a/b" });
  assertEquals(containerPaths(V2("/"), undefined, "id"), { "": "/sys/fs/cgroup/id" });
  assertEquals(containerPaths(V2("/term.scope"), "/a", "id"), { "": "/sys/fs/cgroup/a" });
});

Deno.test("containerPaths() refuses paths that leave the tree or name its root", () => {
  for (const path of ["/a/../b", "..", "a/..", "/", "//.", "/a\n", "/a\0b"]) {
    assertThrows(() => containerPaths(HYBRID, path, "id"), ContainerError, "linux.cgroupsPath");
  }
});

Deno.test("containerPaths() allows names with dots in them", () => {
  assertEquals(containerPaths(V2("/"), "/..a/b..c", "id"), { "": "/sys/fs/cgroup/..a/b..c" });
});

Deno.test("containerPaths() says so when the own group is not visible, and needs it for no absolute path", () => {
  const layout: CgroupLayout = { mode: "v1", hierarchies: [tree(["pids"], "/pids", "/x", "/other")] };
  assertThrows(() => containerPaths(layout, undefined, "id"), ContainerError, `"/x" is not visible`);
  assertEquals(containerPaths(layout, "/a", "id"), { pids: "/sys/fs/cgroup/pids/a" });
});

Deno.test("joinFiles() names each v1 tree's tasks file once and not the v2 tree", () => {
  assertEquals(joinFiles(containerPaths(HYBRID, "/a", "id")), [
    "/sys/fs/cgroup/cpu,cpuacct/a/tasks",
    "/sys/fs/cgroup/memory/a/tasks",
    "/sys/fs/cgroup/systemd/a/tasks",
  ]);
  assertEquals(joinFiles({ "": "/sys/fs/cgroup/a" }), []);
});

Deno.test("v2Directory(), isV2() and directoriesOf() tell hybrid from v2", () => {
  const hybrid = containerPaths(HYBRID, "/a", "id");
  assertEquals([v2Directory(hybrid), isV2(hybrid), directoriesOf(hybrid).length], [
    "/sys/fs/cgroup/unified/a",
    false,
    4,
  ]);
  const v2 = containerPaths(V2("/"), "/a", "id");
  assertEquals([v2Directory(v2), isV2(v2), directoriesOf(v2)], [
    "/sys/fs/cgroup/a",
    true,
    ["/sys/fs/cgroup/a"],
  ]);
  assertEquals([v2Directory({}), isV2({}), directoriesOf({})], [undefined, false, []]);
});
