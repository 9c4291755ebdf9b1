// Pure: no I/O in this file.
import { deviceList, MKNOD, READ, WRITE } from "./devices.ts";
import { isSet, refuse } from "./limit_parts.ts";
import type { CpuResources, DeviceRule, Resources } from "./resources.ts";
import type { SystemdUnit } from "./systemd_unit.ts";
import { ioWeightOf, swapOf, weightOfShares } from "./v2.ts";

/** One property of a unit as D-Bus carries it: `signature` is the type of the variant. */
export interface UnitProperty {
  readonly name: string;
  readonly signature: string;
  /** By signature: b boolean; s string; integers bigint; d number; a… an array; (…) an array of the fields. */
  readonly value: PropertyValue;
}

export type PropertyValue = string | boolean | bigint | number | readonly PropertyValue[];

const INFINITY = (1n << 64n) - 1n;

/**
 * Properties with which a container's unit is started: below its slice, all accounting on, and, being a scope,
 * left to us to divide further.
 *
 * @param pids processes that systemd moves into it
 */
export function startProperties(
  unit: SystemdUnit,
  id: string,
  pids: readonly number[],
  v2: boolean,
): UnitProperty[] {
  const slice: UnitProperty[] = unit.name.endsWith(".slice")
    ? [{ name: "Wants", signature: "as", value: [unit.slice] }]
    : [
      text("Slice", unit.slice),
      flag("Delegate", true),
      { name: "PIDs", signature: "au", value: pids.map(BigInt) },
    ];
  return [
    text("Description", `libcontainer container ${id}`),
    ...slice,
    flag("MemoryAccounting", true),
    flag("CPUAccounting", true),
    flag(v2 ? "IOAccounting" : "BlockIOAccounting", true),
    flag("TasksAccounting", true),
    flag("DefaultDependencies", false),
  ];
}

/**
 * Properties for a container's limits. systemd has to know of them, or it takes them back at its next reload; what
 * it has no word for is only written to the files.
 *
 * @param version systemd's: CPUQuotaPeriodUSec is from 242, AllowedCPUs from 244, idle weights from 252
 */
export function limitProperties(resources: Resources, v2: boolean, version: number): UnitProperty[] {
  const { memory = {}, cpu = {}, pids, blockIO } = resources;
  const properties: UnitProperty[] = [];
  if (isSet(memory.limit)) properties.push(unsigned(v2 ? "MemoryMax" : "MemoryLimit", memory.limit));
  if (v2) {
    if (isSet(memory.reservation)) properties.push(unsigned("MemoryLow", memory.reservation));
    const swap = swapOf(memory.limit, memory.swap);
    if (swap !== undefined) properties.push(unsigned("MemorySwapMax", numberOrMax(swap)));
  } else if (isSet(blockIO?.weight)) properties.push(unsigned("BlockIOWeight", BigInt(blockIO.weight)));
  properties.push(...weightProperties(cpu, v2, version));
  properties.push(...quotaProperties(cpu.quota ?? 0n, cpu.period ?? 0n, version));
  if (pids?.limit !== undefined) properties.push(unsigned("TasksMax", pids.limit === 0n ? 1n : pids.limit));
  if (version >= 244) {
    if (isList(cpu.cpus)) properties.push(bits("AllowedCPUs", cpu.cpus, "cpus"));
    if (isList(cpu.mems)) properties.push(bits("AllowedMemoryNodes", cpu.mems, "mems"));
  }
  return v2 ? [...properties, ...unifiedProperties(resources.unified ?? {}, version)] : properties;
}

/**
 * Properties for a container's devices, so that systemd's own list agrees with ours: only what is named, when our
 * list allows nothing by default; everything, when it has no exception. A list of prohibitions is beyond systemd,
 * which then allows nothing until our own list is in place.
 */
export function deviceProperties(rules: readonly DeviceRule[], version: number): UnitProperty[] {
  const { allowByDefault, exceptions } = deviceList(rules);
  const entries: PropertyValue[] = [];
  for (const { type, major, minor, access } of allowByDefault ? [] : exceptions) {
    const kind = type === "b" ? "block" : "char";
    const letters = (access & READ ? "r" : "") + (access & WRITE ? "w" : "") + (access & MKNOD ? "m" : "");
    if (major === null) {
      if (minor === null) entries.push([`${kind}-*`, letters]);
    } else if (minor !== null) entries.push([`/dev/${kind}/${major}:${minor}`, letters]);
    // Older ones want a name of /proc/devices there, and only help until our own list is in place.
    else if (version >= 240) entries.push([`${kind}-${major}`, letters]);
  }
  const everything = allowByDefault && exceptions.length === 0;
  return [
    text("DevicePolicy", everything ? "auto" : "strict"),
    // An empty list first: setting the property adds to what is there.
    { name: "DeviceAllow", signature: "a(ss)", value: [] },
    ...entries.length === 0 ? [] : [{ name: "DeviceAllow", signature: "a(ss)", value: entries }],
  ];
}

/**
 * Properties for v2's weights of block IO, of which systemd writes what it takes for them: BFQ's file from its own
 * scale by a formula (1..100 as they are, 100..10000 to 100..1000), io.weight as it is.
 *
 * @param bfq whether the group has BFQ's file
 */
