/** Pods: containers that join namespaces of another one by path, with and without user namespaces. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { call, until } from "./support/command.ts";
import type { Config } from "./support/bundle.ts";
import { type Containers, containerTest, reaping, runs } from "./support/containers.ts";
import { isAlive } from "./support/processes.ts";

const NEEDS = ["root", "dunc"] as const;

const FIRST = 200_000;

/** Have a document join namespaces of a process, in this order, instead of its own of these types. */
function joins(config: Config, pid: number, ...types: string[]): void {
  const files: Record<string, string> = { network: "net", mount: "mnt" };
  const kept = config.linux!.namespaces!.filter(({ type }) => !types.includes(type));
  const joined = types.map((type) => ({ type, path: `/proc/${pid}/ns/${files[type] ?? type}` }));
  config.linux!.namespaces = [...kept, ...joined];
}

function mapped(config: Config, first = FIRST): void {
  config.linux!.namespaces!.push({ type: "user" });
  for (const kind of ["uidMappings", "gidMappings"] as const) {
    config.linux![kind] = [{ containerID: 0, hostID: first, size: 65_536 }];
  }
}

/** Start a container in the background; its id and the pid of its process. */
async function start(c: Containers, change: (config: Config) => void): Promise<{ id: string; pid: number }> {
  const { path, rootfs } = c.bundle((config) => {
    runs(config, "trap 'exit 0' TERM; while :; do sleep 1; done");
    change(config);
  });
  Deno.chmodSync(rootfs, 0o755);
  const id = c.id();
  await c.dunc.ok("run", "--detach", "--bundle", path, id);
  return { id, pid: (await c.dunc.state(id)).pid };
}

const exec = (c: Containers, id: string, script: string) => c.dunc.ok("exec", id, "sh", "-c", script);

const namespace = (pid: number, file: string) => Deno.readLinkSync(`/proc/${pid}/ns/${file}`);

/** Delete it, and reap meanwhile: a pid namespace ends when the last of its processes has been reaped. */
async function stop(c: Containers, id: string): Promise<void> {
  await reaping(c.dunc.ok("delete", "--force", id));
}

containerTest(
  "a pod: two members share the network and ipc of a pause container, and outlive each other",
  async (c) => {
    const pause = await start(c, (config) => config.process!.args = ["sleep", "1000"]);
    const member = (change: (config: Config) => void = () => {}) =>
      start(c, (config) => {
        joins(config, pause.pid, "network", "ipc");
        change(config);
      });
    const web = await member();
    const log = await member();
    for (const { pid } of [web, log]) {
      for (const file of ["net", "ipc"]) assertEquals(namespace(pid, file), namespace(pause.pid, file), file);
      for (const file of ["pid", "mnt", "uts"]) {
        assert(
          namespace(pid, file) !== namespace(pause.pid, file),
          file,
        );
      }
    }
    // One listens, the other one is heard.
    await exec(c, web.id, "nc -l -p 8080 -e echo hello > /dev/null 2>&1 &");
    const heard = await until("web answers", async () => {
      const { code, stdout } = await c.dunc.call(["exec", log.id, "nc", "127.0.0.1", "8080"]);
      return code === 0 && stdout;
    });
    assertEquals(heard, "hello\n");
    await stop(c, web.id);
    assertEquals(await exec(c, log.id, "cat /sys/class/net/lo/operstate"), "unknown\n");
    assert(isAlive(pause.pid) && isAlive(log.pid));
    await stop(c, log.id);
    assertEquals(await exec(c, pause.id, "echo alive"), "alive\n");
    await stop(c, pause.id);
    assertEquals(c.dunc.ids(), []);
  },
  NEEDS,
);

containerTest(
  "a member with the pid namespace joined sees the others, and goes when it is deleted",
  async (c) => {
    const pause = await start(c, (config) => config.process!.args = ["sleep", "1000"]);
    const member = (seconds: string) =>
      start(c, (config) => {
        joins(config, pause.pid, "network", "ipc", "pid");
        config.process!.args = ["sleep", seconds];
      });
    const members = [await member("2001"), await member("2002")] as const;
    const seen = await exec(c, members[0].id, "ps -o args | grep '^sleep' | sort");
    assertEquals(seen, "sleep 1000\nsleep 2001\nsleep 2002\n");
    await stop(c, members[0].id);
    assert(!isAlive(members[0].pid) && isAlive(members[1].pid) && isAlive(pause.pid));
    assertStringIncludes(await exec(c, members[1].id, "cat /proc/1/cmdline"), "sleep");
    // The pause container is process 1 of them all: with it the rest ends.
    await stop(c, pause.id);
    await until("the member has ended", () => !isAlive(members[1].pid));
    assertEquals((await c.dunc.state(members[1].id)).status, "stopped");
    await c.dunc.ok("delete", members[1].id);
    assertEquals(c.dunc.ids(), []);
  },
  NEEDS,
);

