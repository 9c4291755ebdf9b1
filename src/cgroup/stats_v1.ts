// Pure: no I/O in this file.
import {
  type BlkioEntry,
  type BlkioStats,
  type CpusetStats,
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
import { hugetlbV2 } from "./stats_v2.ts";

/**
 * Statistics of a container on v1 trees. Pressure is the v2 tree's on a hybrid host; v1 has none. So
 * are huge pages where no v1 tree has them.
 * @param pageSizes the host's huge page sizes: `2MB`
 */
export function statsV1(read: ReadFile, pageSizes: readonly string[]): StatsData {
  return {
    cpu: cpuStats(read),
    cpuset: cpusetStats((file) => read("cpuset", `cpuset.${file}`)),
    memory: {
      ...memoryStats((file) => read("memory", `memory.${file}`)),
      psi: pressureIn(read("", "memory.pressure")),
    },
    pids: pidsStats(read),
    blkio: {
      ...blkioStats((file) => read("blkio", `blkio.${file}`)),
      psi: pressureIn(read("", "io.pressure")),
    },
    hugetlb: { ...hugetlbV2((file) => read("", file), pageSizes), ...hugetlbStats(read, pageSizes) },
    intel_rdt: {},
    network_interfaces: null,
  };
}

/** USER_HZ is 100 on every architecture we build for: a tick is 10 ms. */
const TICK_NS = 10_000_000n;

function cpuStats(read: ReadFile): CpuStats {
  const ticks = tableIn(read("cpuacct", "cpuacct.stat"));
  const throttling = tableIn(read("cpu", "cpu.stat"));
  // A header `cpu user system`, then a line for each CPU.
  const all = (read("cpuacct", "cpuacct.usage_all") ?? "").trim().split("\n").slice(1).map((line) =>
    line.split(" ")
  );
  const percpu = (read("cpuacct", "cpuacct.usage_percpu") ?? "").trim();
  return {
    usage: {
      total: unlessZero(numberIn(read("cpuacct", "cpuacct.usage"))),
      percpu: percpu === "" ? undefined : percpu.split(" ").map(numberIn),
      percpu_kernel: unlessEmpty(all.map(([, , system]) => numberIn(system))),
      percpu_user: unlessEmpty(all.map(([, user]) => numberIn(user))),
      kernel: (ticks.get("system") ?? 0n) * TICK_NS,
      user: (ticks.get("user") ?? 0n) * TICK_NS,
    },
    throttling: {
      periods: unlessZero(throttling.get("nr_periods")),
      throttledPeriods: unlessZero(throttling.get("nr_throttled")),
      throttledTime: unlessZero(throttling.get("throttled_time")),
    },
    psi: pressureIn(read("", "cpu.pressure")),
  };
}

function cpusetStats(read: (file: string) => string | undefined): CpusetStats {
  return {
    cpus: unlessEmpty(listIn(read("cpus"))),
    cpu_exclusive: numberIn(read("cpu_exclusive")),
    mems: unlessEmpty(listIn(read("mems"))),
    mem_hardwall: numberIn(read("mem_hardwall")),
    mem_exclusive: numberIn(read("mem_exclusive")),
    memory_migrate: numberIn(read("memory_migrate")),
    memory_spread_page: numberIn(read("memory_spread_page")),
    memory_spread_slab: numberIn(read("memory_spread_slab")),
    memory_pressure: numberIn(read("memory_pressure")),
    sched_load_balance: numberIn(read("sched_load_balance")),
    sched_relax_domain_level: numberIn(read("sched_relax_domain_level")),
  };
}

/** `0-2,7` → 0, 1, 2, 7. */
function listIn(text: string | undefined): number[] {
  return (text ?? "").trim().split(",").filter((part) => part !== "").flatMap((part) => {
    const [first, last = first] = part.split("-").map(Number);
    return Array.from({ length: last! - first! + 1 }, (_, index) => first! + index);
  });
}

function memoryStats(read: (file: string) => string | undefined): MemoryStats {
  const raw = tableIn(read("stat"));
  const entry = (prefix: string): MemoryEntry => ({
    limit: numberIn(read(`${prefix}limit_in_bytes`)),
    usage: unlessZero(numberIn(read(`${prefix}usage_in_bytes`))),
    max: unlessZero(numberIn(read(`${prefix}max_usage_in_bytes`))),
    failcnt: numberIn(read(`${prefix}failcnt`)),
  });
  return {
    cache: unlessZero(raw.get("cache")),
    usage: entry(""),
    swap: entry("memsw."),
    kernel: entry("kmem."),
    kernelTCP: entry("kmem.tcp."),
    raw: rawOf(raw),
  };
}

function pidsStats(read: ReadFile): StatsData["pids"] {
  const limit = read("pids", "pids.max")?.trim();
  return {
    current: unlessZero(numberIn(read("pids", "pids.current"))),
    limit: limit === "max" ? undefined : unlessZero(numberIn(limit)),
  };
}

/** Where block statistics may be, by scheduler, the best first; the first whose first file has entries counts. */
const BLKIO_SOURCES: readonly Readonly<Partial<Record<keyof BlkioStats, string>>>[] = [
  {
    sectorsRecursive: "bfq.sectors_recursive",
    ioServiceTimeRecursive: "bfq.io_service_time_recursive",
    ioWaitTimeRecursive: "bfq.io_wait_time_recursive",
    ioMergedRecursive: "bfq.io_merged_recursive",
    ioQueueRecursive: "bfq.io_queued_recursive",
    ioTimeRecursive: "bfq.time_recursive",
    ioServicedRecursive: "bfq.io_serviced_recursive",
    ioServiceBytesRecursive: "bfq.io_service_bytes_recursive",
  },
  {
    ioServicedRecursive: "bfq.io_serviced_recursive",
    ioServiceBytesRecursive: "bfq.io_service_bytes_recursive",
  },
  {
    sectorsRecursive: "sectors_recursive",
    ioServiceBytesRecursive: "io_service_bytes_recursive",
    ioServicedRecursive: "io_serviced_recursive",
    ioQueueRecursive: "io_queued_recursive",
    ioServiceTimeRecursive: "io_service_time_recursive",
    ioWaitTimeRecursive: "io_wait_time_recursive",
    ioMergedRecursive: "io_merged_recursive",
    ioTimeRecursive: "time_recursive",
  },
  {
    ioServicedRecursive: "throttle.io_serviced_recursive",
    ioServiceBytesRecursive: "throttle.io_service_bytes_recursive",
  },
  {
    ioServicedRecursive: "throttle.io_serviced",
    ioServiceBytesRecursive: "throttle.io_service_bytes",
  },
];

function blkioStats(read: (file: string) => string | undefined): BlkioStats {
  for (const source of BLKIO_SOURCES) {
    const files = Object.entries(source);
    if (blkioEntries(read(files[0]![1])).length === 0) continue;
    const found = Object.fromEntries(
      files.map(([key, file]) => [key, unlessEmpty(blkioEntries(read(file)))]),
    );
    return ordered(found);
  }
  return {};
}

function ordered(found: BlkioStats): BlkioStats {
  return {
    ioServiceBytesRecursive: found.ioServiceBytesRecursive,
    ioServicedRecursive: found.ioServicedRecursive,
    ioQueueRecursive: found.ioQueueRecursive,
    ioServiceTimeRecursive: found.ioServiceTimeRecursive,
    ioWaitTimeRecursive: found.ioWaitTimeRecursive,
    ioMergedRecursive: found.ioMergedRecursive,
    ioTimeRecursive: found.ioTimeRecursive,
    sectorsRecursive: found.sectorsRecursive,
  };
}

/** Lines `8:0 Read 4096` or `8:0 4096`; `Total 4096` at the end is none. */
function blkioEntries(text: string | undefined): BlkioEntry[] {
  const entries: BlkioEntry[] = [];
  for (const line of text?.split("\n") ?? []) {
    const [, major, minor, op, value] = /^(\d+):(\d+) (?:(\S+) )?(\d+)$/.exec(line) ?? [];
    if (value === undefined) continue;
    entries.push({
      major: unlessZero(numberIn(major)),
      minor: unlessZero(numberIn(minor)),
      op,
      value: unlessZero(numberIn(value)),
    });
  }
  return entries;
}

function hugetlbStats(read: ReadFile, pageSizes: readonly string[]): Record<string, HugetlbStats> {
  const stats: Record<string, HugetlbStats> = {};
  for (const size of [...pageSizes].sort()) {
    const reserved = read("hugetlb", `hugetlb.${size}.rsvd.usage_in_bytes`);
    const prefix = reserved === undefined ? `hugetlb.${size}` : `hugetlb.${size}.rsvd`;
    const usage = reserved ?? read("hugetlb", `${prefix}.usage_in_bytes`);
    if (usage === undefined) continue;
    stats[size] = {
      usage: unlessZero(numberIn(usage)),
      max: unlessZero(numberIn(read("hugetlb", `${prefix}.max_usage_in_bytes`))),
      failcnt: numberIn(read("hugetlb", `${prefix}.failcnt`)),
    };
  }
  return stats;
}
