// Pure: no I/O in this file.
import {
  type BlkioEntry,
  type BlkioStats,
  type CpuStats,
  type HugetlbStats,
  type MemoryEntry,
  type MemoryStats,
  numberIn,
  pressureIn,
  rawOf,
  type ReadFile,
  type StatsData,
  tableIn,
  unlessEmpty,
  unlessZero,
} from "./stats_data.ts";

/**
 * Statistics of a container on v2, in the words of v1: that is what clients read.
 * @param pageSizes the host's huge page sizes: `2MB`
 */
export function statsV2(read: ReadFile, pageSizes: readonly string[]): StatsData {
  return {
    cpu: cpuStats(read),
    cpuset: NO_CPUSET,
    memory: memoryStats((file) => read("memory", `memory.${file}`)),
    pids: pidsStats(read),
    blkio: blkioStats(read),
    hugetlb: hugetlbV2((file) => read("hugetlb", file), pageSizes),
    intel_rdt: {},
    network_interfaces: null,
  };
}

/** v2 has nothing of the sort; the keys are there all the same. */
const NO_CPUSET: StatsData["cpuset"] = {
  cpu_exclusive: 0n,
  mem_hardwall: 0n,
  mem_exclusive: 0n,
  memory_migrate: 0n,
  memory_spread_page: 0n,
  memory_spread_slab: 0n,
  memory_pressure: 0n,
  sched_load_balance: 0n,
  sched_relax_domain_level: 0n,
};

function cpuStats(read: ReadFile): CpuStats {
  const table = tableIn(read("cpu", "cpu.stat"));
  const nanoseconds = (name: string) => (table.get(name) ?? 0n) * 1000n;
  return {
    usage: {
      total: unlessZero(nanoseconds("usage_usec")),
      kernel: nanoseconds("system_usec"),
      user: nanoseconds("user_usec"),
    },
    throttling: {
      periods: unlessZero(table.get("nr_periods")),
      throttledPeriods: unlessZero(table.get("nr_throttled")),
      throttledTime: unlessZero(nanoseconds("throttled_usec")),
    },
    psi: pressureIn(read("cpu", "cpu.pressure")),
  };
}

const NO_MEMORY: MemoryEntry = { limit: 0n, failcnt: 0n };
/** What "max" counts as: the largest unsigned number, as in runc. */
const UNLIMITED = 0xffffffffffffffffn;

function memoryStats(read: (file: string) => string | undefined): MemoryStats {
  const raw = tableIn(read("stat"));
  const usage = numberIn(read("current"));
  const limit = numberIn(read("max"));
  const swapText = read("swap.current");
  const swapLimit = numberIn(read("swap.max"));
  return {
    cache: unlessZero(raw.get("file")),
    usage: { limit, usage: unlessZero(usage), max: unlessZero(numberIn(read("peak"))), failcnt: 0n },
    // v1 counts memory and swap together, so we do here.
    swap: swapText === undefined && raw.size === 0 ? NO_MEMORY : {
      limit: swapLimit === UNLIMITED || limit === UNLIMITED ? UNLIMITED : swapLimit + limit,
      usage: unlessZero(numberIn(swapText) + usage),
      failcnt: 0n,
    },
    kernel: NO_MEMORY,
    kernelTCP: NO_MEMORY,
    raw: rawOf(raw),
    psi: pressureIn(read("pressure")),
  };
}

function pidsStats(read: ReadFile): StatsData["pids"] {
  const current = read("pids", "pids.current");
  const limit = read("pids", "pids.max")?.trim();
  // Without the controller, the processes of the group itself are counted.
  const counted = current ?? `${(read("cgroup", "cgroup.procs") ?? "").split("\n").length - 1}`;
  return {
    current: unlessZero(numberIn(counted)),
    limit: limit === "max" ? undefined : unlessZero(numberIn(limit)),
  };
}

/** Which entry of v1 a key of io.stat is. */
const IO_KEYS: Readonly<Record<string, readonly [list: "bytes" | "operations", op: string]>> = {
  rbytes: ["bytes", "Read"],
  wbytes: ["bytes", "Write"],
  rios: ["operations", "Read"],
  wios: ["operations", "Write"],
};

/** Lines `8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0`. */
function blkioStats(read: ReadFile): BlkioStats {
  const lists = { bytes: [] as BlkioEntry[], operations: [] as BlkioEntry[] };
  for (const line of read("io", "io.stat")?.split("\n") ?? []) {
    const [device = "", ...pairs] = line.split(" ");
    const [major, minor] = device.split(":");
    if (minor === undefined) continue;
    for (const pair of pairs) {
      const [key = "", value] = pair.split("=");
      const [list, op] = IO_KEYS[key] ?? [];
      if (list === undefined) continue;
      lists[list].push({
        major: unlessZero(numberIn(major)),
        minor: unlessZero(numberIn(minor)),
        op,
        value: unlessZero(numberIn(value)),
      });
    }
  }
  return {
    ioServiceBytesRecursive: unlessEmpty(lists.bytes),
    ioServicedRecursive: unlessEmpty(lists.operations),
    psi: pressureIn(read("io", "io.pressure")),
  };
}

/** Huge pages of the v2 tree; a hybrid host may have them there and everything else in v1's. */
export function hugetlbV2(
  read: (file: string) => string | undefined,
  pageSizes: readonly string[],
): Record<string, HugetlbStats> {
  const stats: Record<string, HugetlbStats> = {};
  for (const size of [...pageSizes].sort()) {
    const usage = read(`hugetlb.${size}.rsvd.current`) ?? read(`hugetlb.${size}.current`);
    if (usage === undefined) continue;
    const events = tableIn(read(`hugetlb.${size}.events`));
    stats[size] = { usage: unlessZero(numberIn(usage)), failcnt: events.get("max") ?? 0n };
  }
  return stats;
}
