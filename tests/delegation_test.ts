/** cgroup v2 as a container and the groups around it see it: delegation, controllers on the way down, no processes inside. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Config } from "./support/bundle.ts";
import { call, type Outcome, until } from "./support/command.ts";
import { type Containers, containerTest, runs } from "./support/containers.ts";
import { groupsOf, layoutHere, unifiedMount } from "./support/groups.ts";
import { cgroupDirectories } from "./support/ledger.ts";

const ROOT = "/sys/fs/cgroup";
const FIRST = 100_000;

/** Run dunc where cgroup v2 alone is mounted: in a mount namespace of its own. */
function onCgroup2(c: Containers, ...args: string[]): Promise<Outcome> {
  const script = `[ -e ${ROOT}/cgroup.controllers ] || mount -t cgroup2 none ${ROOT} || exit 99; exec "$@"`;
  return call(["unshare", "--mount", "sh", "-c", script, "sh", ...c.dunc.command(...args)]);
}

/** A container with a user namespace and a cgroup namespace that may write to its tree, or not. */
function delegated(config: Config, script: string, option: "rw" | "ro"): void {
  runs(config, script);
  const { linux, mounts } = config;
  linux!.namespaces = [...linux!.namespaces!.filter(({ type }) => type !== "cgroup"), { type: "user" }, {
    type: "cgroup",
  }];
  linux!.uidMappings = linux!.gidMappings = [{ containerID: 0, hostID: FIRST, size: 65536 }];
  config.mounts = mounts!.filter(({ destination }) => destination !== ROOT);
  config.mounts.push({
    destination: ROOT,
    type: "cgroup",
    source: "cgroup",
    options: ["nosuid", "noexec", "nodev", option],
  });
}

containerTest(
  "a container that may write to its cgroup tree makes groups of its own, and changes none of its limits",
  async (c) => {
    const script = `cd ${ROOT} && mkdir sub && echo 0 > sub/cgroup.procs && grep ^0:: /proc/self/cgroup
    echo 10 > cgroup.max.depth || echo refused; stat -c '%n %u' . cgroup.procs cgroup.max.depth`;
    const { path } = c.bundle((config) => delegated(config, script, "rw"));
    const { stdout, stderr } = await onCgroup2(c, "run", "--bundle", path, c.id());
    assertEquals(
      stdout.split("\n"),
      ["0::/sub", "refused", ". 0", "cgroup.procs 0", "cgroup.max.depth 65534", ""],
      stderr,
    );
  },
  ["root"],
);

containerTest(
  "an ordinary user inside is given the group each time, without a user namespace too",
  async (c) => {
    const { path } = c.bundle((config) => {
      delegated(config, `mkdir ${ROOT}/sub && stat -c %u ${ROOT} ${ROOT}/sub`, "rw");
      config.linux!.namespaces = config.linux!.namespaces!.filter(({ type }) => type !== "user");
      delete config.linux!.uidMappings;
      delete config.linux!.gidMappings;
      config.process!.user = { uid: 1000, gid: 1000 };
    });
    for (let round = 0; round < 3; round++) {
      const { stdout, stderr } = await onCgroup2(c, "run", "--bundle", path, c.id());
      assertEquals(stdout, "1000\n1000\n", stderr);
    }
  },
  ["root"],
);

containerTest("a container whose cgroup tree is read-only is given nothing", async (c) => {
  const { path } = c.bundle((config) =>
    delegated(config, `mkdir ${ROOT}/sub 2>/dev/null || echo refused; stat -c %u ${ROOT}`, "ro")
  );
  const { stdout, stderr } = await onCgroup2(c, "run", "--bundle", path, c.id());
  assertEquals(stdout.split("\n"), ["refused", "65534", ""], stderr);
}, ["root"]);

containerTest("a container hands on the controllers that it was given", async (c) => {
  const script =
    `cd ${ROOT} && mkdir own sub && echo 0 > own/cgroup.procs && echo +pids +memory > cgroup.subtree_control &&
    echo 5 > sub/pids.max && echo 10M > sub/memory.max && cat sub/pids.max sub/memory.max
    echo max > pids.max || echo refused`;
  const { path } = c.bundle((config) => {
    delegated(config, script, "rw");
    config.linux!.resources!.pids = { limit: 50 };
  });
  const { stdout, stderr } = await c.dunc.call(["run", "--bundle", path, c.id()]);
  assertEquals(stdout.split("\n"), ["5", `${10 << 20}`, "refused", ""], stderr);
}, ["root", "guest"]);

containerTest(
  "every controller is enabled on the way down to a deep group, and no process is above it",
  async (c) => {
    const id = c.id();
    const top = `${ROOT}/${id}-top`;
    const { path } = c.bundle((config) => {
      runs(config, "sleep 100");
      config.linux!.cgroupsPath = `/${id}-top/middle/${id}`;
      config.linux!.resources!.memory = { limit: 64 << 20 };
      config.linux!.resources!.cpu = { quota: 50_000 };
    });
    await c.dunc.ok("run", "-d", "--bundle", path, id);
    const read = (file: string) => Deno.readTextFileSync(`${top}/${file}`).trim();
    const available = Deno.readTextFileSync(`${ROOT}/cgroup.controllers`).trim();
    assertEquals([read("cgroup.subtree_control"), read("middle/cgroup.subtree_control")], [
      available,
      available,
    ]);
    assertEquals([
      read("cgroup.procs"),
      read("middle/cgroup.procs"),
      read(`middle/${id}/cgroup.subtree_control`),
    ], ["", "", ""]);
    assertEquals([read(`middle/${id}/memory.max`), read(`middle/${id}/cpu.max`)], [
      `${64 << 20}`,
      "50000 100000",
    ]);
    await c.dunc.ok("delete", "--force", id);
    assertEquals(groupsOf(id), []);
    // Those above are whoever's who named them, as with runc.
    for (const directory of [`${top}/middle`, top]) Deno.removeSync(directory);
  },
  ["root", "guest"],
);

