import { readIfThere } from "./files.ts";
import { type CgroupPaths, isV2 } from "./paths.ts";
import { pageSizeOf, type StatsData, tableIn } from "./stats_data.ts";
import { statsV1 } from "./stats_v1.ts";
import { statsV2 } from "./stats_v2.ts";

/** Read what a container uses. What its groups do not have is zero, as in runc. */
export function readStats(paths: CgroupPaths): StatsData {
  const v2 = isV2(paths);
  const read = (controller: string, file: string) => {
    const directory = paths[v2 ? "" : controller];
    // Pressure is EOPNOTSUPP on a kernel started with psi=0.
    return directory === undefined ? undefined : readIfThere(`${directory}/${file}`, "EOPNOTSUPP");
  };
  return v2 ? statsV2(read, pageSizes()) : statsV1(read, pageSizes());
}

/** How often the kernel has killed a process of the container for want of memory; undefined if nothing counts. */
export function readOomKills(paths: CgroupPaths): bigint | undefined {
  const source = oomSource(paths);
  return source === undefined ? undefined : tableIn(readIfThere(source.file)).get("oom_kill");
}

/** How to learn of OOM kills. */
export type OomSource =
  /** Write `EVENTFD FD` into `control`, FD being `file` opened for reading: each OOM adds to the eventfd. */
  | { readonly version: 1; readonly file: string; readonly control: string }
  /** `file` tells of its changes (WatchedFile); its line `oom_kill` counts. */
  | { readonly version: 2; readonly file: string };

export function oomSource(paths: CgroupPaths): OomSource | undefined {
  if (isV2(paths)) return { version: 2, file: `${paths[""]}/memory.events` };
  const { memory } = paths;
  if (memory === undefined) return undefined;
  return { version: 1, file: `${memory}/memory.oom_control`, control: `${memory}/cgroup.event_control` };
}

/** The host's huge page sizes; none without huge pages. */
function pageSizes(): string[] {
  const sizes: string[] = [];
  try {
    for (const { name } of Deno.readDirSync("/sys/kernel/mm/hugepages")) {
      const size = pageSizeOf(name);
      if (size !== undefined) sizes.push(size);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return sizes;
}
