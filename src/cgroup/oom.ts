import { readIfThere } from "./files.ts";
import { type CgroupPaths, isV2 } from "./paths.ts";

/** How often the kernel has killed a process of the container for want of memory; undefined if nothing counts. */
export function readOomKills(paths: CgroupPaths): bigint | undefined {
  const source = oomSource(paths);
  const count = source === undefined ? null : /^oom_kill (\d+)$/m.exec(readIfThere(source.file) ?? "");
  return count === null ? undefined : BigInt(count[1]!);
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
