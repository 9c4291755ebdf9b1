// Pure: no I/O in this file.
import type { FileWrite } from "./file_write.ts";
import {
  cpusetWrites,
  hugepageWrites,
  isSet,
  originOf,
  pidsWrites,
  rdmaWrites,
  refuse,
} from "./limit_parts.ts";
import type {
  BlockIOResources,
  CpuResources,
  MemoryResources,
  Resources,
  ThrottleDevice,
} from "./resources.ts";

/**
 * The writes that set limits on v2 (Documentation/admin-guide/cgroup-v2.rst), without devices; `unified` last, so
 * that it wins. What v2 has nothing for is left out where runc leaves it out: swappiness, disableOOMKiller, kernel
 * memory, network, leaf weights.
 *
 * @throws ContainerError for a swap limit without or below a memory limit, real-time scheduling, which v2 lacks,
 *   and keys of `unified` that are no file of a controller
 */
export function v2Writes(resources: Resources): FileWrite[] {
  return [
    ...pidsWrites(resources.pids?.limit),
    ...memoryWrites(resources.memory ?? {}),
    ...ioWrites(resources.blockIO ?? {}),
    ...cpuWrites(resources.cpu ?? {}),
    ...cpusetWrites(resources.cpu ?? {}),
    ...hugepageWrites(resources.hugepageLimits ?? [], "max"),
    ...rdmaWrites(resources.rdma ?? {}),
    ...unifiedWrites(resources.unified ?? {}),
  ];
}

/**
 * The v2 weight (1..10000) of v1 shares: the curve through (2, 1), (1024, 100) and (262144, 10000) that all three
 * runtimes use, so that the default of one is the default of the other. 0 is unset.
 */
export function weightOfShares(shares: bigint): bigint {
  if (shares === 0n) return 0n;
  if (shares <= 2n) return 1n;
  if (shares >= 262_144n) return 10_000n;
  const log = Math.log2(Number(shares));
  return BigInt(Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34)));
}

/** The v2 io.weight (1..10000) of a v1 blkio weight (10..1000). */
export function ioWeightOf(weight: number): number {
  return 1 + Math.trunc((weight - 10) * 9999 / 990);
}

/**
 * v1 limits memory and swap together, v2 swap alone. Returns memory.swap.max, or undefined to leave it.
 * Unlimited memory without a word on swap means both, as it does on v1.
 */
export function swapOf(limit: bigint | undefined, swap: bigint | undefined): string | undefined {
  if (!isSet(swap)) return limit === -1n ? "max" : undefined;
  if (swap === -1n) return "max";
  if (!isSet(limit) || limit === -1n) {
    throw refuse("unable to set swap limit without memory limit", "memory", "swap");
  }
  if (limit < 0n) throw refuse(`invalid memory value: ${limit}`, "memory", "limit");
  if (swap < limit) throw refuse("memory+swap limit should be >= memory limit", "memory", "swap");
  return `${swap - limit}`;
}

function memoryWrites({ limit, reservation, swap }: MemoryResources): FileWrite[] {
  const write = (file: string, text: string, name: string): FileWrite => ({
    controller: "memory",
    file: `memory.${file}`,
    text,
    origin: originOf("memory", name),
  });
  const writes: FileWrite[] = [];
  const swapMax = swapOf(limit, swap);
  if (swapMax !== undefined) {
    // Without swap in the kernel, no swap and unlimited swap are what one has anyway.
    const tolerate = swapMax === "max" || swapMax === "0" ? { tolerate: ["ENOENT"] } : {};
    writes.push({ ...write("swap.max", swapMax, isSet(swap) ? "swap" : "limit"), ...tolerate });
  }
  if (isSet(limit)) writes.push(write("max", bytes(limit), "limit"));
  if (isSet(reservation)) writes.push(write("low", bytes(reservation), "reservation"));
  return writes;
}

function bytes(value: bigint): string {
  return value === -1n ? "max" : `${value}`;
}

