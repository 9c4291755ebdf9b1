/** Containers of an ordinary user, with nothing in the environment but PATH and XDG_RUNTIME_DIR. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { until } from "./support/command.ts";
import { containerTest } from "./support/containers.ts";
import { args, OrdinaryUser } from "./support/ordinary_user.ts";
import { statusOf } from "./support/processes.ts";

const NEEDS = ["root", "dunc", "setpriv", "jq", "newuidmap"] as const;

/** The script that every user of `runc spec --rootless` knows, with dunc for runc. */
const SCRIPT = `
dunc spec --rootless
jq '.linux.namespaces += [{"type": "network"}] | .root.readonly = false | .process.terminal = false |
  .process.args = ["sh", "-c", "id; ip -o link; touch /made; cat /made; hostname"]' config.json > new
mv new config.json
dunc run mine
`;

for (const helpers of [true, false]) {
  const how = helpers ? "with newuidmap installed" : "without newuidmap";
  containerTest(`spec --rootless, jq and run, line by line, ${how}`, async (c) => {
    const user = new OrdinaryUser(c, { helpers });
    assertEquals(
      await user.ok(SCRIPT),
      "uid=0(root) gid=0(root)\n" +
        "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue qlen 1000\\    " +
        "link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\nrunc\n",
    );
    const { uid, gid } = Deno.statSync(`${user.bundle}/rootfs/made`);
    assertEquals([uid, gid, user.containers()], [user.uid, user.uid, []]);
  }, NEEDS);
}

containerTest(
  "the whole range of ids is mapped by newuidmap, and files belong to them outside",
  async (c) => {
    const user = new OrdinaryUser(c, { helpers: true });
    const map = (id: number) =>
      `[{containerID: 0, hostID: ${id}, size: 1}, {containerID: 1, hostID: ${user.firstId}, size: 65536}]`;
    await user.configure(
      `.linux.uidMappings = ${map(user.uid)} | .linux.gidMappings = ${
        map(user.uid)
      } | .root.readonly = false |
     .process.capabilities = {bounding: ["CAP_CHOWN"], effective: ["CAP_CHOWN"], permitted: ["CAP_CHOWN"]} |
     .process.user.additionalGids = [5] | ${
        args("id -G; touch /a /b /c; chown 1:1 /b; chown 65536:65536 /c; stat -c %u:%g /a /b /c")
      }`,
    );
    assertEquals(await user.ok("dunc run mine"), "0 5\n0:0\n1:1\n65536:65536\n");
    const owners = ["a", "b", "c"].map((name) => {
      const { uid, gid } = Deno.statSync(`${user.bundle}/rootfs/${name}`);
      return [uid, gid];
    });
    assertEquals(owners, [[user.uid, user.uid], [3_000_000, 3_000_000], [3_065_535, 3_065_535]]);
  },
  NEEDS,
);

containerTest(
  "a range without newuidmap, or beyond subuid, says which map, why, and how to get it",
  async (c) => {
    const without = new OrdinaryUser(c, { helpers: false });
    const map = "[{containerID: 0, hostID: 54321, size: 1}, {containerID: 1, hostID: 5000000, size: 10}]";
    await without.configure(`.linux.uidMappings = ${map}`);
    const missing = await without.fails(1, "dunc run mine");
    assertStringIncludes(missing, "map ids with newuidmap: linux.uidMappings: not found in PATH (hint: ");
    assertStringIncludes(missing, "dunc check");
    assertEquals(without.containers(), []);
  },
  NEEDS,
);

containerTest("ids that are in no range of the user are refused with the map's place", async (c) => {
  const user = new OrdinaryUser(c, { helpers: true });
  const map = "[{containerID: 0, hostID: 54321, size: 1}, {containerID: 1, hostID: 5000000, size: 10}]";
  await user.configure(`.linux.uidMappings = ${map}`);
  const refused = await user.fails(1, "dunc run mine");
  assertStringIncludes(refused, "newuidmap failed: linux.uidMappings: newuidmap: uid range [1-11) -> ");
  assertStringIncludes(refused, "dunc check");
  assertEquals(user.containers(), []);
}, NEEDS);

