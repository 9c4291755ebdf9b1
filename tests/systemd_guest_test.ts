/**
 * The systemd driver with a real systemd, in the Debian guest of scripts/vm: what systemd knows is read by systemctl, what
 * the kernel knows from the files, after systemd has read its units anew.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { resourceRows, type Row } from "./resources/rows.ts";
import { type Cell, formatColumn, tell } from "./resources/table.ts";
import { call, succeed, until } from "./support/command.ts";
import { type Containers, containerTest, reaping, runs } from "./support/containers.ts";
import { cgroupDirectories } from "./support/ledger.ts";

/** What systemd says of a unit. */
async function show(unit: string, property: string, ...options: string[]): Promise<string> {
  return (await succeed(["systemctl", ...options, "show", unit, "-p", property, "--value"])).trim();
}

/** Units that this test has made and that systemd still knows. */
async function units(part: string): Promise<string> {
  return await succeed(["systemctl", "list-units", "--all", "--no-legend", `*${part}*`]);
}

function fileOf(unit: string, file: string): string {
  const directory = cgroupDirectories().find((path) => path.endsWith(`/${unit}`));
  assert(directory !== undefined, `no group ${unit}`);
  return Deno.readTextFileSync(`${directory}/${file}`).trim();
}

containerTest("a container lives and dies in a scope of systemd's", async (c) => {
  const { path } = c.bundle((config) => {
    runs(config, "sleep 1000");
    for (const set of ["bounding", "effective", "permitted"] as const) {
      config.process!.capabilities![set]!.push("CAP_MKNOD");
    }
    config.linux!.cgroupsPath = "my-own.slice:libpod:box";
    config.linux!.resources!.pids = { limit: 50 };
    config.linux!.resources!.memory = { limit: 64 << 20 };
  });
  const id = c.id();
  const unit = "libpod-box.scope";
  const ok = (...words: string[]) => c.dunc.ok("--systemd-cgroup", ...words);
  await ok("create", "--bundle", path, id);
  assertEquals(await show(unit, "ControlGroup"), `/my.slice/my-own.slice/${unit}`);
  assertEquals(await show(unit, "ActiveState"), "active");
  assertEquals(await show(unit, "Delegate"), "yes");
  const { pid } = await c.dunc.state(id);
  assertEquals(Deno.readTextFileSync(`/proc/${pid}/cgroup`), `0::/my.slice/my-own.slice/${unit}\n`);
  await ok("start", id);
  const devices = [
    "sh",
    "-c",
    "echo x >/dev/null && rm -f /dev/m && mknod /dev/m c 1 1 && ! cat /dev/m 2>&1",
  ];
  assertStringIncludes(await ok("exec", id, ...devices), "Operation not permitted");
  await succeed(["systemctl", "daemon-reload"]);
  assertStringIncludes(await ok("exec", id, ...devices), "Operation not permitted");
  assertEquals(await ok("exec", id, "cat", "/proc/self/cgroup"), "0::/\n");

  await ok("pause", id);
  await ok("update", "--pids-limit", "20", "--memory", "96M", "--memory-swap", "128M", id);
  await succeed(["systemctl", "daemon-reload"]);
  assertEquals((await c.dunc.state(id)).status, "paused");
  assertEquals(
    await Promise.all(["TasksMax", "MemoryMax", "MemorySwapMax"].map((property) => show(unit, property))),
    ["20", `${96 << 20}`, `${32 << 20}`],
  );
  assertEquals(["pids.max", "memory.max", "memory.swap.max"].map((file) => fileOf(unit, file)), [
    "20",
    `${96 << 20}`,
    `${32 << 20}`,
  ]);
  await ok("resume", id);
  const refused = await c.dunc.fails(1, "update", "--pids-limit", "7", "--cpuset-cpus", "77", id);
  assertStringIncludes(refused, "cpuset.cpus");
  assertEquals([await show(unit, "TasksMax"), fileOf(unit, "pids.max")], ["20", "20"]);

  assertStringIncludes(
    await c.dunc.fails(1, "--systemd-cgroup", "create", "--bundle", path, c.id()),
    "not empty",
  );
  await ok("kill", id, "KILL");
  await until("it is stopped", async () => (await c.dunc.state(id)).status === "stopped");
  await ok("delete", id);
  assertEquals([await units("libpod-box"), await show(unit, "LoadState")], ["", "not-found"]);
}, ["root", "systemd"]);

