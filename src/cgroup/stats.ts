import { readIfThere } from "./files.ts";
import { type CgroupPaths, isV2 } from "./paths.ts";
import { pageSizeOf, type StatsData } from "./stats_data.ts";
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