function cpuWrites(cpu: CpuResources): FileWrite[] {
  for (const name of ["realtimePeriod", "realtimeRuntime"] as const) {
    if (isSet(cpu[name])) throw refuse("real-time scheduling is not supported on cgroup v2", "cpu", name);
  }
  const write = (file: string, text: string, name: keyof CpuResources): FileWrite => ({
    controller: "cpu",
    file: `cpu.${file}`,
    text,
    origin: originOf("cpu", name),
  });
  const idle = cpu.idle !== undefined ? [write("idle", `${cpu.idle}`, "idle")] : [];
  const weight = isSet(cpu.shares) ? [write("weight", `${weightOfShares(cpu.shares)}`, "shares")] : [];
  const limited = isSet(cpu.quota) || isSet(cpu.period);
  // An idle group takes no weight.
  const writes = cpu.idle === 0 ? [...idle, ...weight] : [...weight, ...idle];
  if (cpu.burst !== undefined) {
    // A burst above the old quota is EINVAL until the new one is there.
    writes.push({ ...write("max.burst", `${cpu.burst}`, "burst"), ...limited ? { retry: ["EINVAL"] } : {} });
  }
  if (limited) {
    const quota = cpu.quota !== undefined && cpu.quota > 0n ? `${cpu.quota}` : "max";
    const period = isSet(cpu.period) ? cpu.period : 100_000n;
    writes.push(write("max", `${quota} ${period}`, isSet(cpu.quota) ? "quota" : "period"));
  }
  return writes;
}

function ioWrites(blockIO: BlockIOResources): FileWrite[] {
  const write = (file: string, text: string, ...tail: (string | number)[]): FileWrite => ({
    controller: "io",
    file: `io.${file}`,
    text,
    origin: originOf("blockIO", ...tail),
  });
  // BFQ takes v1's weights as they are; the kernel's own io.weight has another scale.
  const weigh = (device: string, weight: number, ...tail: (string | number)[]): FileWrite => {
    if (weight < 10 || weight > 1000) {
      throw refuse(`invalid block IO weight ${weight} (valid range is 10-1000)`, "blockIO", ...tail);
    }
    return {
      ...write("bfq.weight", `${device}${weight}`, ...tail),
      otherwise: write("weight", `${device}${ioWeightOf(weight)}`, ...tail),
    };
  };
  const throttle = (key: string, name: string, devices: readonly ThrottleDevice[] = []) =>
    devices.map(({ major, minor, rate = 0n }, index) =>
      // v1 lifts a limit with 0, which v2 calls max.
      write("max", `${major}:${minor} ${key}=${rate === 0n ? "max" : rate}`, name, index)
    );
  const writes: FileWrite[] = [];
  if (isSet(blockIO.weight)) writes.push(weigh("", blockIO.weight, "weight"));
  for (const [index, { major, minor, weight }] of (blockIO.weightDevice ?? []).entries()) {
    if (isSet(weight)) writes.push(weigh(`${major}:${minor} `, weight, "weightDevice", index));
  }
  return [
    ...writes,
    ...throttle("rbps", "throttleReadBpsDevice", blockIO.throttleReadBpsDevice),
    ...throttle("wbps", "throttleWriteBpsDevice", blockIO.throttleWriteBpsDevice),
    ...throttle("riops", "throttleReadIOPSDevice", blockIO.throttleReadIOPSDevice),
    ...throttle("wiops", "throttleWriteIOPSDevice", blockIO.throttleWriteIOPSDevice),
  ];
}

/** Files as they are. A value of several lines goes in line by line, as the kernel takes one setting a write. */
function unifiedWrites(unified: Readonly<Record<string, string>>): FileWrite[] {
  return Object.entries(unified).flatMap(([file, value]) => {
    const key = JSON.stringify(file);
    if (file.includes("/")) {
      throw refuse(`unified resource ${key} must be a file name (no slashes)`, "unified", file);
    }
    const dot = file.indexOf(".");
    if (dot <= 0) {
      throw refuse(`unified resource ${key} must be in the form CONTROLLER.PARAMETER`, "unified", file);
    }
    const lines = value.split("\n").filter((line, index) => line !== "" || index === 0);
    return lines.map((text) => ({
      controller: file.slice(0, dot),
      file,
      text,
      origin: originOf("unified", file),
    }));
  });
}
