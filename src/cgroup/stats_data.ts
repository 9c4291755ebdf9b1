// Pure: no I/O in this file.
import type { RdtStats } from "./resctrl_stats.ts";

/**
 * The `data` of an `events` record of type `stats`, as runc prints it: keys in this order, counters that are
 * uint64 as bigint, undefined where runc leaves a zero or an empty list out.
 */
export interface StatsData {
  readonly cpu: CpuStats;
  readonly cpuset: CpusetStats;
  readonly memory: MemoryStats;
  readonly pids: { readonly current?: bigint | undefined; readonly limit?: bigint | undefined };
  readonly blkio: BlkioStats;
  /** By page size, `2MB`; an object even when empty. */
  readonly hugetlb: Readonly<Record<string, HugetlbStats>>;
  readonly intel_rdt: RdtStats;
  readonly network_interfaces: null;
}

/** Nanoseconds. */
export interface CpuStats {
  readonly usage: {
    readonly total?: bigint | undefined;
    readonly percpu?: readonly bigint[] | undefined;
    readonly percpu_kernel?: readonly bigint[] | undefined;
    readonly percpu_user?: readonly bigint[] | undefined;
    readonly kernel: bigint;
    readonly user: bigint;
  };
  readonly throttling: {
    readonly periods?: bigint | undefined;
    readonly throttledPeriods?: bigint | undefined;
    readonly throttledTime?: bigint | undefined;
  };
  readonly psi?: PressureStats | undefined;
}

export interface CpusetStats {
  readonly cpus?: readonly number[] | undefined;
  readonly cpu_exclusive: bigint;
  readonly mems?: readonly number[] | undefined;
  readonly mem_hardwall: bigint;
  readonly mem_exclusive: bigint;
  readonly memory_migrate: bigint;
  readonly memory_spread_page: bigint;
  readonly memory_spread_slab: bigint;
  readonly memory_pressure: bigint;
  readonly sched_load_balance: bigint;
  readonly sched_relax_domain_level: bigint;
}

/** Bytes. */
export interface MemoryStats {
  readonly cache?: bigint | undefined;
  readonly usage: MemoryEntry;
  /** Memory and swap together, on v2 too. */
  readonly swap: MemoryEntry;
  readonly kernel: MemoryEntry;
  readonly kernelTCP: MemoryEntry;
  /** memory.stat, by name. */
  readonly raw?: Readonly<Record<string, bigint>> | undefined;
  readonly psi?: PressureStats | undefined;
}

export interface MemoryEntry {
  readonly limit: bigint;
  readonly usage?: bigint | undefined;
  readonly max?: bigint | undefined;
  readonly failcnt: bigint;
}

export interface BlkioStats {
  readonly ioServiceBytesRecursive?: readonly BlkioEntry[] | undefined;
  readonly ioServicedRecursive?: readonly BlkioEntry[] | undefined;
  readonly ioQueueRecursive?: readonly BlkioEntry[] | undefined;
  readonly ioServiceTimeRecursive?: readonly BlkioEntry[] | undefined;
  readonly ioWaitTimeRecursive?: readonly BlkioEntry[] | undefined;
  readonly ioMergedRecursive?: readonly BlkioEntry[] | undefined;
  readonly ioTimeRecursive?: readonly BlkioEntry[] | undefined;
  readonly sectorsRecursive?: readonly BlkioEntry[] | undefined;
  readonly psi?: PressureStats | undefined;
}

export interface BlkioEntry {
  readonly major?: bigint | undefined;
  readonly minor?: bigint | undefined;
  readonly op?: string | undefined;
  readonly value?: bigint | undefined;
}

export interface HugetlbStats {
  readonly usage?: bigint | undefined;
  readonly max?: bigint | undefined;
  readonly failcnt: bigint;
}

/** Pressure stall information: percent of time, and microseconds in all. */
export interface PressureStats {
  readonly some?: Pressure | undefined;
  readonly full?: Pressure | undefined;
}

export interface Pressure {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  readonly total: bigint;
}

/** The text of a file of the container's group, or undefined where there is none: `cpu`, `cpu.stat`. */
export type ReadFile = (controller: string, file: string) => string | undefined;

const UINT64_MAX = (1n << 64n) - 1n;

/** The number in a file of one value; `max` is 2^64 - 1, nothing or no number is 0. */
export function numberIn(text: string | undefined): bigint {
  const word = text?.trim() ?? "";
  if (word === "max") return UINT64_MAX;
  return /^-?\d+$/.test(word) ? BigInt(word) : 0n;
}

/** A file of lines `name number`, by name. */
export function tableIn(text: string | undefined): Map<string, bigint> {
  const table = new Map<string, bigint>();
  for (const line of text?.split("\n") ?? []) {
    const [name, value] = line.split(" ");
    if (name !== undefined && value !== undefined) table.set(name, numberIn(value));
  }
  return table;
}

/** Undefined for what runc leaves out: zero and the empty list. */
export function unlessZero(value: bigint | undefined): bigint | undefined {
  return value === 0n ? undefined : value;
}

export function unlessEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

/** memory.stat by name, sorted as Go prints a map; undefined when empty. */
export function rawOf(table: Map<string, bigint>): Readonly<Record<string, bigint>> | undefined {
  return table.size === 0 ? undefined : Object.fromEntries([...table].sort(([a], [b]) => a < b ? -1 : 1));
}

/** `hugepages-2048kB` of /sys/kernel/mm/hugepages → `2MB`, as files of the hugetlb controller name it. */
export function pageSizeOf(directory: string): string | undefined {
  const kilobytes = Number(/^hugepages-(\d+)kB$/.exec(directory)?.[1] ?? NaN);
  if (Number.isNaN(kilobytes)) return undefined;
  if (kilobytes >= 1 << 20) return `${kilobytes >> 20}GB`;
  return kilobytes >= 1 << 10 ? `${kilobytes >> 10}MB` : `${kilobytes}KB`;
}

/** Lines `some avg10=0.12 avg60=0.00 avg300=0.00 total=12345`; undefined where the kernel keeps no such record. */
export function pressureIn(text: string | undefined): PressureStats | undefined {
  const kinds = new Map<string, Pressure>();
  for (const line of text?.split("\n") ?? []) {
    const match = /^(some|full) avg10=([\d.]+) avg60=([\d.]+) avg300=([\d.]+) total=(\d+)$/.exec(line);
    if (match === null) continue;
    const [, kind, avg10, avg60, avg300, total] = match;
    kinds.set(kind!, {
      avg10: Number(avg10),
      avg60: Number(avg60),
      avg300: Number(avg300),
      total: BigInt(total!),
    });
  }
  return kinds.size === 0 ? undefined : { some: kinds.get("some"), full: kinds.get("full") };
}
