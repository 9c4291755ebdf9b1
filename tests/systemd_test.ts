/**
 * The systemd driver against a bus of the test's own, on which a small systemd answers: no systemd runs here. What a
 * real one makes of it is tested in the guest (scripts/vm).
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { until } from "./support/command.ts";
import { type Containers, containerTest, reaping, runs } from "./support/containers.ts";
import { FakeSystemd, type Faults, type Property } from "./support/fake_systemd.ts";
import { cgroupDirectories } from "./support/ledger.ts";

interface Setting {
  readonly systemd: FakeSystemd;
  readonly id: string;
  readonly unit: string;
  /** A call of dunc with --systemd-cgroup and this bus. */
  call(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  ok(...words: string[]): Promise<string>;
}

/** A bundle for a unit in a slice of this test's own. */
function bundleFor(
  c: Containers,
  id: string,
  annotations: Record<string, string> = {},
  script = "sleep 100",
): string {
  return c.bundle((config) => {
    runs(config, script);
    config.annotations = annotations;
    config.linux!.cgroupsPath = `${id.replaceAll("-", "_")}.slice:dunc:${id}`;
    config.linux!.resources = {
      devices: [{ allow: false, access: "rwm" }],
      memory: { limit: 64 << 20, reservation: 32 << 20 },
      pids: { limit: 50 },
      cpu: { shares: 512, quota: 50_000, period: 100_000, cpus: "0" },
    };
  }).path;
}

async function withSystemd(c: Containers, body: (setting: Setting) => Promise<void>): Promise<void> {
  const systemd = new FakeSystemd(`${c.folder}/bus`);
  const id = c.id();
  const call = (...words: string[]) => c.dunc.call(["--systemd-cgroup", ...words], { env: systemd.env });
  const ok = async (...words: string[]) => {
    const { code, stdout, stderr } = await call(...words);
    assertEquals([code, stderr], [0, ""], words.join(" "));
    return stdout;
  };
  try {
    await body({ systemd, id, unit: `dunc-${id}.scope`, call, ok });
  } finally {
    for (const each of c.dunc.ids()) await reaping(call("delete", "--force", each));
    await systemd.close();
  }
}

const groupsOf = (unit: string) => cgroupDirectories().filter((path) => path.endsWith(`/${unit}`));

function valueIn(unit: string, ...files: string[]): string {
  for (const directory of groupsOf(unit)) {
    for (const file of files) {
      try {
        return Deno.readTextFileSync(`${directory}/${file}`).trim();
      } catch { /* Another tree's. */ }
    }
  }
  throw new Error(`no ${files.join(" or ")} of ${unit}`);
}

const onV2 = () => cgroupDirectories().every((path) => !path.startsWith("/sys/fs/cgroup/memory/"));

/** A property by its name; of several the last. */
const property = (properties: readonly Property[], name: string) =>
  properties.findLast(([each]) => each === name)?.slice(1);

