import { type Usage, usageJson } from "../cgroup/usage.ts";
import { usagePrometheus } from "../cgroup/usage_prometheus.ts";
import { usageTable } from "../cgroup/usage_table.ts";
import { containerStats, type StatsOptions } from "../container/stats.ts";
import { ContainerError } from "../errors.ts";
import { durationMs } from "./events.ts";
import type { Call, FlagValues } from "./table.ts";

/** Time over which CPU use is measured for the first figures, when nothing else is said. */
const FIRST_MS = 500;

export function run({ args, flags, runtime, print }: Call): number {
  const format = flags.string("format") ?? "table";
  const render = rendererOf(format);
  containerStats(runtime, args, optionsOf(flags, format), (usages) => print(render(usages)));
  return 0;
}

function optionsOf(flags: FlagValues, format: string): StatsOptions {
  const given = flags.string("interval");
  const intervalMs = durationMs(given ?? "2s");
  if (intervalMs <= 0) {
    throw new ContainerError("duration interval must be greater than 0", { place: "--interval" });
  }
  // Counters only, for whoever asks at intervals of his own.
  if (format === "prometheus") return { firstMs: 0, intervalMs: undefined };
  const once = flags.bool("once") || flags.bool("no-stream");
  if (once) return { firstMs: given === undefined ? FIRST_MS : intervalMs, intervalMs: undefined };
  return { firstMs: Math.min(FIRST_MS, intervalMs), intervalMs };
}

function rendererOf(format: string): (usages: readonly Usage[]) => string {
  if (format === "json") {
    return (usages) => {
      const time = new Date();
      return usages.map((usage) => `${usageJson(usage, time)}\n`).join("");
    };
  }
  if (format === "prometheus") return usagePrometheus;
  if (format !== "table") throw new ContainerError("invalid format option");
  if (Deno.stdout.isTerminal()) return redrawing();
  let header = true;
  return (usages) => {
    const text = usageTable(usages, header);
    header = false;
    return text;
  };
}

/** Each table takes the place of the one before, and none is larger than the window. */
function redrawing(): (usages: readonly Usage[]) => string {
  let drawn = 0;
  return (usages) => {
    // A terminal that was told no size says 0.
    const { columns, rows } = Deno.consoleSize();
    const lines = usageTable(usages, true).trimEnd().split("\n").slice(0, rows > 1 ? rows - 1 : undefined)
      .map((line) => columns > 1 ? line.slice(0, columns - 1) : line);
    const back = drawn === 0 ? "" : `\x1b[${drawn}A\x1b[J`;
    drawn = lines.length;
    return `${back}${lines.join("\n")}\n`;
  };
}
