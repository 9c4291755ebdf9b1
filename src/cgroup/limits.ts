// Pure: no I/O in this file.
import type { FileWrite } from "./file_write.ts";
import { hugepageWrites, refuse } from "./limit_parts.ts";
import { type CgroupPaths, isV2 } from "./paths.ts";
import type { MemoryResources, Resources } from "./resources.ts";
import { v1Writes } from "./v1.ts";
import { v2Writes } from "./v2.ts";

/** What a group is like before its limits change; only `checkBeforeUpdate` asks for it. */
export interface CurrentUse {
  /** memory.current of v2, in bytes. Unset where the group is new. */
  readonly memory?: bigint | undefined;
}

/**
 * The writes that set a container's limits, in an order that the kernel accepts. Devices are not among them: they
 * are set once, when the container is made (`devices.ts`).
 *
 * @throws ContainerError when the resources contradict themselves or cannot be had on this layout
 */
export function limitWrites(paths: CgroupPaths, resources: Resources, current: CurrentUse = {}): FileWrite[] {
  if (!isV2(paths)) return hybridWrites(paths, resources);
  checkUse(resources.memory ?? {}, current.memory);
  return v2Writes(resources);
}

/**
 * v1's writes. A hybrid host may have huge pages in its v2 tree alone (a controller is in one tree only): the key ""
 * of the paths is that tree's directory, and so the controller of these writes.
 */
function hybridWrites(paths: CgroupPaths, resources: Resources): FileWrite[] {
  const { hugepageLimits = [], ...others } = resources;
  if (paths.hugetlb !== undefined || paths[""] === undefined) return v1Writes(resources);
  return [
    ...v1Writes(others),
    ...hugepageWrites(hugepageLimits, "max").map((write) => ({ ...write, controller: "" })),
  ];
}

/** v1's kernel refuses a limit below the use by itself; on v2 it would start to kill. */
function checkUse({ limit, swap, checkBeforeUpdate }: MemoryResources, use: bigint | undefined): void {
  if (checkBeforeUpdate !== true || use === undefined) return;
  if (swap !== undefined && swap > 0n && swap <= use) {
    throw refuse(`rejecting memory+swap limit ${swap} <= usage ${use}`, "memory", "swap");
  }
  if (limit !== undefined && limit > 0n && limit <= use) {
    throw refuse(`rejecting memory limit ${limit} <= usage ${use}`, "memory", "limit");
  }
}