containerTest(
  "below a group with processes there are no limits, which is told, and a container without any",
  async (c) => {
    const parent = Deno.readTextFileSync("/proc/self/cgroup").trim().replace("0::", "");
    assert(parent !== "/", "the tests' own group");
    const create = (limited: boolean) => {
      const id = c.id();
      const { path } = c.bundle((config) => {
        runs(config, "cat /proc/self/cgroup; sleep 100");
        config.linux!.namespaces = config.linux!.namespaces!.filter(({ type }) => type !== "cgroup");
        config.linux!.cgroupsPath = `${parent}/${id}`;
        if (limited) config.linux!.resources!.memory = { limit: 64 << 20 };
      });
      return { id, path };
    };
    const limited = create(true);
    const text = await c.dunc.fails(1, "create", "--bundle", limited.path, limited.id);
    assertStringIncludes(text, "linux.resources.memory.limit");
    assertStringIncludes(text, "memory.max");
    assertStringIncludes(text, "a group above has processes of its own");
    // Our own group, which is somebody else's to the container, is as it was.
    assertEquals(Deno.readTextFileSync(`${ROOT}${parent}/cgroup.subtree_control`).trim(), "");
    assertEquals(text.trim().split("\n").length, 1, text);
    assertEquals(groupsOf(limited.id), []);
    const free = create(false);
    await c.dunc.ok("run", "-d", "--bundle", free.path, free.id);
    assertEquals(await c.dunc.ok("exec", free.id, "cat", "/proc/self/cgroup"), `0::${parent}/${free.id}\n`);
  },
  ["root", "guest"],
);

containerTest(
  "groups that a container made below its own are paused, killed and removed with it",
  async (c) => {
    // On v1 each tree is a directory; on v2 the tree itself. A new v1 cpuset is empty and takes no process.
    const script = `for tree in $( [ -e ${ROOT}/cgroup.procs ] && echo ${ROOT} || echo ${ROOT}/*/ ); do
    case $tree in */cpuset/) continue;; esac
    mkdir -p "$tree/sub/deeper" && sh -c 'echo 0 > "$1/sub/deeper/cgroup.procs" && exec sleep 1000' sh "$tree" &
    done; wait`;
    const { path } = c.bundle((config) => {
      delegated(config, script, "rw");
      config.linux!.namespaces = config.linux!.namespaces!.filter(({ type }) => type !== "user");
      delete config.linux!.uidMappings;
      delete config.linux!.gidMappings;
    });
    const id = c.id();
    await c.dunc.ok("run", "-d", "--bundle", path, id);
    const below = () => cgroupDirectories().filter((directory) => directory.endsWith(`/${id}/sub/deeper`));
    const inside = () =>
      below().filter((directory) => Deno.readTextFileSync(`${directory}/cgroup.procs`) !== "");
    const unified = layoutHere() === "v1" ? unifiedMount() : undefined;
    const trees =
      groupsOf(id).filter((directory) =>
        !directory.includes("/cpuset/") && (unified === undefined || !directory.startsWith(unified))
      ).length;
    await until("a process is in a group below each", () => inside().length === trees);
    const pids = JSON.parse(await c.dunc.ok("ps", "--format", "json", id));
    assertEquals(pids.length, 1 + trees);
    await c.dunc.ok("pause", id);
    assertEquals((await c.dunc.state(id)).status, "paused");
    await c.dunc.ok("delete", "--force", id);
    assertEquals([groupsOf(id), below()], [[], []]);
  },
  ["root"],
);

containerTest(
  "exec joins the container's first process where the container's own group takes none",
  async (c) => {
    const { path } = c.bundle((config) => runs(config, "sleep 1000"));
    const id = c.id();
    const ok = async (...args: string[]) => {
      const { code, stdout, stderr } = await onCgroup2(c, ...args);
      assertEquals([code, stderr], [0, ""]);
      return stdout;
    };
    await ok("run", "-d", "--bundle", path, id);
    const group = groupsOf(id).find((directory) => directory.startsWith(unifiedMount()!))!;
    // With a cgroup namespace of its own the container's group is "/".
    const where = async () =>
      (await ok("exec", id, "grep", "^0::", "/proc/self/cgroup")).trim().replace(/^0::/, "")
        .replace(`/${id}`, "").replace(/\/$/, "");
    // Twice: the first stage has the plan then.
    const own = [await where(), await where()];
    Deno.mkdirSync(`${group}/foo`);
    Deno.writeTextFileSync(`${group}/foo/cgroup.procs`, `${(await c.dunc.state(id)).pid}`);
    own.push(await where());
    const controller = Deno.readTextFileSync(`${group}/cgroup.controllers`).trim().split(" ")[0]!;
    Deno.writeTextFileSync(`${group}/cgroup.subtree_control`, `+${controller}`);
    const below = [await where(), await where()];
    const named = await onCgroup2(c, "exec", "--cgroup", "/", id, "true");
    Deno.writeTextFileSync(`${group}/cgroup.subtree_control`, `-${controller}`);
    own.push(await where());
    assertEquals([own, below], [["", "", "", ""], ["/foo", "/foo"]]);
    assertEquals(named.code, 255, "a group that was named is not exchanged for another");
    await ok("delete", "--force", id);
  },
  ["root"],
);