containerTest(
  "a user namespace is joined by its path, with no maps, with the same, and with none else",
  async (c) => {
    const pause = await start(c, (config) => {
      mapped(config);
      config.process!.args = ["sleep", "1000"];
    });
    const joined = (config: Config) => {
      joins(config, pause.pid, "user", "network", "ipc");
      runs(config, "cat /proc/self/uid_map; id -u; ls /sys/class/net; mount -t tmpfs none /tmp 2>&1 | wc -l");
    };
    const without = c.bundle(joined);
    const text = await c.dunc.ok("run", "--bundle", without.path, c.id());
    assertMatch(text, /^\s+0\s+200000\s+65536\n0\nlo\n1\n$/);
    const withSame = (first: number) =>
      c.bundle((config) => {
        mapped(config, first);
        joined(config);
      });
    const same = await c.dunc.call(["run", "--bundle", withSame(FIRST).path, c.id()]);
    assertEquals([same.code, same.stdout], [0, text]);
    assertStringIncludes(same.stderr, "you may only provide one");
    const other = await c.dunc.fails(1, "run", "--bundle", withSame(FIRST + 1).path, c.id());
    assertStringIncludes(
      other,
      "linux.uidMappings: user namespaces enabled, but both namespace path and non-matching",
    );
    await stop(c, pause.id);
  },
  NEEDS,
);

containerTest(
  "namespaces of different owners are joined together: root's network with a container's user namespace",
  async (c) => {
    const pause = await start(c, (config) => {
      mapped(config);
      config.process!.args = ["sleep", "1000"];
    });
    // The network is that of a container without a user namespace: it belongs to the host's.
    const network = await start(c, (config) => config.process!.args = ["sleep", "1000"]);
    for (const order of [["network", "user"], ["user", "network"]]) {
      const { path } = c.bundle((config) => {
        for (const type of order) joins(config, type === "user" ? pause.pid : network.pid, type);
        // A sysfs belongs to who owns the network.
        config.mounts = config.mounts!.filter(({ destination }) => !destination.startsWith("/sys"));
        runs(config, "readlink /proc/self/ns/net; readlink /proc/self/ns/user; id -u");
      });
      const expected = `${namespace(network.pid, "net")}\n${namespace(pause.pid, "user")}\n0\n`;
      assertEquals(await c.dunc.ok("run", "--bundle", path, c.id()), expected, order.join());
    }
    await stop(c, network.id);
    await stop(c, pause.id);
  },
  NEEDS,
);

containerTest("every type of namespace can be joined at once, together with new ones", async (c) => {
  const pause = await start(c, (config) => {
    config.linux!.namespaces!.push({ type: "cgroup" }, { type: "time" });
    config.process!.args = ["sleep", "1000"];
    config.linux!.timeOffsets = { boottime: { secs: 5_000_000 } };
  });
  const types = ["network", "ipc", "uts", "pid", "cgroup", "time"];
  const { path } = c.bundle((config) => {
    joins(config, pause.pid, ...types);
    delete config.hostname;
    runs(
      config,
      "for f in net ipc uts pid cgroup time; do readlink /proc/self/ns/$f; done; cut -d. -f1 /proc/uptime",
    );
  });
  const lines = (await c.dunc.ok("run", "--bundle", path, c.id())).trimEnd().split("\n");
  const files = ["net", "ipc", "uts", "pid", "cgroup", "time"];
  assertEquals(lines.slice(0, -1), files.map((file) => namespace(pause.pid, file)));
  assert(Number(lines.at(-1)) > 5_000_000);
  await stop(c, pause.id);
}, NEEDS);

containerTest("clocks are shifted in a user namespace, made or joined", async (c) => {
  const shifted = (config: Config) => {
    config.linux!.namespaces!.push({ type: "time" });
    config.linux!.timeOffsets = {
      boottime: { secs: 3_000_000 },
      monotonic: { secs: 4_000_000, nanosecs: 7 },
    };
  };
  const pause = await start(c, (config) => {
    mapped(config);
    shifted(config);
  });
  /** Whether the uptime in the first line is the host's and this much more. */
  const isShifted = (text: string, seconds: number) => {
    const host = Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]);
    const off = host + seconds - Number(text.split("\n")[0]);
    assert(Math.abs(off) < 60, `${text}: off by ${off} s`);
  };
  isShifted(await exec(c, pause.id, "cut -d. -f1 /proc/uptime"), 3_000_000);
  const { path } = c.bundle((config) => {
    joins(config, pause.pid, "user");
    shifted(config);
    config.linux!.timeOffsets = { boottime: { secs: 7_000_000 } };
    runs(config, "cut -d. -f1 /proc/uptime; cat /proc/self/uid_map");
  });
  const text = await c.dunc.ok("run", "--bundle", path, c.id());
  isShifted(text, 7_000_000);
  assertMatch(text, /\n\s+0\s+200000\s+65536\n$/);
  await stop(c, pause.id);
}, NEEDS);

containerTest("a namespace made by ip netns is joined by its path", async (c) => {
  const name = c.id();
  const add = await call(["ip", "netns", "add", name]);
  assertEquals(add.code, 0, add.stderr);
  try {
    await call(["ip", "-n", name, "addr", "add", "10.44.0.1/32", "dev", "lo"]);
    for (const user of [false, true]) {
      const { path } = c.bundle((config) => {
        const network = config.linux!.namespaces!.find(({ type }) => type === "network")!;
        network.path = `/run/netns/${name}`;
        if (user) {
          mapped(config);
          config.mounts = config.mounts!.filter(({ destination }) => !destination.startsWith("/sys"));
        }
        runs(config, "ip -o addr show dev lo | grep -c 10.44.0.1");
      });
      assertEquals(await c.dunc.ok("run", "--bundle", path, c.id()), "1\n");
    }
  } finally {
    await call(["ip", "netns", "delete", name]);
  }
}, [...NEEDS, "ip"]);
