// Pure: no I/O in this file.
import type { BlkioEntry, PressureStats, StatsData } from "./stats_data.ts";
import { jsonText } from "./stats_text.ts";

/** What a container uses at one moment, in the few figures that a person asks for. */
export interface Usage {
  readonly id: string;
  /** CPU time since its start, in nanoseconds. */
  readonly cpuTotalNs: bigint;
  /** Percent of one CPU since the reading before; undefined at the first. */
  readonly cpuPercent?: number | undefined;
  readonly throttledNs: bigint;
  /** Bytes without the part of the page cache that the kernel would give up first, as other tools count. */
  readonly memory: bigint;
  /** Bytes with all of it: what the kernel holds against the limit. */
  readonly memoryCharged: bigint;
  /** Its own limit; undefined when it has none. */
  readonly memoryLimit?: bigint | undefined;
  readonly pids: bigint;
  readonly pidsLimit?: bigint | undefined;
  /** Bytes read from and written to devices since its start. */
  readonly readBytes: bigint;
  readonly writtenBytes: bigint;
  readonly oomKills: bigint;
  /** Stalls by resource, where the kernel keeps them. */
  readonly pressure: {
    readonly cpu?: PressureStats | undefined;
    readonly memory?: PressureStats | undefined;
    readonly io?: PressureStats | undefined;
  };
}

/** A container's statistics at a moment. */
export interface Reading {
  readonly id: string;
  readonly atMs: number;
  readonly data: StatsData;
  readonly oomKills: bigint | undefined;
}

/** Statistics as a Usage; `before` is an earlier reading of the same container. */
export function usageOf({ id, atMs, data, oomKills }: Reading, before: Reading | undefined): Usage {
  const { cpu, memory, pids, blkio } = data;
  const total = cpu.usage.total ?? 0n;
  const charged = memory.usage.usage ?? 0n;
  const cache = memory.raw?.total_inactive_file ?? memory.raw?.inactive_file ?? 0n;
  return {
    id,
    cpuTotalNs: total,
    cpuPercent: before === undefined ? undefined : percentOf(total, atMs, before),
    throttledNs: cpu.throttling.throttledTime ?? 0n,
    memory: charged > cache ? charged - cache : 0n,
    memoryCharged: charged,
    memoryLimit: limitOf(memory.usage.limit),
    pids: pids.current ?? 0n,
    pidsLimit: pids.limit,
    readBytes: bytesOf(blkio.ioServiceBytesRecursive, "read"),
    writtenBytes: bytesOf(blkio.ioServiceBytesRecursive, "write"),
    oomKills: oomKills ?? 0n,
    pressure: { cpu: cpu.psi, memory: memory.psi, io: blkio.psi },
  };
}

function percentOf(total: bigint, atMs: number, before: Reading): number | undefined {
  const passedMs = atMs - before.atMs;
  const usedNs = Number(total - (before.data.cpu.usage.total ?? 0n));
  if (passedMs <= 0) return undefined;
  // Fewer than before: another container of that name.
  return Math.max(0, usedNs / (passedMs * 1e6) * 100);
}

/** From here on a limit is none: v1 says 2^63 less a page, v2's `max` is 2^64 - 1. */
const NO_LIMIT = 1n << 60n;

function limitOf(limit: bigint): bigint | undefined {
  return limit <= 0n || limit >= NO_LIMIT ? undefined : limit;
}

function bytesOf(entries: readonly BlkioEntry[] | undefined, op: string): bigint {
  return (entries ?? []).filter((entry) => entry.op?.toLowerCase() === op)
    .reduce((sum, { value }) => sum + (value ?? 0n), 0n);
}

/** A line of JSON; `time` is when it was read. Keys of what there is not are left out. */
export function usageJson(usage: Usage, time: Date): string {
  const { id, cpuPercent, pressure } = usage;
  return jsonText({
    time: time.toISOString(),
    id,
    cpu: {
      percent: cpuPercent === undefined ? undefined : rounded(cpuPercent),
      total_ns: usage.cpuTotalNs,
      throttled_ns: usage.throttledNs,
    },
    memory: { usage: usage.memory, charged: usage.memoryCharged, limit: usage.memoryLimit },
    pids: { current: usage.pids, limit: usage.pidsLimit },
    io: { read_bytes: usage.readBytes, written_bytes: usage.writtenBytes },
    oom_kills: usage.oomKills,
    pressure: Object.values(pressure).every((each) => each === undefined) ? undefined : pressure,
  });
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
