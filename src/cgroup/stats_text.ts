// Pure: no I/O in this file.
import type { StatsData } from "./stats_data.ts";

/** A line of `events`, without its newline: `{"type":"stats","id":…,"data":…}`, an `oom` record without data. */
export function eventText(type: "stats" | "oom", id: string, data?: StatsData): string {
  return jsonText({ type, id, data });
}

/** JSON in which a bigint is a number with all its digits. Keys that are undefined are left out, as always. */
export function jsonText(value: unknown, indent = 0): string {
  return JSON.stringify(value, (_key, each) => typeof each === "bigint" ? exact(each) : each, indent);
}

/** TypeScript's library does not know JSON.rawJSON (ECMAScript proposal "JSON.parse source text access") yet. */
function exact(value: bigint): unknown {
  return (JSON as typeof JSON & { rawJSON(text: string): unknown }).rawJSON(`${value}`);
}
