import { assertEquals } from "@std/assert";
import { ownDirectory, parseLayout, parseMembership } from "./layout.ts";

const HYBRID_MOUNTS = `23 28 0:21 / /sys rw,nosuid - sysfs sysfs rw
31 23 0:28 / /sys/fs/cgroup ro,nosuid shared:9 - tmpfs tmpfs ro,mode=755
32 31 0:29 / /sys/fs/cgroup/unified rw,relatime shared:10 - cgroup2 cgroup2 rw,nsdelegate
33 31 0:30 / /sys/fs/cgroup/systemd rw,relatime shared:11 - cgroup cgroup rw,xattr,name=systemd
34 31 0:31 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:12 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 /box /sys/fs/cgroup/memory rw,relatime shared:13 master:2 - cgroup cgroup rw,memory
36 28 0:33 / /elsewhere/sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
`;
const MEMBERSHIP = `12:pids:/user
5:memory:/box/inner
4:cpu,cpuacct:/user.slice
1:name=systemd:/user.slice/session:1.scope
0::/user.slice/session.scope
`;

Deno.test("parseLayout() takes a hybrid host's trees in mount order and leaves out those mounted elsewhere", () => {
  const layout = parseLayout(HYBRID_MOUNTS, MEMBERSHIP);
  assertEquals(layout.mode, "hybrid");
  assertEquals(layout.unified?.mountpoint, "/sys/fs/cgroup/unified");
  assertEquals(layout.hierarchies.map(({ controllers }) => controllers), [
    ["name=systemd"],
    ["cpu", "cpuacct"],
    ["memory"],
  ]);
  assertEquals(layout.hierarchies[0]!.own, "/user.slice/session:1.scope");
});

Deno.test("parseLayout() calls it v1 when no v2 tree is mounted beside the controllers", () => {
  const mounts = HYBRID_MOUNTS.split("\n").filter((line) => !line.includes("cgroup2")).join("\n");
  assertEquals(parseLayout(mounts, MEMBERSHIP).mode, "v1");
});

Deno.test("parseLayout() sees v2 alone where cgroup2 is mounted over the old trees", () => {
  const layout = parseLayout(
    HYBRID_MOUNTS + "90 31 0:40 / /sys/fs/cgroup rw,relatime - cgroup2 none rw\n",
    MEMBERSHIP,
  );
  assertEquals(layout, {
    mode: "v2",
    hierarchies: [],
    unified: { controllers: [], mountpoint: "/sys/fs/cgroup", root: "/", own: "/user.slice/session.scope" },
  });
});

Deno.test("parseLayout() takes the mount that was made last on one mount point", () => {
  const over = "91 35 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
  const memory = parseLayout(HYBRID_MOUNTS + over, MEMBERSHIP).hierarchies.find(({ controllers }) =>
    controllers.includes("memory")
  );
  assertEquals(memory?.root, "/");
});

Deno.test("parseLayout() finds nothing where nothing is mounted", () => {
  assertEquals(parseLayout("23 28 0:21 / /sys rw - sysfs sysfs rw\n", "0::/\n"), {
    mode: "none",
    hierarchies: [],
  });
});

Deno.test("parseLayout() reads the kernel's octal escapes", () => {
  const line = "33 31 0:30 /a\\040b /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n";
  assertEquals(parseLayout(line, "3:pids:/a b/c\n").hierarchies[0]!.root, "/a b");
});

Deno.test("parseMembership() keeps colons of a path", () => {
  assertEquals(parseMembership(MEMBERSHIP).get("name=systemd"), "/user.slice/session:1.scope");
});

Deno.test("ownDirectory() maps the own group into what the mount shows", () => {
  const at = (root: string, own: string) => ownDirectory({ controllers: [], mountpoint: "/m", root, own });
  assertEquals(at("/", "/"), "/m");
  assertEquals(at("/", "/a/b"), "/m/a/b");
  assertEquals(at("/a", "/a/b"), "/m/b");
  assertEquals(at("/a", "/a"), "/m");
  assertEquals(at("/a", "/ab"), undefined);
  assertEquals(at("/", "/../other"), undefined);
});

Deno.test("parseLayout() is not misled by mounts that show /sys/fs/cgroup elsewhere or have names like it", () => {
  const mounts = `40 28 0:30 /sys/fs/cgroup /mnt rw - cgroup cgroup rw,pids
41 28 0:31 / /sys/fs/cgroups/memory rw - cgroup cgroup rw,memory
`;
  assertEquals(parseLayout(mounts, MEMBERSHIP).mode, "none");
});
