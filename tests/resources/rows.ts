/** Every field of linux.resources, and what it comes to in the kernel's files of v1 and of v2. */
import type { Config } from "../support/bundle.ts";
import { unifiedHas } from "../support/groups.ts";

type Resources = NonNullable<NonNullable<Config["linux"]>["resources"]>;

/** What a field comes to on one layout. */
export type Expectation =
  /** `file` of the container's group reads `text` afterwards, whole or as one of its lines. */
  | { readonly file: string; readonly text: string; readonly needs?: "bfq" }
  /** Taken and without effect, as runc has it. */
  | { readonly ignored: string }
  /** create fails with one line that has this text. */
  | { readonly refused: string };

export interface Row {
  readonly field: string;
  /** Rows of one number go into one container; those that exclude each other have different ones. */
  readonly container: 0 | 1 | 2;
  readonly set: (resources: Resources) => void;
  readonly v1: Expectation;
  readonly v2: Expectation;
}

/** A block device that is there, for the fields that want one. */
export interface Disk {
  readonly name: string;
  readonly major: number;
  readonly minor: number;
}

const MiB = 1 << 20;
const file = (name: string, text: string): Expectation => ({ file: name, text });
const NO_V2 = { ignored: "v2 has nothing for it" };
const GONE = { ignored: "kernels no longer have it" };

const memory = (field: string, value: number | boolean, v1: Expectation, v2: Expectation): Row => ({
  field: `memory.${field}`,
  container: 0,
  set: (resources) => resources.memory = { ...resources.memory, [field]: value },
  v1,
  v2,
});

const cpu = (
  field: string,
  value: number | string,
  v1: Expectation,
  v2: Expectation,
  container: Row["container"] = 0,
): Row => ({
  field: `cpu.${field}`,
  container,
  set: (resources) => resources.cpu = { ...resources.cpu, [field]: value },
  v1,
  v2,
});

const pids = (limit: number, text: string, container: Row["container"]): Row => ({
  field: `pids.limit ${limit}`,
  container,
  set: (resources) => resources.pids = { limit },
  v1: file("pids.max", text),
  v2: file("pids.max", text),
});

function memoryRows(): Row[] {
  return [
    memory(
      "limit",
      64 * MiB,
      file("memory.limit_in_bytes", `${64 * MiB}`),
      file("memory.max", `${64 * MiB}`),
    ),
    memory(
      "reservation",
      32 * MiB,
      file("memory.soft_limit_in_bytes", `${32 * MiB}`),
      file("memory.low", `${32 * MiB}`),
    ),
    memory(
      "swap",
      96 * MiB,
      file("memory.memsw.limit_in_bytes", `${96 * MiB}`),
      file("memory.swap.max", `${32 * MiB}`),
    ),
    memory("swappiness", 30, file("memory.swappiness", "30"), NO_V2),
    memory("disableOOMKiller", true, file("memory.oom_control", "oom_kill_disable 1"), NO_V2),
    memory("useHierarchy", true, { ignored: "kernels have nothing else" }, NO_V2),
    memory("kernel", 64 * MiB, GONE, GONE),
    memory("kernelTCP", 64 * MiB, GONE, GONE),
    memory("checkBeforeUpdate", true, { ignored: "the kernel does it: see update" }, {
      ignored: "see update",
    }),
  ];
}

function cpuRows(): Row[] {
  const noRealtime = { refused: "real-time scheduling is not supported on cgroup v2" };
  return [
    cpu("shares", 512, file("cpu.shares", "512"), file("cpu.weight", "59")),
    cpu("quota", 25_000, file("cpu.cfs_quota_us", "25000"), file("cpu.max", "25000 50000")),
    cpu("period", 50_000, file("cpu.cfs_period_us", "50000"), file("cpu.max", "25000 50000")),
    cpu("burst", 10_000, file("cpu.cfs_burst_us", "10000"), file("cpu.max.burst", "10000")),
    cpu("idle", 1, file("cpu.idle", "1"), file("cpu.idle", "1"), 1),
    cpu("realtimePeriod", 500_000, file("cpu.rt_period_us", "500000"), noRealtime, 2),
    cpu("realtimeRuntime", 1000, file("cpu.rt_runtime_us", "1000"), noRealtime, 2),
    cpu("cpus", "0", file("cpuset.cpus", "0"), file("cpuset.cpus", "0")),
    cpu("mems", "0", file("cpuset.mems", "0"), file("cpuset.mems", "0")),
  ];
}

type BlockIO = NonNullable<Resources["blockIO"]>;

