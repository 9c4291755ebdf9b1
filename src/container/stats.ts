import { pause } from "../cgroup/kernel.ts";
import { readOomKills } from "../cgroup/oom.ts";
import { readStats } from "../cgroup/stats.ts";
import { type Reading, type Usage, usageOf } from "../cgroup/usage.ts";
import { ContainerError } from "../errors.ts";
import { listIds } from "../state/folder.ts";
import { type Container, lookAtContainer } from "./container.ts";
import type { Runtime } from "./options.ts";

/** How `stats` goes on. */
export interface StatsOptions {
  /** Time before the first figures, over which CPU time is measured; 0 for figures without a CPU percentage. */
  readonly firstMs: number;
  /** Time between later figures; undefined for none. */
  readonly intervalMs: number | undefined;
}

/**
 * `stats`: what containers use, one round after another, each as a list sorted by id. Without ids, all containers
 * that run, whenever they come and go; with ids those, until none of them runs any more.
 *
 * @param emit takes a round; false ends it
 * @throws ContainerError for an id that does not exist or does not run, and for a root folder that was named and is
 *   not there
 */
export function containerStats(
  runtime: Runtime,
  ids: readonly string[],
  { firstMs, intervalMs }: StatsOptions,
  emit: (usages: readonly Usage[]) => boolean,
): void {
  let before = ids.length === 0 ? readAll(runtime) : readNamed(runtime, ids);
  let next = performance.now();
  for (let waitMs: number | undefined = firstMs; waitMs !== undefined; waitMs = intervalMs) {
    next += waitMs;
    pause(Math.max(0, next - performance.now()));
    const now = readSome(runtime, ids.length === 0 ? listIds(runtime.root) ?? [] : ids);
    if (ids.length > 0 && now.size === 0) return;
    if (!emit([...now.values()].map((reading) => usageOf(reading, before.get(reading.id))))) return;
    before = now;
  }
}

/** The first reading of everything. A default root folder that does not exist is just empty, as for `list`. */
function readAll(runtime: Runtime): Map<string, Reading> {
  const ids = listIds(runtime.root);
  if (ids === undefined && runtime.rootIsExplicit) {
    throw new ContainerError("list containers", { place: runtime.root, errno: "ENOENT" });
  }
  return readSome(runtime, ids ?? []);
}

/** The first reading of containers that were named: each must be there and run. */
function readNamed(runtime: Runtime, ids: readonly string[]): Map<string, Reading> {
  for (const id of ids) {
    const container = lookAtContainer(runtime, id);
    if (!runs(container)) throw new ContainerError(`container with id ${id} is not running`);
    if (Object.keys(container.record.cgroupPaths).length === 0) {
      throw new ContainerError(`container with id ${id} has no cgroup`, {
        hint: "nothing counts what it uses",
      });
    }
  }
  return readSome(runtime, ids);
}

/** Readings of those that can be loaded and run, by id, sorted. */
function readSome(runtime: Runtime, ids: readonly string[]): Map<string, Reading> {
  const readings = new Map<string, Reading>();
  for (const id of [...ids].sort()) {
    const container = containerIfThere(runtime, id);
    if (container === undefined || !runs(container)) continue;
    const paths = container.record.cgroupPaths;
    if (Object.keys(paths).length === 0) continue;
    readings.set(id, { id, atMs: performance.now(), data: readStats(paths), oomKills: readOomKills(paths) });
  }
  return readings;
}

/** Undefined for one that is gone, and for a folder that is none of a container: `list` tells of those. */
function containerIfThere(runtime: Runtime, id: string): Container | undefined {
  try {
    return lookAtContainer(runtime, id);
  } catch (error) {
    if (error instanceof ContainerError) return undefined;
    throw error;
  }
}

function runs({ status }: Container): boolean {
  return status !== "stopped" && status !== "creating";
}
