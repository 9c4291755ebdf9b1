/** Limits that cannot be had: one line that names the field (and the file, where the kernel said no), nothing left. */
import { assertEquals } from "@std/assert";
import type { Config } from "./support/bundle.ts";
import { call } from "./support/command.ts";
import { type Containers, containerTest, runs } from "./support/containers.ts";
import { groupText, layoutHere } from "./support/groups.ts";

interface Bad {
  readonly name: string;
  readonly change: (linux: NonNullable<Config["linux"]>) => void;
  /** Texts of the line; on the other layout these limits are no mistake, where it has none. */
  readonly v1?: readonly string[];
  readonly v2?: readonly string[];
}

const MiB = 1 << 20;

const resources = (change: (resources: NonNullable<NonNullable<Config["linux"]>["resources"]>) => void) =>
(
  linux: NonNullable<Config["linux"]>,
) => change(linux.resources!);

const both = (...texts: string[]) => ({ v1: texts, v2: texts });

const BAD: readonly Bad[] = [
  {
    name: "swap below memory",
    change: resources((r) => r.memory = { limit: 64 * MiB, swap: 32 * MiB }),
    v1: ["linux.resources.memory.", "memory.", "invalid argument"],
    v2: ["linux.resources.memory.swap", "memory+swap limit should be >= memory limit"],
  },
  {
    name: "swap without memory",
    change: resources((r) => r.memory = { swap: 32 * MiB }),
    v2: ["linux.resources.memory.swap", "unable to set swap limit without memory limit"],
  },
  {
    name: "an unknown unified key of a known controller",
    change: resources((r) => r.unified = { "memory.nonsense": "1" }),
    v1: ["cannot use unified on cgroup v1"],
    v2: ["linux.resources.unified", "memory.nonsense", "no such file"],
  },
  {
    name: "a unified key of no controller",
    change: resources((r) => r.unified = { "nonsense.max": "1" }),
    v1: ["cannot use unified on cgroup v1"],
    v2: ["linux.resources.unified", "nonsense.max", `controller "nonsense" not available`],
  },
  {
    name: "a unified key that is no file name",
    change: resources((r) => r.unified = { "../session/memory.max": "1" }),
    v1: ["cannot use unified on cgroup v1"],
    v2: ["linux.resources.unified", "no slashes"],
  },
  {
    name: "a unified value that the kernel does not take",
    change: resources((r) => r.unified = { "memory.max": "much" }),
    v1: ["cannot use unified on cgroup v1"],
    v2: ["linux.resources.unified", "memory.max", "invalid argument"],
  },
  {
    name: "a controller that is not there",
    change: resources((r) => r.rdma = { none: { hcaHandles: 1 } }),
    v1: ["linux.resources.rdma.none", "rdma controller"],
    v2: ["linux.resources.rdma.none", "rdma.max"],
  },
  {
    name: "CPUs that are not there",
    change: resources((r) => r.cpu = { cpus: "4000" }),
    ...both("linux.resources.cpu.cpus", "cpuset.cpus"),
  },
  {
    name: "a list of CPUs that is none",
    change: resources((r) => r.cpu = { cpus: "first" }),
    ...both("linux.resources.cpu.cpus", "cpuset.cpus", "invalid argument"),
  },
  {
    name: "memory nodes that are not there",
    change: resources((r) => r.cpu = { mems: "63" }),
    ...both("linux.resources.cpu.mems", "cpuset.mems"),
  },
  {
    name: "a quota below the least",
    change: resources((r) => r.cpu = { quota: 10, period: 100_000 }),
    v1: ["linux.resources.cpu.quota", "cpu.cfs_quota_us", "invalid argument"],
    v2: ["linux.resources.cpu.quota", "cpu.max", "invalid argument"],
  },
  {
    name: "a period beyond the longest",
    change: resources((r) => r.cpu = { period: 2_000_000 }),
    v1: ["linux.resources.cpu.period", "cpu.cfs_period_us", "invalid argument"],
    v2: ["linux.resources.cpu.period", "cpu.max", "invalid argument"],
  },
  {
    name: "a swappiness beyond 100",
    change: resources((r) => r.memory = { swappiness: 101 }),
    v1: ["linux.resources.memory.swappiness", "valid range is 0-100"],
  },
  {
    name: "a weight beyond 1000",
    change: resources((r) => r.blockIO = { weight: 1001 }),
    v1: ["linux.resources.blockIO.weight", "blkio.bfq.weight"],
    v2: ["linux.resources.blockIO.weight", "valid range is 10-1000"],
  },
  {
    name: "a throttled device that is not there",
    change: resources((r) => r.blockIO = { throttleReadBpsDevice: [{ major: 250, minor: 99, rate: 1 }] }),
    v1: [
      "linux.resources.blockIO.throttleReadBpsDevice[0]",
      "blkio.throttle.read_bps_device",
      "no such device",
    ],
    v2: ["linux.resources.blockIO.throttleReadBpsDevice[0]", "io.max", "no such device"],
  },
  {
    name: "a page size that the machine does not have",
    change: resources((r) => r.hugepageLimits = [{ pageSize: "3MB", limit: 1 }]),
    ...both("linux.resources.hugepageLimits[0]"),
  },
  {
    name: "a page size that is a path",
    change: resources((r) => r.hugepageLimits = [{ pageSize: "2MB/../x", limit: 1 }]),
    ...both("linux.resources.hugepageLimits[0].pageSize"),
  },
  {
    name: "a device rule of no known type",
    change: resources((r) => r.devices = [{ allow: true, type: "x", access: "r" }]),
    ...both("linux.resources.devices[0].type"),
  },
  {
    name: "a cgroupsPath that leads out",
    change: (linux) => linux.cgroupsPath = "/a/../../b",
    ...both("linux.cgroupsPath", ".."),
  },
  {
    name: "a cgroupsPath that is the root of the tree",
    change: (linux) => linux.cgroupsPath = "/",
    ...both("linux.cgroupsPath", "root of the tree"),
  },
];

