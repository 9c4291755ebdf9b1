import { containerEvents } from "../container/events.ts";
import { ContainerError } from "../errors.ts";
import type { Call } from "./table.ts";

export function run({ args, flags, runtime, print }: Call): number {
  const intervalMs = durationMs(flags.string("interval") ?? "5s");
  if (intervalMs <= 0) {
    throw new ContainerError("duration interval must be greater than 0", { place: "--interval" });
  }
  const options = { once: flags.bool("stats"), intervalMs };
  containerEvents(runtime, args[0]!, options, (line) => print(`${line}\n`));
  return 0;
}

const UNITS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  "µs": 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** A duration as Go writes it: `1h30m`, `1.5s`, `300ms`. Throws ContainerError naming --interval. */
export function durationMs(text: string): number {
  const parts = text.match(/\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h)/g) ?? [];
  const sign = text.startsWith("-") ? -1 : 1;
  if (parts.length === 0 || parts.join("") !== text.replace(/^[+-]/, "")) {
    throw new ContainerError("invalid duration", { place: "--interval", reason: JSON.stringify(text) });
  }
  return sign * parts.reduce((sum, part) => sum + parseFloat(part) * UNITS[part.replace(/[\d.]+/, "")]!, 0);
}