containerTest("systemd makes a scope around the container's first process, with its limits", async (c) => {
  await withSystemd(c, async ({ systemd, id, unit, ok }) => {
    const bundle = bundleFor(c, id, {
      "org.systemd.property.TimeoutStopSec": "uint64 7",
      "org.systemd.property.CollectMode": "'inactive-or-failed'",
      "unrelated": "x",
    });
    await ok("create", "--bundle", bundle, id);
    const started = systemd.calls.find(({ member }) => member === "StartTransientUnit")!;
    assertEquals([started.body[0], started.body[1], started.body[3]], [unit, "replace", []]);
    const properties = systemd.properties("StartTransientUnit");
    const v2 = onV2();
    const pids = property(properties, "PIDs")![1] as number[];
    assertEquals(properties.filter(([name]) => name !== "PIDs" && name !== "DeviceAllow"), [
      ["Description", "s", `libcontainer container ${id}`],
      ["Slice", "s", `${id.replaceAll("-", "_")}.slice`],
      ["Delegate", "b", true],
      ["MemoryAccounting", "b", true],
      ["CPUAccounting", "b", true],
      [v2 ? "IOAccounting" : "BlockIOAccounting", "b", true],
      ["TasksAccounting", "b", true],
      ["DefaultDependencies", "b", false],
      ["DevicePolicy", "s", "strict"],
      ...(v2
        ? [["MemoryMax", "t", 64n << 20n], ["MemoryLow", "t", 32n << 20n], ["CPUWeight", "t", 59n]] as const
        : [["MemoryLimit", "t", 64n << 20n], ["CPUShares", "t", 512n]] as const),
      ["CPUQuotaPeriodUSec", "t", 100_000n],
      ["CPUQuotaPerSecUSec", "t", 500_000n],
      ["TasksMax", "t", 50n],
      ["AllowedCPUs", "ay", [1]],
      ["TimeoutStopUSec", "t", 7_000_000n],
      ["CollectMode", "s", "inactive-or-failed"],
    ]);
    const [, devices] = properties.filter(([name]) => name === "DeviceAllow");
    assertEquals(devices![1], "a(ss)");
    assertEquals((devices![2] as unknown[]).slice(0, 3), [
      ["char-*", "m"],
      ["block-*", "m"],
      ["/dev/char/1:3", "rwm"],
    ]);
    assertEquals(pids.length, 1);
    // The one that was moved is the first stage: the container's process was born where that was.
    const { pid } = JSON.parse(await ok("state", id));
    assert(pids[0] !== pid);
    const groups = Deno.readTextFileSync(`/proc/${pid}/cgroup`).trim().split("\n");
    for (const line of groups) assert(line.endsWith(`/${unit}`), line);
    assertEquals(valueIn(unit, "pids.max"), "50");
    assertEquals(valueIn(unit, "memory.soft_limit_in_bytes", "memory.low"), `${32 << 20}`);
    assertEquals(valueIn(unit, "cpu.shares", "cpu.weight"), v2 ? "59" : "512");
  });
});

containerTest("a container of systemd is started, paused, updated, killed and taken away", async (c) => {
  await withSystemd(c, async ({ systemd, id, unit, ok }) => {
    await ok("create", "--bundle", bundleFor(c, id), id);
    await ok("start", id);
    assertEquals((await ok("exec", id, "cat", "/proc/self/cgroup")).trim().split("\n").length > 0, true);
    await ok("pause", id);
    systemd.calls.splice(0);
    await ok("update", "--pids-limit", "20", "--memory", "128M", id);
    assertEquals(systemd.members().filter((member) => member !== "Get"), ["SetUnitProperties"]);
    assertEquals([systemd.calls.at(-1)!.body[0], systemd.calls.at(-1)!.body[1]], [unit, true]);
    assertEquals(systemd.properties("SetUnitProperties"), [
      [onV2() ? "MemoryMax" : "MemoryLimit", "t", 128n << 20n],
      ["TasksMax", "t", 20n],
    ]);
    assertEquals(valueIn(unit, "pids.max"), "20");
    assertEquals(JSON.parse(await ok("state", id)).status, "paused");
    await ok("resume", id);
    // Whatever its flags say: the record tells who made it.
    const plain = await c.dunc.call(["update", "--pids-limit", "30", id], { env: systemd.env });
    assertEquals([plain.code, property(systemd.properties("SetUnitProperties"), "TasksMax")], [0, [
      "t",
      30n,
    ]]);
    assertEquals(JSON.parse(await ok("state", id)).status, "running");
    await ok("kill", id, "KILL");
    await until("it is stopped", async () => (await c.dunc.state(id)).status === "stopped");
    systemd.calls.splice(0);
    assertEquals((await c.dunc.call(["delete", id], { env: systemd.env })).code, 0);
    assertEquals(systemd.calls.map(({ member, body }) => [member, body[0]]), [
      ["Subscribe", undefined],
      ["StopUnit", unit],
      ["ResetFailedUnit", unit],
    ]);
    assertEquals(groupsOf(unit), []);
  });
});