/** What systemd has a property for, and what that says afterwards. */
const PROPERTIES: Readonly<Record<string, readonly [property: string, value: string]>> = {
  "memory.limit": ["MemoryMax", `${64 << 20}`],
  "memory.reservation": ["MemoryLow", `${32 << 20}`],
  "memory.swap": ["MemorySwapMax", `${32 << 20}`],
  "cpu.shares": ["CPUWeight", "59"],
  "cpu.quota": ["CPUQuotaPerSecUSec", "500ms"],
  "cpu.period": ["CPUQuotaPeriodUSec", "50ms"],
  "cpu.idle": ["CPUWeight", "idle"],
  "cpu.cpus": ["AllowedCPUs", "0"],
  "cpu.mems": ["AllowedMemoryNodes", "0"],
  "blockIO.weight": ["IOWeight", "4500"],
  "blockIO.weightDevice.weight": ["IODeviceWeight", "/dev/block/254:0 2300"],
  "pids.limit 20": ["TasksMax", "20"],
  "pids.limit 0": ["TasksMax", "1"],
  "pids.limit -1": ["TasksMax", "infinity"],
  "unified": ["MemoryHigh", `${48 << 20}`],
  "devices": ["DevicePolicy", "strict"],
};

/** Whether create takes a field on v2, in a guest that has no RDMA device. */
const takenWithSystemd = (row: Row): boolean => !("refused" in row.v2) && row.field !== "rdma";

const nothing = ({ v2 }: Row): string => "ignored" in v2 ? v2.ignored : "systemd and v2 have nothing for it";

/** A field that create refuses on v2 is refused in one line through systemd too, with no unit left. */
async function refusal(c: Containers, row: Row): Promise<Cell & { readonly fault?: string }> {
  const { path } = c.bundle((config) => {
    runs(config, "true");
    row.set(config.linux!.resources!);
  });
  const id = c.id();
  const stderr = (await c.dunc.fails(1, "--systemd-cgroup", "create", "--bundle", path, id)).trim();
  const named = "refused" in row.v2 ? row.v2.refused : `linux.resources.${row.field}`;
  const fault = stderr.includes("\n") || !stderr.includes(named)
    ? `not one line with ${named}: ${stderr}`
    : await units(id);
  const text = row.field === "rdma" ? "n/a (no RDMA device here)" : "refused";
  return { field: row.field, text, ...(fault === "" ? {} : { fault }) };
}

containerTest("every field of linux.resources is where systemd and the kernel have it", async (c) => {
  const disk = { name: "vda", major: 254, minor: 0 };
  const cells: Cell[] = [];
  const faults: string[] = [];
  for (const container of [0, 1, 2]) {
    const rows = resourceRows(disk).filter((row) => row.container === container && takenWithSystemd(row));
    const { path } = c.bundle((config) => {
      runs(config, "true");
      for (const row of rows) row.set(config.linux!.resources!);
    });
    const id = c.id();
    await c.dunc.ok("--systemd-cgroup", "create", "--bundle", path, id);
    await succeed(["systemctl", "daemon-reload"]);
    const unit = `runc-${id}.scope`;
    for (const row of rows) {
      const [property, value] = PROPERTIES[row.field] ?? [];
      const got = property === undefined ? "-" : await show(unit, property);
      if (property !== undefined && got !== value) {
        faults.push(`${row.field}: ${property}=${got}, not ${value}`);
      }
      const wanted = "file" in row.v2 ? row.v2 : undefined;
      const text = wanted === undefined ? "" : fileOf(unit, wanted.file);
      const line = text.split("\n").find((each) => each === wanted?.text);
      if (wanted !== undefined && line === undefined) {
        faults.push(`${row.field}: ${wanted.file} is ${text}, not ${wanted.text}`);
      }
      const seen = [
        ...(property === undefined ? [] : [`${property}=${got}`]),
        ...(wanted === undefined ? [] : [`${wanted.file} = ${line ?? text}`]),
      ];
      cells.push({ field: row.field, text: seen.join(", ") || `- (${nothing(row)})` });
    }
    await c.dunc.ok("delete", "--force", id);
  }
  for (const row of resourceRows(disk).filter((each) => !takenWithSystemd(each))) {
    const cell = await refusal(c, row);
    cells.push(cell);
    if (cell.fault !== undefined) faults.push(`${row.field}: ${cell.fault}`);
  }
  tell(formatColumn("systemd", Deno.osRelease(), cells));
  assertEquals(faults, []);
}, ["root", "systemd"]);

containerTest("systemd's own refusal is one line, and leaves no unit, no group, no state", async (c) => {
  const make = (annotations: Record<string, string>, script: string) =>
    c.bundle((config) => {
      runs(config, script);
      config.annotations = annotations;
    }).path;
  const id = c.id();
  const path = make({ "org.systemd.property.Nonsense": "1" }, "true");
  const stderr = await c.dunc.fails(1, "--systemd-cgroup", "create", "--bundle", path, id);
  assertEquals(stderr.trim().split("\n").length, 1);
  assertMatch(stderr, /start systemd unit runc-\S+: Cannot set property Nonsense/);
  assertEquals([await units(id), c.dunc.ids()], ["", []]);
  const annotated = make({ "org.systemd.property.TimeoutStopSec": "uint64 7" }, "sleep 100");
  await c.dunc.ok("--systemd-cgroup", "run", "-d", "--bundle", annotated, id);
  assertEquals(await show(`runc-${id}.scope`, "TimeoutStopUSec"), "7s");
  await reaping(c.dunc.ok("--systemd-cgroup", "delete", "--force", id));
  assertEquals(await units(id), "");
}, ["root", "systemd"]);