function blockRows({ major, minor }: Disk): Row[] {
  const device = `${major}:${minor}`;
  const row = (
    field: string,
    set: (blockIO: BlockIO) => void,
    v1: Expectation,
    v2: Expectation,
    container: Row["container"] = 0,
  ): Row => ({
    field: `blockIO.${field}`,
    container,
    set: (resources) => set(resources.blockIO ??= {}),
    v1,
    v2,
  });
  const throttle = (
    field: `throttle${"Read" | "Write"}${"Bps" | "IOPS"}Device`,
    rate: number,
    v1: string,
  ): Row =>
    row(
      field,
      (blockIO) => blockIO[field] = [{ major, minor, rate }],
      file(`blkio.throttle.${v1}_device`, `${device} ${rate}`),
      file("io.max", `${device} rbps=1000000 wbps=2000000 riops=3000 wiops=4000`),
    );
  const weight = { major, minor, weight: 300 };
  return [
    row(
      "weight",
      (blockIO) => blockIO.weight = 500,
      file("blkio.bfq.weight", "500"),
      file("io.bfq.weight", "default 500"),
    ),
    row(
      "leafWeight",
      (blockIO) => blockIO.leafWeight = 500,
      file("blkio.leaf_weight", "500"),
      NO_V2,
    ),
    row("weightDevice.weight", (blockIO) => blockIO.weightDevice = [weight], {
      file: "blkio.bfq.weight_device",
      text: `${device} 300`,
      needs: "bfq",
    }, { file: "io.bfq.weight", text: `${device} 300`, needs: "bfq" }),
    row(
      "weightDevice.leafWeight",
      (blockIO) => blockIO.weightDevice = [{ major, minor, leafWeight: 300 }],
      file("blkio.leaf_weight_device", `${device} 300`),
      NO_V2,
      1,
    ),
    throttle("throttleReadBpsDevice", 1_000_000, "read_bps"),
    throttle("throttleWriteBpsDevice", 2_000_000, "write_bps"),
    throttle("throttleReadIOPSDevice", 3000, "read_iops"),
    throttle("throttleWriteIOPSDevice", 4000, "write_iops"),
  ];
}

function otherRows(): Row[] {
  // A hybrid host has a controller in one tree only.
  const hugetlb = unifiedHas("hugetlb") ? "max" : "limit_in_bytes";
  return [
    pids(20, "20", 0),
    pids(0, "1", 1),
    pids(-1, "max", 2),
    {
      field: "hugepageLimits 2MB",
      container: 0,
      set: (resources) => resources.hugepageLimits = [{ pageSize: "2MB", limit: 4 * MiB }],
      v1: file(`hugetlb.2MB.${hugetlb}`, `${4 * MiB}`),
      v2: file("hugetlb.2MB.max", `${4 * MiB}`),
    },
    {
      field: "hugepageLimits 2MB, reserved",
      container: 0,
      set: (resources) => resources.hugepageLimits = [{ pageSize: "2MB", limit: 4 * MiB }],
      v1: file(`hugetlb.2MB.rsvd.${hugetlb}`, `${4 * MiB}`),
      v2: file("hugetlb.2MB.rsvd.max", `${4 * MiB}`),
    },
    {
      field: "network.classID",
      container: 0,
      set: (resources) => resources.network = { ...resources.network, classID: 0x10_0001 },
      v1: file("net_cls.classid", `${0x10_0001}`),
      v2: NO_V2,
    },
    {
      field: "network.priorities",
      container: 0,
      set: (resources) =>
        resources.network = { ...resources.network, priorities: [{ name: "lo", priority: 5 }] },
      v1: file("net_prio.ifpriomap", "lo 5"),
      v2: NO_V2,
    },
    {
      field: "rdma",
      container: 0,
      set: (resources) => resources.rdma = { rxe0: { hcaHandles: 2, hcaObjects: 2000 } },
      v1: file("rdma.max", "rxe0 hca_handle=2 hca_object=2000"),
      v2: file("rdma.max", "rxe0 hca_handle=2 hca_object=2000"),
    },
    {
      field: "unified",
      container: 1,
      set: (resources) => resources.unified = { "memory.high": `${48 * MiB}` },
      v1: { refused: "cannot use unified on cgroup v1" },
      v2: file("memory.high", `${48 * MiB}`),
    },
    {
      field: "devices",
      container: 0,
      set: (resources) =>
        resources.devices = [
          { allow: false, access: "rwm" },
          { allow: true, type: "c", major: 10, minor: 229, access: "rw" },
        ],
      v1: file("devices.list", "c 10:229 rw"),
      v2: { ignored: "a program, no file: see tests/device_rules_test.ts" },
    },
  ];
}

/** All rows; a field that takes several forms has several. */
export function resourceRows(disk: Disk): Row[] {
  return [...memoryRows(), ...cpuRows(), ...blockRows(disk), ...otherRows()];
}