containerTest("create, exec while created, start, exec, kill and delete, all without root", async (c) => {
  const user = new OrdinaryUser(c, { helpers: true });
  await user.configure('.process.args = ["sleep", "100"]');
  await user.ok("dunc create box");
  assertEquals(await user.ok("dunc exec box sh -c 'id -u; cat /proc/1/comm'"), "0\nmemfd:dunc-init\n");
  await user.ok("dunc start box");
  const { pid, status } = JSON.parse(await user.ok("dunc state box"));
  assertEquals(status, "running");
  assertMatch(await user.ok("dunc list"), /box +\d+ +running .* ordinary\n$/);
  assertEquals(statusOf(pid)["Uid"], Array(4).fill("54321").join("\t"));
  // The second time the first stage does it alone.
  for (let i = 0; i < 2; i++) assertEquals(await user.ok("dunc exec box cat /proc/1/comm"), "sleep\n");
  assertEquals(await user.ok("dunc ps --format json box"), `[${pid}]\n`);
  await user.ok("dunc kill box KILL");
  await until("stopped", async () => JSON.parse(await user.ok("dunc state box")).status === "stopped");
  await user.ok("dunc delete box");
  assertEquals(user.containers(), []);
}, NEEDS);

containerTest(
  "a network namespace of the user's own is joined by its path, with its user namespace",
  async (c) => {
    const user = new OrdinaryUser(c);
    await user.configure(
      args("ip -o link | wc -l; ip -o addr show lo | grep -c 10.1.2.3; cat /proc/self/uid_map"),
    );
    const output = await user.ok(`
    unshare --user --map-root-user --net sh -c 'ip link set lo up; ip addr add 10.1.2.3/32 dev lo; echo > up; exec sleep 100' &
    until [ -e up ]; do sleep 0.01; done
    jq ".linux.namespaces |= map(select(.type != \\"user\\")) + [
      {type: \\"network\\", path: \\"/proc/$!/ns/net\\"}, {type: \\"user\\", path: \\"/proc/$!/ns/user\\"}
    ] | del(.linux.uidMappings, .linux.gidMappings)" config.json > new
    mv new config.json
    dunc run mine || echo failed
    kill $!`);
    assertMatch(output, /^\d+\n1\n\s+0\s+54321\s+1\n$/);
  },
  [...NEEDS, "ip"],
);

containerTest(
  "from inside a network namespace that root has made, its network is the container's",
  async (c) => {
    const user = new OrdinaryUser(c, {
      enter: "unshare --net sh -c 'ip link set lo up; ip addr add 10.9.8.7/32 dev lo; exec \"$@\"' sh",
    });
    await user.configure(args("ip -o addr show lo | grep -c 10.9.8.7"));
    assertEquals(await user.ok("dunc run mine"), "1\n");
  },
  [...NEEDS, "ip"],
);

containerTest(
  "a network namespace that root owns cannot be joined: the place and the reason are told",
  async (c) => {
    const user = new OrdinaryUser(c);
    await user.configure('.linux.namespaces += [{type: "network", path: "/proc/1/ns/net"}]');
    const refused = await user.fails(1, "dunc run mine");
    assertStringIncludes(refused, "linux.namespaces[");
    assertMatch(refused, /permission denied|operation not permitted/);
    assertEquals(user.containers(), []);
  },
  NEEDS,
);

containerTest("--rootless: true and auto do without cgroups, false wants them", async (c) => {
  const user = new OrdinaryUser(c);
  await user.configure('.process.args = ["echo", "runs"]');
  for (const value of ["true", "auto", "1"]) {
    assertEquals(await user.ok(`dunc --rootless ${value} run mine`), "runs\n");
  }
  assertEquals(await user.ok("dunc --rootless=auto run mine"), "runs\n");
  const refused = await user.fails(1, "dunc --rootless false run mine");
  assertMatch(
    refused,
    /unable to apply cgroup configuration: mkdir: \/sys\/fs\/cgroup\/\S+: permission denied/,
  );
  assertStringIncludes(await user.fails(1, "dunc --rootless maybe run mine"), "invalid --rootless");
  assertEquals(user.containers(), []);
}, NEEDS);

containerTest(
  "on cgroup v1: a container without a group of its own sees the one it is in, as it stands",
  async (c) => {
    const user = new OrdinaryUser(c);
    await user.configure(
      args("cd /sys/fs/cgroup/pids && cat tasks >/dev/null && echo shown; mkdir x || echo refused"),
    );
    assertEquals(await user.ok("dunc run mine 2>/dev/null"), "shown\nrefused\n");
  },
  [...NEEDS, "cgroup-v1"],
);