containerTest("a container that died of its memory limit leaves a unit that delete takes away", async (c) => {
  const { path } = c.bundle((config) => {
    runs(config, "sleep 1; head -c 200000000 /dev/zero | tail");
    config.linux!.cgroupsPath = ":dunc:oom";
    config.linux!.resources!.memory = { limit: 32 << 20, swap: 32 << 20 };
  });
  for (const id of [c.id(), c.id()]) {
    await c.dunc.ok("--systemd-cgroup", "run", "-d", "--bundle", path, id);
    await until("it has died", async () => (await c.dunc.state(id)).status === "stopped", 20_000);
    await c.dunc.ok("--systemd-cgroup", "delete", id);
    assertEquals(await show("dunc-oom.scope", "LoadState"), "not-found");
  }
}, ["root", "systemd"]);

containerTest("an ordinary user's container is a scope of the user's own manager", async (c) => {
  const uid = 1234;
  await call(["useradd", "--uid", `${uid}`, "--create-home", "guest"]);
  await succeed(["loginctl", "enable-linger", "guest"]);
  await until("the user's bus is there", () => {
    try {
      return Deno.statSync(`/run/user/${uid}/bus`).isSocket;
    } catch {
      return false;
    }
  }, 20_000);
  const { path } = c.bundle((config) => {
    runs(config, "sleep 1000");
    config.linux!.namespaces!.push({ type: "user" });
    config.linux!.uidMappings = [{ containerID: 0, hostID: uid, size: 1 }];
    config.linux!.gidMappings = [{ containerID: 0, hostID: uid, size: 1 }];
    config.linux!.resources = { memory: { limit: 64 << 20 }, pids: { limit: 50 } };
    config.mounts = config.mounts!.filter(({ type }) =>
      !["sysfs", "cgroup", "mqueue", "devpts"].includes(type!)
    );
  });
  Deno.chmodSync(c.folder, 0o755);
  const root = `${c.folder}/user-state`;
  Deno.mkdirSync(root, { mode: 0o700 });
  Deno.chownSync(root, uid, uid);
  const id = c.id();
  const env = { PATH: Deno.env.get("PATH")!, HOME: "/tmp", XDG_RUNTIME_DIR: `/run/user/${uid}` };
  const asUser = (...command: string[]) => succeed(command, { env, clearEnv: true, uid, gid: uid });
  const ok = (...words: string[]) => asUser(c.dunc.path, "--root", root, "--systemd-cgroup", ...words);
  await ok("run", "-d", "--bundle", path, id);
  const unit = `runc-${id}.scope`;
  const property = async (name: string) =>
    (await asUser("systemctl", "--user", "show", unit, "-p", name, "--value")).trim();
  assertEquals(
    await property("ControlGroup"),
    `/user.slice/user-${uid}.slice/user@${uid}.service/user.slice/${unit}`,
  );
  assertEquals([await property("TasksMax"), fileOf(unit, "pids.max")], ["50", "50"]);
  await ok("update", "--pids-limit", "20", id);
  assertEquals([await property("TasksMax"), fileOf(unit, "pids.max")], ["20", "20"]);
  // From outside the user's own groups: its systemd has to do it. In the container's namespace that is the top.
  assertEquals(await ok("exec", id, "cat", "/proc/self/cgroup"), "0::/\n");
  await ok("delete", "--force", id);
  assertEquals(await property("LoadState"), "not-found");
  await succeed(["loginctl", "disable-linger", "guest"]);
  // It may have ended by that already; the folder below says.
  await call(["loginctl", "terminate-user", "guest"]);
  await until(
    "the user's folder is gone",
    () => !Deno.readTextFileSync("/proc/self/mountinfo").includes(` /run/user/${uid} `),
    20_000,
  );
}, ["root", "systemd"]);

containerTest("root needs no D-Bus daemon: systemd has a socket of its own", async (c) => {
  await succeed(["systemctl", "stop", "dbus.socket", "dbus.service"]);
  try {
    const { path } = c.bundle((config) => {
      runs(config, "sleep 1000");
      config.linux!.resources!.pids = { limit: 50 };
    });
    const id = c.id();
    const unit = `runc-${id}.scope`;
    await c.dunc.ok("--systemd-cgroup", "run", "-d", "--bundle", path, id);
    assertEquals([await show(unit, "TasksMax"), fileOf(unit, "pids.max")], ["50", "50"]);
    await c.dunc.ok("--systemd-cgroup", "update", "--pids-limit", "20", id);
    assertEquals(await show(unit, "TasksMax"), "20");
    await reaping(c.dunc.ok("--systemd-cgroup", "delete", "--force", id));
    assertEquals(await units(id), "");
  } finally {
    await succeed(["systemctl", "start", "dbus.socket"]);
  }
}, ["root", "systemd"]);