containerTest("a container of a single process gets that limit when its first stage is gone", async (c) => {
  await withSystemd(c, async ({ systemd, id, unit, ok }) => {
    const { path } = c.bundle((config) => {
      config.linux!.cgroupsPath = `${id.replaceAll("-", "_")}.slice:dunc:${id}`;
      config.linux!.resources!.pids = { limit: 1 };
    });
    await ok("create", "--bundle", path, id);
    assertEquals(property(systemd.properties("StartTransientUnit"), "TasksMax"), ["t", 2n]);
    assertEquals(systemd.properties("SetUnitProperties"), [["TasksMax", "t", 1n]]);
    assertEquals(valueIn(unit, "pids.max"), "1");
  });
});

containerTest(
  "run takes its unit away at the end, and --cgroup-manager is the same as the flag",
  async (c) => {
    await withSystemd(c, async ({ systemd, id, unit }) => {
      const bundle = bundleFor(c, id, {}, "exit 7");
      const words = ["--cgroup-manager", "systemd", "run", "--bundle", bundle, id];
      assertEquals((await c.dunc.call(words, { env: systemd.env })).code, 7);
      assertEquals(systemd.calls.at(-1), { member: "ResetFailedUnit", body: [unit] });
      assertEquals([systemd.units.size, groupsOf(unit)], [0, []]);
    });
  },
);

containerTest("an update that the kernel refuses is taken back from systemd too", async (c) => {
  await withSystemd(c, async ({ systemd, id, unit, call, ok }) => {
    await ok("run", "-d", "--bundle", bundleFor(c, id), id);
    const { code, stderr } = await call("update", "--pids-limit", "20", "--cpuset-cpus", "999", id);
    assertEquals(code, 1);
    assertStringIncludes(stderr, "cpuset.cpus");
    assertEquals(property(systemd.properties("SetUnitProperties"), "TasksMax"), ["t", 50n]);
    assertEquals(property(systemd.properties("SetUnitProperties"), "AllowedCPUs"), ["ay", [1]]);
    assertEquals(valueIn(unit, "pids.max"), "50");
    assertEquals((await c.dunc.state(id)).status, "running");
  });
});

containerTest("systemd's refusals are told in its words, and nothing is left behind", async (c) => {
  const cases: readonly (readonly [faults: Faults, text: string])[] = [
    [
      {
        errors: {
          StartTransientUnit: ["org.freedesktop.DBus.Error.PropertyReadOnly", "Cannot set property Foo"],
        },
      },
      "start systemd unit UNIT: Cannot set property Foo",
    ],
    [{ result: "failed" }, "error creating systemd unit UNIT: got `failed`"],
    [{ hangUpAt: "StartTransientUnit" }, "start systemd unit UNIT: "],
    [{ hangUpAt: "Hello" }, "systemd support for managing cgroups is not available: --systemd-cgroup: "],
    [{ unmoved: true }, " was not moved to /sys/fs/cgroup/"],
    [{ otherNumbers: true }, "--systemd-cgroup: systemd is in another pid namespace: it sees process "],
    [
      { errors: { Get: ["org.freedesktop.DBus.Error.ServiceUnknown", "The name is not activatable"] } },
      "systemd support for managing cgroups is not available: --systemd-cgroup: The name is not activatable",
    ],
    [
      { errors: { Subscribe: ["org.freedesktop.DBus.Error.LimitsExceeded", "Too many connections"] } },
      "start systemd unit UNIT: Too many connections",
    ],
  ];
  await withSystemd(c, async ({ systemd, id, unit, call }) => {
    const bundle = bundleFor(c, id);
    for (const [faults, text] of cases) {
      systemd.faults = faults;
      const { code, stderr } = await call("create", "--bundle", bundle, id);
      assertEquals([code, stderr.trimEnd().split("\n").length], [1, 1], stderr);
      assertStringIncludes(stderr, text.replace("UNIT", unit));
      assertEquals([c.dunc.ids(), groupsOf(unit)], [[], []], text);
      systemd.units.delete(unit);
    }
  });
});

