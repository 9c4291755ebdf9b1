// Pure: no I/O in this file.
import { isSet } from "./limit_parts.ts";
import type { BlockIOResources, CpuResources, MemoryResources, Resources } from "./resources.ts";

/** What an update comes to. */
export interface ResourceUpdate {
  /** What the container's record says from now on. */
  readonly stored: Resources;
  /**
   * What is to be written: what the update names, and the values that the kernel (or v2's form) ties to it. What
   * it does not name is left as it is now, which may not be what we wrote.
   */
  readonly changed: Resources;
}

/**
 * Merge an update (`update --resources`, or its flags) into a container's resources by runc's rules:
 * - cpu: quota and period belong together: one that is not named keeps its value. `idle` without `shares` forgets
 *   the shares. A new list of CPUs or nodes replaces the old one.
 * - memory: limit and swap belong together; unlimited memory without a word on swap forgets the swap limit.
 * - blockIO: a device takes the place of the same device, the others stay.
 * - unified: takes the place of the whole map.
 * - anything else (devices first of all) is not changed by an update.
 */
export function mergeResources(stored: Resources, update: Resources): ResourceUpdate {
  const cpu = mergeCpu(stored.cpu ?? {}, update.cpu ?? {});
  const memory = mergeMemory(stored.memory ?? {}, update.memory ?? {});
  const blockIO = mergeBlockIO(stored.blockIO ?? {}, update.blockIO ?? {});
  const pids = update.pids?.limit === undefined ? undefined : update.pids;
  const unified = Object.keys(update.unified ?? {}).length === 0 ? undefined : update.unified;
  return {
    stored: defined<Resources>({
      ...stored,
      cpu: cpu.stored,
      memory: memory.stored,
      blockIO: blockIO.stored,
      pids: pids ?? stored.pids,
      unified: unified ?? stored.unified,
    }),
    changed: defined<Resources>({
      cpu: cpu.changed,
      memory: memory.changed,
      blockIO: blockIO.changed,
      pids,
      unified,
    }),
  };
}

interface Merged<T> {
  readonly stored: T | undefined;
  readonly changed: T | undefined;
}

function mergeCpu(stored: CpuResources, update: CpuResources): Merged<CpuResources> {
  const named = defined<CpuResources>({
    ...update,
    cpus: update.cpus || undefined,
    mems: update.mems || undefined,
    quota: isSet(update.quota) ? update.quota : undefined,
    period: isSet(update.period) ? update.period : undefined,
  });
  const bandwidth = named.quota !== undefined || named.period !== undefined;
  const forgetShares = named.idle !== undefined && named.shares === undefined;
  const both = bandwidth
    ? defined<CpuResources>({ quota: named.quota ?? stored.quota, period: named.period ?? stored.period })
    : {};
  const merged = { ...stored, ...named };
  return {
    stored: unlessNothing(
      defined<CpuResources>({ ...merged, shares: forgetShares ? undefined : merged.shares }),
    ),
    changed: unlessNothing({ ...named, ...both }),
  };
}

function mergeMemory(stored: MemoryResources, update: MemoryResources): Merged<MemoryResources> {
  const { checkBeforeUpdate } = update;
  const limit = isSet(update.limit) ? update.limit : undefined;
  const swap = isSet(update.swap) ? update.swap : undefined;
  const reservation = isSet(update.reservation) ? update.reservation : undefined;
  const merged = defined<MemoryResources>({
    ...stored,
    limit: limit ?? stored.limit,
    swap: swap ?? (limit === -1n ? undefined : stored.swap),
    reservation: reservation ?? stored.reservation,
  });
  const tied = limit === undefined && swap === undefined ? {} : { limit: merged.limit, swap: merged.swap };
  const changed = unlessNothing(defined<MemoryResources>({ ...tied, reservation }));
  return {
    stored: unlessNothing(merged),
    changed: changed === undefined ? undefined : defined<MemoryResources>({ ...changed, checkBeforeUpdate }),
  };
}

const DEVICE_LISTS = [
  "weightDevice",
  "throttleReadBpsDevice",
  "throttleWriteBpsDevice",
  "throttleReadIOPSDevice",
  "throttleWriteIOPSDevice",
] as const;

function mergeBlockIO(stored: BlockIOResources, update: BlockIOResources): Merged<BlockIOResources> {
  const merged: Record<string, unknown> = { ...stored };
  const changed: Record<string, unknown> = {};
  if (isSet(update.weight)) merged.weight = changed.weight = update.weight;
  for (const list of DEVICE_LISTS) {
    const named = update[list] ?? [];
    if (named.length === 0) continue;
    const same = (a: Numbers, b: Numbers) => a.major === b.major && a.minor === b.minor;
    const old: readonly Numbers[] = stored[list] ?? [];
    const kept = old.map((device) => named.find((each) => same(each, device)) ?? device);
    merged[list] = [...kept, ...named.filter((device) => !old.some((each) => same(each, device)))];
    changed[list] = named;
  }
  return {
    stored: unlessNothing(merged as BlockIOResources),
    changed: unlessNothing(changed as BlockIOResources),
  };
}

interface Numbers {
  readonly major: number;
  readonly minor: number;
}

/** The same without the keys that are undefined. */
function defined<T extends object>(fields: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

function unlessNothing<T extends object>(fields: T): T | undefined {
  return Object.keys(fields).length === 0 ? undefined : fields;
}
