// Pure: no I/O in this file.
import { ContainerError } from "../errors.ts";
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
  NetworkResources,
  Resources,
  ThrottleDevice,
} from "./resources.ts";

/**
 * The writes that set limits on v1 trees (Documentation/admin-guide/cgroup-v1 of the kernel), without devices.
 * `memory.kernel`, `kernelTCP` and `useHierarchy` write nothing, as with runc: kernels no longer have them.
 *
 * @throws ContainerError for `unified`, which v1 has not, and for a swappiness beyond 100
 */
export function v1Writes(resources: Resources): FileWrite[] {
  if (Object.keys(resources.unified ?? {}).length > 0) {
    throw new ContainerError("invalid configuration: cannot use unified on cgroup v1");
  }
  return [
    ...cpusetWrites(resources.cpu ?? {}),
    ...memoryWrites(resources.memory ?? {}),
    ...cpuWrites(resources.cpu ?? {}),
    ...pidsWrites(resources.pids?.limit),
    ...blkioWrites(resources.blockIO ?? {}),
    ...hugepageWrites(resources.hugepageLimits ?? [], "limit_in_bytes"),
    ...networkWrites(resources.network ?? {}),
    ...rdmaWrites(resources.rdma ?? {}),
  ];
}

function memoryWrites(
  { limit, reservation, swap, swappiness, disableOOMKiller }: MemoryResources,
): FileWrite[] {
  const write = (file: string, text: string, name: string): FileWrite => ({
    controller: "memory",
    file: `memory.${file}`,
    text,
    origin: originOf("memory", name),
  });
  const writes: FileWrite[] = [];
  // memory <= memory+swap holds after every write, so raising both wants swap first: EINVAL until then.
  if (isSet(limit)) writes.push({ ...write("limit_in_bytes", `${limit}`, "limit"), retry: ["EINVAL"] });
  if (isSet(swap)) writes.push(write("memsw.limit_in_bytes", `${swap}`, "swap"));
  else if (limit === -1n) {
    // Unlimited memory alone would be held by the old memory+swap limit. Kernels without swap accounting: ENOENT.
    writes.push({ ...write("memsw.limit_in_bytes", "-1", "limit"), tolerate: ["ENOENT"] });
  }
  if (isSet(reservation)) writes.push(write("soft_limit_in_bytes", `${reservation}`, "reservation"));
  if (disableOOMKiller === true) writes.push(write("oom_control", "1", "disableOOMKiller"));
  if (swappiness !== undefined && swappiness !== -1) {
    if (swappiness < 0 || swappiness > 100) {
      const words = `invalid memory swappiness value: ${swappiness} (valid range is 0-100)`;
      throw refuse(words, "memory", "swappiness");
    }
    writes.push(write("swappiness", `${swappiness}`, "swappiness"));
  }
  return writes;
}

function cpuWrites(cpu: CpuResources): FileWrite[] {
  const write = (file: string, value: bigint | number, name: keyof CpuResources): FileWrite => ({
    controller: "cpu",
    file: `cpu.${file}`,
    text: `${value}`,
    origin: originOf("cpu", name),
  });
  // What is EINVAL next to the old quota (or runtime) may be fine next to the new one.
  const afterQuota = isSet(cpu.quota) ? { retry: ["EINVAL"] } : {};
  const afterRuntime = isSet(cpu.realtimeRuntime) ? { retry: ["EINVAL"] } : {};
  const shares = isSet(cpu.shares)
    ? [{ ...write("shares", cpu.shares, "shares"), clamped: "cpu-shares" }]
    : [];
  const idle = cpu.idle !== undefined ? [write("idle", cpu.idle, "idle")] : [];
  const writes: FileWrite[] = [];
  if (isSet(cpu.realtimePeriod)) {
    writes.push({ ...write("rt_period_us", cpu.realtimePeriod, "realtimePeriod"), ...afterRuntime });
  }
  if (isSet(cpu.realtimeRuntime)) writes.push(write("rt_runtime_us", cpu.realtimeRuntime, "realtimeRuntime"));
  // An idle group takes no shares.
  writes.push(...cpu.idle === 0 ? [...idle, ...shares] : [...shares, ...idle]);
  if (isSet(cpu.period)) writes.push({ ...write("cfs_period_us", cpu.period, "period"), ...afterQuota });
  if (cpu.burst !== undefined) {
    // Kernels before 5.14 have no burst.
    writes.push({ ...write("cfs_burst_us", cpu.burst, "burst"), tolerate: ["ENOENT"], ...afterQuota });
  }
  if (isSet(cpu.quota)) writes.push(write("cfs_quota_us", cpu.quota, "quota"));
  return writes;
}

function blkioWrites(blockIO: BlockIOResources): FileWrite[] {
  const write = (file: string, text: string, ...tail: (string | number)[]): FileWrite => ({
    controller: "blkio",
    file: `blkio.${file}`,
    text,
    origin: originOf("blockIO", ...tail),
  });
  // blkio.weight was CFQ's (until 5.0), blkio.bfq.weight is BFQ's.
  const weigh = (suffix: string, text: string, ...tail: (string | number)[]): FileWrite => ({
    ...write(`weight${suffix}`, text, ...tail),
    otherwise: write(`bfq.weight${suffix}`, text, ...tail),
  });
  const throttle = (file: string, name: string, devices: readonly ThrottleDevice[] = []) =>
    devices.map(({ major, minor, rate = 0n }, index) =>
      write(`throttle.${file}_device`, `${major}:${minor} ${rate}`, name, index)
    );
  const writes: FileWrite[] = [];
  if (isSet(blockIO.weight)) writes.push(weigh("", `${blockIO.weight}`, "weight"));
  if (isSet(blockIO.leafWeight)) writes.push(write("leaf_weight", `${blockIO.leafWeight}`, "leafWeight"));
  for (const [index, { major, minor, weight, leafWeight }] of (blockIO.weightDevice ?? []).entries()) {
    const device = `${major}:${minor}`;
    if (isSet(weight)) writes.push(weigh("_device", `${device} ${weight}`, "weightDevice", index));
    if (isSet(leafWeight)) {
      writes.push(write("leaf_weight_device", `${device} ${leafWeight}`, "weightDevice", index));
    }
  }
  return [
    ...writes,
    ...throttle("read_bps", "throttleReadBpsDevice", blockIO.throttleReadBpsDevice),
    ...throttle("write_bps", "throttleWriteBpsDevice", blockIO.throttleWriteBpsDevice),
    ...throttle("read_iops", "throttleReadIOPSDevice", blockIO.throttleReadIOPSDevice),
    ...throttle("write_iops", "throttleWriteIOPSDevice", blockIO.throttleWriteIOPSDevice),
  ];
}

function networkWrites({ classID, priorities }: NetworkResources): FileWrite[] {
  const writes: FileWrite[] = [];
  if (isSet(classID)) {
    const origin = originOf("network", "classID");
    writes.push({ controller: "net_cls", file: "net_cls.classid", text: `${classID}`, origin });
  }
  for (const [index, { name, priority }] of (priorities ?? []).entries()) {
    const origin = originOf("network", "priorities", index);
    writes.push({ controller: "net_prio", file: "net_prio.ifpriomap", text: `${name} ${priority}`, origin });
  }
  return writes;
}