containerTest("a unit that is there already is another's: it stays as it is", async (c) => {
  await withSystemd(c, async ({ systemd, id, unit, call, ok }) => {
    const bundle = bundleFor(c, id);
    await ok("run", "-d", "--bundle", bundle, id);
    const second = await call("create", "--bundle", bundle, c.id());
    assertEquals(second.code, 1);
    assertStringIncludes(second.stderr, "container's cgroup is not empty: 1 process(es) found");
    assertEquals((await c.dunc.state(id)).status, "running");
    await reaping(ok("delete", "--force", id));

    systemd.units.set(unit, []);
    systemd.calls.splice(0);
    const third = await call("create", "--bundle", bundle, c.id());
    assertEquals(third.code, 1);
    assertStringIncludes(third.stderr, `start systemd unit ${unit}: Unit ${unit} already exists.`);
    assertEquals(systemd.members().filter((member) => member !== "Get"), [
      "Subscribe",
      "StartTransientUnit",
      // It may have been one that had failed.
      "ResetFailedUnit",
      "StartTransientUnit",
    ]);
    assertEquals([systemd.units.has(unit), c.dunc.ids()], [true, []]);
  });
});

containerTest("the systemd driver refuses what it cannot read before it asks for anything", async (c) => {
  const refused = async (cgroupsPath: string, annotations: Record<string, string>, text: string) => {
    await withSystemd(c, async ({ systemd, id, call }) => {
      const bundle = c.bundle((config) => {
        config.linux!.cgroupsPath = cgroupsPath;
        config.annotations = annotations;
      });
      const { code, stderr } = await call("create", "--bundle", bundle.path, id);
      assertEquals([code, stderr.trimEnd().split("\n").length], [1, 1]);
      assertStringIncludes(stderr, text);
      assertEquals(systemd.calls, []);
    });
  };
  await refused("/a/b", {}, 'for systemd cgroups, got \\"/a/b\\" instead: linux.cgroupsPath');
  await refused("a--b.slice:p:n", {}, "invalid slice name: a--b.slice: linux.cgroupsPath");
  await refused("nothing:p:n", {}, "invalid slice name: nothing");
  await refused(":p:../n", {}, "invalid unit name: p-../n.scope");
  await refused(
    ":p:n",
    { "org.systemd.property.X": "1" },
    "annotation org.systemd.property.X name incorrect",
  );
  await refused(":p:n", { "org.systemd.property.Foo": "[" }, "annotation org.systemd.property.Foo=[ value");
});

containerTest("without a bus --systemd-cgroup is refused, and delete needs none", async (c) => {
  await withSystemd(c, async ({ systemd, id, unit, ok }) => {
    const bundle = bundleFor(c, id);
    await ok("run", "-d", "--bundle", bundle, id);
    const env = { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${c.folder}/no-bus` };
    const other = await c.dunc.call(["--systemd-cgroup", "create", "--bundle", bundle, c.id()], { env });
    assertEquals(other.code, 1);
    assertStringIncludes(
      other.stderr,
      "systemd cgroup flag passed, but systemd support for managing cgroups is not available: " +
        "--systemd-cgroup: no such file or directory",
    );
    const gone = await reaping(c.dunc.call(["delete", "--force", id], { env }));
    assertEquals(gone.code, 0);
    assertStringIncludes(gone.stderr, `stop systemd unit ${unit}: `);
    assertEquals([c.dunc.ids(), groupsOf(unit)], [[], []]);
    assertEquals(systemd.units.has(unit), true);
  });
});

containerTest("without a libsystemd that can be loaded --systemd-cgroup says so", async (c) => {
  const { path } = c.bundle((config) => config.linux!.cgroupsPath = ":dunc:x");
  Deno.writeTextFileSync(`${c.folder}/libsystemd.so.0`, "no library");
  const env = { LD_LIBRARY_PATH: c.folder };
  const words = ["--systemd-cgroup", "create", "--bundle", path, c.id()];
  const { code, stderr } = await c.dunc.call(words, { env });
  assertEquals([code, stderr.trimEnd().split("\n").length], [1, 1]);
  assertStringIncludes(stderr, "use systemd for cgroups: libsystemd.so.0: Could not open library");
  assertEquals(c.dunc.ids(), []);
  // Nobody else loads it.
  assertEquals((await c.dunc.call(["features"], { env })).code, 0);
});