containerTest(
  "on a hybrid host: in groups that a user was given, containers have limits and are paused",
  async (c) => {
    const path = `/${c.id()}`;
    const groups = [...Deno.readDirSync("/sys/fs/cgroup")].filter(({ isDirectory }) => isDirectory)
      .map(({ name }) => `/sys/fs/cgroup/${name}${path}`);
    const user = new OrdinaryUser(c);
    try {
      for (const group of groups) {
        Deno.mkdirSync(group);
        for (const file of ["", "/cgroup.procs", "/tasks", "/cpuset.cpus", "/cpuset.mems"]) {
          try {
            Deno.chownSync(group + file, user.uid, user.uid);
          } catch { /* Not every tree has it. */ }
        }
      }
      await user.configure(
        `.process.args = ["sleep", "100"] | .linux.cgroupsPath = "${path}/box" | .linux.resources.pids.limit = 20`,
      );
      await user.ok("dunc run -d mine");
      const limit = () => Deno.readTextFileSync(`/sys/fs/cgroup/pids${path}/box/pids.max`);
      assertEquals(limit(), "20\n");
      assertMatch(await user.ok("dunc exec mine cat /proc/self/cgroup"), new RegExp(`:pids:${path}/box\n`));
      await user.ok("dunc update --pids-limit 30 mine; dunc pause mine");
      assertEquals([limit(), JSON.parse(await user.ok("dunc state mine")).status], ["30\n", "paused"]);
      await user.ok("dunc resume mine; dunc delete --force mine");
      assertEquals(user.containers(), []);
    } finally {
      for (const group of groups) Deno.removeSync(group);
    }
  },
  [...NEEDS, "cgroup-v1"],
);

containerTest("limits and cgroups that cannot be had are told in runc's words", async (c) => {
  const user = new OrdinaryUser(c);
  const words = [
    [
      ".linux.resources = {pids: {limit: 5}}",
      "cannot set pids limit: container could not join or create cgroup",
    ],
    ['.linux.cgroupsPath = "/mine"', "unable to apply cgroup configuration: mkdir: /sys/fs/cgroup/"],
  ] as const;
  for (const [change, text] of words) {
    await user.configure(change);
    const refused = await user.fails(1, "dunc run mine");
    assertStringIncludes(refused, text);
    assertStringIncludes(refused, "dunc check");
    assertEquals(user.containers(), []);
  }
}, NEEDS);

/** As on a host with cgroup v2 alone, in a mount namespace of the command's own. */
const CGROUP2 = "mount -t cgroup2 none /sys/fs/cgroup";

containerTest(
  "on cgroup v2: no permission, no limits, no group; with limits the reason is told",
  async (c) => {
    const user = new OrdinaryUser(c, { prepare: CGROUP2 });
    await user.configure(args("grep -c ^0:: /proc/self/cgroup"));
    assertEquals(await user.ok("dunc run mine"), "1\n");
    await user.configure('.linux.resources = {unified: {"hugetlb.2MB.max": "0"}}');
    const refused = await user.fails(1, "dunc run mine");
    assertStringIncludes(
      refused,
      "rootless needs no limits + no cgrouppath when no permission is granted for cgroups",
    );
    assertStringIncludes(refused, "permission denied");
    assertStringIncludes(refused, "dunc check");
  },
  NEEDS,
);

containerTest("on cgroup v2: in a delegated group the container gets a group of its own", async (c) => {
  const group = `/sys/fs/cgroup/${c.id()}`;
  const prepare =
    `${CGROUP2}; mkdir -p ${group}/shell; chown -R 54321 ${group}; echo $$ > ${group}/shell/cgroup.procs`;
  const user = new OrdinaryUser(c, { prepare });
  try {
    await user.configure('.process.args = ["sleep", "100"]');
    await user.ok("dunc run -d mine");
    const { pid } = JSON.parse(await user.ok("dunc state mine"));
    const own = Deno.readTextFileSync(`/proc/${pid}/cgroup`).split("\n").find((line) =>
      line.startsWith("0::")
    );
    assertEquals(own, `0::${group.slice("/sys/fs/cgroup".length)}/mine`);
    assertEquals(await user.ok("dunc exec mine grep ^0:: /proc/self/cgroup"), "0::/\n");
    await user.ok(
      "dunc pause mine; dunc resume mine; dunc kill mine KILL; sleep 0.2; dunc delete --force mine",
    );
    assertEquals(user.containers(), []);
  } finally {
    const remove = `${CGROUP2}; rmdir ${group}/* ${group}`;
    new Deno.Command("unshare", { args: ["--mount", "sh", "-c", remove] }).outputSync();
  }
}, NEEDS);

