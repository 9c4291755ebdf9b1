import { eventDescriptor, resetEvent } from "../../ffi/event.ts";
import { type Awaited, close, openForReading, pollAny } from "../../ffi/stub.ts";
import { writeFile } from "../cgroup/files.ts";
import { containerPids } from "../cgroup/pids.ts";
import { oomSource, readOomKills } from "../cgroup/oom.ts";
import { readRdtStats } from "../cgroup/resctrl_group.ts";
import { readStats } from "../cgroup/stats.ts";
import { eventText } from "../cgroup/stats_text.ts";
import { ContainerError } from "../errors.ts";
import { lookAtContainer, processOf } from "./container.ts";
import type { Runtime } from "./options.ts";
import { identify } from "./verb.ts";

const POLLIN = 1;
const POLLPRI = 2;

/**
 * `events`: one line of JSON after another, statistics every `intervalMs` and a record for each OOM kill, until
 * nothing runs in the container any more. With `once` a single line of statistics. It ends, too, when `emit` says
 * false: nobody reads on.
 *
 * Throws ContainerError `container with id ID is not running`.
 */
export function containerEvents(
  runtime: Runtime,
  id: string,
  options: { readonly once: boolean; readonly intervalMs: number },
  emit: (line: string) => boolean,
): void {
  const container = lookAtContainer(runtime, id);
  const { cgroupPaths, intelRdt } = container.record;
  const process = container.status === "stopped" ? undefined : identify(processOf(container));
  if (process === undefined) throw new ContainerError(`container with id ${id} is not running`);
  const oom = watchOom(cgroupPaths);
  try {
    const statsNow = () => {
      const stats = readStats(cgroupPaths);
      return intelRdt === undefined ? stats : { ...stats, intel_rdt: readRdtStats(intelRdt) };
    };
    const emitStats = () => emit(eventText("stats", id, statsNow()));
    if (!emitStats() || options.once) return;
    let kills = readOomKills(cgroupPaths) ?? 0n;
    let next = Date.now() + options.intervalMs;
    for (;;) {
      pollAny([{ fd: process, events: POLLIN }, ...oom.awaited], Math.max(0, next - Date.now()));
      oom.reset();
      const now = readOomKills(cgroupPaths) ?? kills;
      for (; kills < now; kills++) if (!emit(eventText("oom", id))) return;
      if (containerPids(cgroupPaths).length === 0) return;
      if (Date.now() < next) continue;
      if (!emitStats()) return;
      next = Date.now() + options.intervalMs;
    }
  } finally {
    oom.close();
    close(process);
  }
}

/** What tells of an OOM: v1's eventfd, or v2's memory.events file. Nothing where there is no memory controller. */
function watchOom(paths: Readonly<Record<string, string>>) {
  const source = oomSource(paths);
  const file = source === undefined ? -1 : openForReading(source.file);
  if (source === undefined || file < 0) return { awaited: [] as Awaited[], reset() {}, close() {} };
  if (source.version === 2) {
    return { awaited: [{ fd: file, events: POLLPRI }], reset() {}, close: () => close(file) };
  }
  const event = eventDescriptor();
  writeFile(source.control, `${event} ${file}`);
  return {
    awaited: [{ fd: event, events: POLLIN }],
    // An eventfd that nothing was added to would block: only a ready one is read.
    reset: () => pollAny([{ fd: event, events: POLLIN }], 0) ? resetEvent(event) : undefined,
    close() {
      close(event);
      close(file);
    },
  };
}