containerTest("limits that cannot be had are refused in one line by name, and leave nothing", async (c) => {
  const faults: string[] = [];
  for (const row of BAD) {
    const texts = row[layoutHere()];
    if (texts === undefined) continue;
    const { path } = c.bundle((config) => {
      runs(config, "true");
      row.change(config.linux!);
    });
    const outcome = await c.dunc.call(["create", "--bundle", path, c.id()]);
    faults.push(...faultsOf(row.name, outcome, ["create failed: ", ...texts]));
  }
  assertEquals(faults, []);
}, ["root", "dunc"]);

function faultsOf(
  name: string,
  { code, stderr }: { readonly code: number; readonly stderr: string },
  texts: readonly string[],
): string[] {
  const lines = stderr.trim().split("\n").filter((line) => !line.includes("level=warning"));
  if (code !== 1) return [`${name}: exit code ${code}`];
  if (lines.length !== 1) return [`${name}: ${lines.length} lines: ${stderr}`];
  return texts.filter((text) => !stderr.replaceAll('\\"', '"').includes(text))
    .map((text) => `${name}: ${text} is not in ${stderr}`);
}

/** Updates of a container with a limit of 64 MB, 20 processes and a quota. */
const UPDATES: readonly (Bad & { readonly flags?: readonly string[]; readonly document?: unknown })[] = [
  { name: "swap below memory", change: () => {}, document: { memory: { swap: MiB } }, ...both("memory") },
  {
    name: "the second of two limits",
    change: () => {},
    document: { pids: { limit: 7 }, cpu: { quota: 10 } },
    ...both("linux.resources.cpu.quota", "invalid argument"),
  },
  {
    name: "CPUs that are not there",
    change: () => {},
    flags: ["--cpuset-cpus", "4000"],
    ...both("cpu.cpus"),
  },
  {
    name: "a page size that is a path",
    change: () => {},
    document: { hugepageLimits: [{ pageSize: "../2MB", limit: 1 }] },
    ...both("linux.resources.hugepageLimits[0].pageSize"),
  },
  {
    name: "a device rule of no known type",
    change: () => {},
    document: { devices: [{ allow: true, type: "x", access: "r" }] },
    ...both("linux.resources.devices[0].type"),
  },
  {
    name: "a document of another form",
    change: () => {},
    document: { memory: { limit: "1" } },
    ...both("memory.limit"),
  },
  {
    name: "an unknown unified key",
    change: () => {},
    document: { pids: { limit: 7 }, unified: { "memory.nonsense": "1" } },
    v1: ["cannot use unified on cgroup v1"],
    v2: ["linux.resources.unified", "memory.nonsense"],
  },
];

