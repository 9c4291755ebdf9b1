// Pure: no I/O in this file.
import { ContainerError, type Origin, originText } from "../errors.ts";
import type { FileWrite } from "./file_write.ts";
import type { CpuResources, HugepageLimit, RdmaLimit } from "./resources.ts";

/** Where a value of `linux.resources` stands in config.json. */
export function originOf(...tail: Origin): Origin {
  return ["linux", "resources", ...tail];
}

/** A value that cannot be had: runc's words, then the place. */
export function refuse(words: string, ...tail: Origin): ContainerError {
  return new ContainerError(words, { place: originText(originOf(...tail)) });
}

/** `cpu.cpus` and `cpu.mems`: lists such as `0-2,7`; "" is unset. */
export function cpusetWrites({ cpus, mems }: CpuResources): FileWrite[] {
  const writes: FileWrite[] = [];
  for (const [name, text] of [["cpus", cpus], ["mems", mems]] as const) {
    if (text === undefined || text === "") continue;
    writes.push({ controller: "cpuset", file: `cpuset.${name}`, text, origin: originOf("cpu", name) });
  }
  return writes;
}

/** `pids.limit`: unset writes nothing, 0 is 1 as in runc (no container has no process), negative is unlimited. */
export function pidsWrites(limit: bigint | undefined): FileWrite[] {
  if (limit === undefined) return [];
  const text = limit < 0n ? "max" : limit === 0n ? "1" : `${limit}`;
  return [{ controller: "pids", file: "pids.max", text, origin: originOf("pids", "limit") }];
}

/**
 * `hugepageLimits`: use and, where the kernel has it (5.7), reservation of each page size.
 * @param suffix what v1 and v2 call a limit: `limit_in_bytes`, `max`
 */
export function hugepageWrites(limits: readonly HugepageLimit[], suffix: string): FileWrite[] {
  return limits.flatMap(({ pageSize, limit }, index) => {
    if (!/^[1-9][0-9]*[KMG]B$/.test(pageSize)) {
      throw refuse(`invalid page size ${JSON.stringify(pageSize)}`, "hugepageLimits", index, "pageSize");
    }
    const write = { controller: "hugetlb", text: `${limit}`, origin: originOf("hugepageLimits", index) };
    return [
      { ...write, file: `hugetlb.${pageSize}.${suffix}` },
      { ...write, file: `hugetlb.${pageSize}.rsvd.${suffix}`, tolerate: ["ENOENT"] },
    ];
  });
}

/** `rdma`: one line a device; a limit that is not named stays. */
export function rdmaWrites(devices: Readonly<Record<string, RdmaLimit>>): FileWrite[] {
  return Object.entries(devices).map(([device, { hcaHandles, hcaObjects }]) => {
    const words = [device];
    if (hcaHandles !== undefined) words.push(`hca_handle=${hcaHandles}`);
    if (hcaObjects !== undefined) words.push(`hca_object=${hcaObjects}`);
    return { controller: "rdma", file: "rdma.max", text: words.join(" "), origin: originOf("rdma", device) };
  });
}

/** Whether a number is given; 0 is how most fields say that it is not. */
export function isSet<T extends bigint | number>(value: T | undefined): value is T {
  return value !== undefined && value !== 0n && value !== 0;
}
