import { assertEquals } from "@std/assert";
import type { CgroupLayout } from "./layout.ts";
import { cgroupMounts } from "./mount.ts";
import { containerPaths } from "./paths.ts";

const V1: CgroupLayout = {
  mode: "v1",
  hierarchies: [
    { controllers: ["cpu", "cpuacct"], mountpoint: "/sys/fs/cgroup/cpu,cpuacct", root: "/", own: "/" },
    { controllers: ["name=systemd"], mountpoint: "/sys/fs/cgroup/systemd", root: "/", own: "/" },
  ],
};
const V2: CgroupLayout = {
  mode: "v2",
  hierarchies: [],
  unified: { controllers: [], mountpoint: "/sys/fs/cgroup", root: "/", own: "/" },
};

Deno.test("cgroupMounts() mounts each v1 tree anew in a cgroup namespace, named trees by name, links last", () => {
  assertEquals(cgroupMounts(V1, containerPaths(V1, "/c", "id"), true), [
    { kind: "tmpfs", target: "", source: "tmpfs", options: ["mode=755"] },
    { kind: "cgroup", target: "cpu,cpuacct", source: "cgroup", options: ["cpu", "cpuacct"] },
    { kind: "cgroup", target: "systemd", source: "systemd", options: ["none", "name=systemd"] },
    { kind: "symlink", target: "cpu", source: "cpu,cpuacct" },
    { kind: "symlink", target: "cpuacct", source: "cpu,cpuacct" },
  ]);
});

Deno.test("cgroupMounts() binds the container's own directories without a cgroup namespace", () => {
  assertEquals(
    cgroupMounts(V1, containerPaths(V1, "/c", "id"), false).filter(({ kind }) => kind === "bind"),
    [
      { kind: "bind", target: "cpu,cpuacct", source: "/sys/fs/cgroup/cpu,cpuacct/c" },
      { kind: "bind", target: "systemd", source: "/sys/fs/cgroup/systemd/c" },
    ],
  );
});

Deno.test("cgroupMounts() leaves out trees in which the container has no group", () => {
  const targets = cgroupMounts(V1, { cpu: "/sys/fs/cgroup/cpu,cpuacct/c" }, false).map(({ target }) =>
    target
  );
  assertEquals(targets, ["", "cpu,cpuacct", "cpu", "cpuacct"]);
});

Deno.test("cgroupMounts() shows an ordinary user's container without groups the ones it is in", () => {
  const [cpu, systemd] = V1.hierarchies;
  const layout: CgroupLayout = { ...V1, hierarchies: [{ ...cpu!, own: "/user" }, systemd!] };
  assertEquals(
    cgroupMounts(layout, {}, false, true).flatMap((mount) => mount.kind === "bind" ? mount.source : []),
    [
      "/sys/fs/cgroup/cpu,cpuacct/user",
      "/sys/fs/cgroup/systemd",
    ],
  );
  assertEquals(cgroupMounts(layout, {}, true, true).filter(({ kind }) => kind === "cgroup").length, 2);
});

Deno.test("cgroupMounts() is one mount on v2, whose fallback shows the host only without a namespace", () => {
  const paths = containerPaths(V2, "/c", "id");
  const mount = { kind: "cgroup2", target: "", source: "cgroup", options: [] } as const;
  assertEquals(cgroupMounts(V2, paths, true), [{ ...mount, fallback: "/sys/fs/cgroup/c" }]);
  assertEquals(cgroupMounts(V2, paths, false), [{ ...mount, fallback: "/sys/fs/cgroup" }]);
});