containerTest(
  "an update that cannot be had is refused in one line by name, and changes nothing",
  async (c) => {
    const id = await limited(c);
    const before = limitsOf(id);
    const faults: string[] = [];
    for (const { name, flags = [], document, ...texts } of UPDATES) {
      const outcome = document === undefined
        ? await c.dunc.call(["update", ...flags, id])
        : await c.dunc.call(["update", "--resources", "-", id], { stdin: JSON.stringify(document) });
      faults.push(...faultsOf(name, outcome, texts[layoutHere()]!));
      assertEquals(limitsOf(id), before, name);
    }
    assertEquals(faults, []);
  },
  ["root", "dunc"],
);

containerTest("a memory limit below what is used names the use, and the old limits stay", async (c) => {
  const id = await limited(c);
  // What is in a tmpfs cannot be given back without swap.
  await c.dunc.ok("exec", id, "sh", "-c", "head -c 20000000 /dev/zero > /dev/shm/f");
  const before = limitsOf(id);
  const stdin = JSON.stringify({ memory: { limit: 5_000_000, swap: 5_000_000, checkBeforeUpdate: true } });
  const outcome = await c.dunc.call(["update", "--resources", "-", id], { stdin });
  const texts = layoutHere() === "v1"
    ? ["linux.resources.memory.limit", "unable to set memory limit to 5000000 (current usage: "]
    : ["linux.resources.memory.swap", "rejecting memory+swap limit 5000000 <= usage"];
  assertEquals(faultsOf("a limit below the use", outcome, texts), []);
  assertEquals(limitsOf(id), before);
}, ["root", "dunc"]);

async function limited(c: Containers): Promise<string> {
  const { path } = c.bundle((config) => {
    runs(config, "sleep 100");
    config.linux!.resources!.memory = { limit: 64 * MiB };
    config.linux!.resources!.pids = { limit: 20 };
    config.linux!.resources!.cpu = { quota: 50_000, period: 100_000 };
  });
  const id = c.id();
  await c.dunc.ok("run", "-d", "--bundle", path, id);
  return id;
}

function limitsOf(id: string): (string | undefined)[] {
  return ["memory.limit_in_bytes", "memory.max", "pids.max", "cpu.cfs_quota_us", "cpu.max", "cpuset.cpus"]
    .map((file) => groupText(id, file));
}

containerTest(
  "a read-only cgroup tree is told by the directory that cannot be made, with a hint",
  async (c) => {
    const { path } = c.bundle((config) => runs(config, "true"));
    const script = "for point in $(grep -o '/sys/fs/cgroup[^ ]* ' /proc/self/mounts); do " +
      'mount -o remount,bind,ro "$point" || exit 99; done; exec "$@"';
    const create = c.dunc.command("create", "--bundle", path, c.id());
    const outcome = await call(["unshare", "--mount", "sh", "-c", script, "sh", ...create]);
    assertEquals(
      faultsOf("a read-only tree", outcome, [
        "unable to apply cgroup configuration: mkdir: /sys/fs/cgroup",
        "read-only file system",
        "is /sys/fs/cgroup mounted read-only?",
      ]),
      [],
    );
  },
  ["root", "dunc"],
);