export function ioWeightProperties({ blockIO }: Resources, bfq: boolean): UnitProperty[] {
  const { weight, weightDevice = [] } = blockIO ?? {};
  const scaled = (value: number) =>
    BigInt(!bfq ? ioWeightOf(value) : value <= 100 ? value : 100 + (value - 100) * 11);
  const devices = weightDevice.filter((each) => isSet(each.weight)).map((each) =>
    [`/dev/block/${each.major}:${each.minor}`, scaled(each.weight!)] as const
  );
  return [
    ...isSet(weight) ? [unsigned("IOWeight", scaled(weight))] : [],
    ...devices.length === 0 ? [] : [{ name: "IODeviceWeight", signature: "a(st)", value: devices }],
  ];
}

function weightProperties(cpu: CpuResources, v2: boolean, version: number): UnitProperty[] {
  if (!v2) return isSet(cpu.shares) ? [unsigned("CPUShares", cpu.shares)] : [];
  // Weight 0 is systemd's word for idle.
  if (cpu.idle === 1 && version >= 252) return [unsigned("CPUWeight", 0n)];
  return isSet(cpu.shares) ? [unsigned("CPUWeight", weightOfShares(cpu.shares))] : [];
}

/** systemd counts in microseconds a second, and rounds to whole percents: up, so that ours fits below it. */
function quotaProperties(quota: bigint, period: bigint, version: number): UnitProperty[] {
  if (quota === 0n && period === 0n) return [];
  const perSecond = quota > 0n ? quota * 1_000_000n / (period === 0n ? 100_000n : period) : INFINITY;
  const rounded = quota > 0n ? (perSecond + 9_999n) / 10_000n * 10_000n : perSecond;
  return [
    ...period !== 0n && version >= 242 ? [unsigned("CPUQuotaPeriodUSec", period)] : [],
    unsigned("CPUQuotaPerSecUSec", rounded),
  ];
}

const UNIFIED_NUMBERS: Readonly<Record<string, string>> = {
  "memory.high": "MemoryHigh",
  "memory.low": "MemoryLow",
  "memory.min": "MemoryMin",
  "memory.max": "MemoryMax",
  "memory.swap.max": "MemorySwapMax",
  "pids.max": "TasksMax",
  "cpu.weight": "CPUWeight",
};

function unifiedProperties(unified: Readonly<Record<string, string>>, version: number): UnitProperty[] {
  return Object.entries(unified).flatMap(([file, value]) => {
    const words = value.trim().split(" ");
    if (UNIFIED_NUMBERS[file] !== undefined) {
      if (!/^(max|\d+)$/.test(words[0]!)) throw unifiedFault(file, value);
      return [unsigned(UNIFIED_NUMBERS[file], numberOrMax(words[0]!))];
    }
    if (file === "cpu.max") {
      const [quota = "", period = "100000"] = words;
      if (!/^(max|\d+)$/.test(quota) || !/^\d+$/.test(period) || words.length > 2) {
        throw unifiedFault(file, value);
      }
      return quotaProperties(quota === "max" ? -1n : BigInt(quota), BigInt(period), version);
    }
    if (file === "cpu.idle") return words[0] === "1" && version >= 252 ? [unsigned("CPUWeight", 0n)] : [];
    if (file === "cpuset.cpus" && version >= 244) return [bits("AllowedCPUs", value, undefined)];
    if (file === "cpuset.mems" && version >= 244) return [bits("AllowedMemoryNodes", value, undefined)];
    return [];
  });
}

function unifiedFault(file: string, value: string) {
  return refuse(`unified resource ${JSON.stringify(file)} value conversion error: ${value}`, "unified", file);
}

/** `0-2,7` as bytes, lowest bit first. */
function bits(name: string, list: string, field: string | undefined): UnitProperty {
  let mask = 0n;
  for (const part of list.trim().split(",")) {
    const [, first, last = first] = /^\s*(\d{1,5})(?:-(\d{1,5}))?\s*$/.exec(part) ?? [];
    if (first === undefined || Number(first) > Number(last)) {
      const words = `invalid list ${JSON.stringify(list)}`;
      throw field === undefined ? refuse(words, "unified") : refuse(words, "cpu", field);
    }
    for (let bit = BigInt(first); bit <= BigInt(last!); bit++) mask |= 1n << bit;
  }
  const bytes: bigint[] = [];
  for (; mask !== 0n; mask >>= 8n) bytes.push(mask & 255n);
  return { name, signature: "ay", value: bytes };
}

function numberOrMax(text: string): bigint {
  return text === "max" ? INFINITY : BigInt(text);
}

function unsigned(name: string, value: bigint): UnitProperty {
  return { name, signature: "t", value: BigInt.asUintN(64, value) };
}

function flag(name: string, value: boolean): UnitProperty {
  return { name, signature: "b", value };
}

function text(name: string, value: string): UnitProperty {
  return { name, signature: "s", value };
}

function isList(list: string | undefined): list is string {
  return list !== undefined && list !== "";
}

/**
 * Properties that undo `changed`: their values of `before`, or what stands for no limit where it names none.
 */
export function restoringProperties(
  changed: readonly UnitProperty[],
  before: readonly UnitProperty[],
): UnitProperty[] {
  return changed.map((property) =>
    before.find(({ name }) => name === property.name) ??
      {
        ...property,
        value: property.signature.startsWith("a") ? [] : property.name === "MemoryLow" ? 0n : INFINITY,
      }
  );
}