containerTest(
  "the one id that is mapped may be another user than root, in create, exec and on a terminal",
  async (c) => {
    const user = new OrdinaryUser(c);
    const look =
      "id -u; id -g; cat /proc/self/uid_map; touch /tmp/made; stat -c %u:%g /tmp/made; grep CapEff /proc/self/status";
    await user.configure(`.process.user = {uid: 1000, gid: 1001} | .root.readonly = false | ${args(look)}`);
    const output = await user.ok("dunc run mine");
    // One namespace counts from the other one; only somebody with power in it would have these.
    assertMatch(output, /^1000\n1001\n\s+1000\s+0\s+1\n1000:1001\nCapEff:\s+0+\n$/);
    const { uid, gid } = Deno.statSync(`${user.bundle}/rootfs/tmp/made`);
    assertEquals([uid, gid], [user.uid, user.uid]);
    await user.configure(`.process.user = {uid: 1000, gid: 1001} | .process.args = ["sleep", "100"]`);
    await user.ok("dunc create mine");
    assertEquals(await user.ok("dunc exec mine id -u"), "1000\n");
    await user.ok("dunc start mine");
    for (let i = 0; i < 2; i++) {
      assertEquals(
        await user.ok("dunc exec mine sh -c 'id -g; cat /proc/1/comm'"),
        "1001\nsleep\n",
      );
    }
    assertStringIncludes(
      await user.ok("script -qec 'dunc exec -t mine sh -c \"id -u; tty\"' /dev/null < /dev/null"),
      "1000\r\n/dev/pts/0",
    );
    const exec = await user.fails(255, "dunc exec --user 0:0 mine id");
    assertStringIncludes(exec, "process.user.uid: cannot set uid to unmapped user in user namespace");
    assertStringIncludes(exec, "map it in linux.uidMappings");
    await user.ok("dunc delete --force mine");
    assertEquals(user.containers(), []);
  },
  [...NEEDS, "script"],
);

containerTest("a document that maps no root is carried out below a namespace that does", async (c) => {
  const user = new OrdinaryUser(c, { helpers: true });
  const range = `{containerID: 2000, hostID: ${user.firstId}, size: 10}`;
  await user.configure(
    `.linux.uidMappings = [{containerID: 500, hostID: 54321, size: 1}, ${range}] |
     .linux.gidMappings = [{containerID: 500, hostID: 54321, size: 1}] | .process.user = {uid: 2003, gid: 500} | ${
      args("id -u; id -g; cat /proc/self/uid_map")
    }`,
  );
  assertMatch(await user.ok("dunc run mine"), /^2003\n500\n\s+500\s+0\s+1\n\s+2000\s+1\s+10\n$/);
  assertEquals(user.containers(), []);
}, NEEDS);

containerTest(
  "a user that is in no range is named with the map that lacks it, and nothing is made",
  async (c) => {
    const user = new OrdinaryUser(c, { helpers: true });
    const map =
      `[{containerID: 0, hostID: 54321, size: 1}, {containerID: 1, hostID: ${user.firstId}, size: 10}]`;
    await user.configure(`.linux.uidMappings = ${map} | .process.user = {uid: 11, gid: 0}`);
    const refused = await user.fails(1, "dunc run mine");
    assertStringIncludes(refused, "process.user.uid: cannot set uid to unmapped user in user namespace");
    assertStringIncludes(refused, "map it in linux.uidMappings; `dunc check` tells");
    assertEquals(user.containers(), []);
  },
  NEEDS,
);

containerTest("clocks are shifted without root, in a time namespace of the user's own", async (c) => {
  const user = new OrdinaryUser(c);
  await user.configure(
    `.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 1000000}} | ${
      args("cut -d. -f1 /proc/uptime; id -u; cat /proc/self/timens_offsets")
    }`,
  );
  const [uptime, uid, , boottime] = (await user.ok("dunc run mine")).split("\n");
  assert(Number(uptime) > 1_000_000, uptime);
  assertEquals(uid, "0");
  assertMatch(boottime!, /^boottime\s+1000000\s+0$/);
}, NEEDS);

containerTest(
  "as root of `unshare --map-root-user` it works, with a mount namespace of its own and without",
  async (c) => {
    const user = new OrdinaryUser(c);
    for (const flags of ["--map-root-user", "--map-root-user --mount"]) {
      const output = await user.ok(`
      rm -f config.json
      unshare --user ${flags} dunc spec --rootless
      jq '.process.terminal = false | .process.args = ["id", "-u"]' config.json > new; mv new config.json
      unshare --user ${flags} dunc run mine`);
      assertEquals(output, "0\n", flags);
    }
  },
  NEEDS,
);
