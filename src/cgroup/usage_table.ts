// Pure: no I/O in this file.
import type { PressureStats } from "./stats_data.ts";
import type { Usage } from "./usage.ts";

const COLUMNS: readonly (readonly [title: string, width: number, align: "left" | "right"])[] = [
  ["ID", 12, "left"],
  ["CPU %", 8, "right"],
  ["MEMORY / LIMIT", 21, "right"],
  ["MEM %", 7, "right"],
  ["PIDS", 12, "right"],
  ["READ / WRITTEN", 21, "right"],
  ["PRESSURE CPU MEM IO", 19, "right"],
];

/**
 * A table of containers, a line each. Pressure is the percentage of the last 10 s in which some process waited for
 * CPU, memory and IO; `-` where there is no such figure.
 *
 * @param header whether to begin with the titles
 */
export function usageTable(usages: readonly Usage[], header: boolean): string {
  const rows = usages.map(rowOf);
  if (header) rows.unshift(COLUMNS.map(([title]) => title));
  const idWidth = Math.max(COLUMNS[0]![1], ...usages.map(({ id }) => id.length));
  return rows.map((row) =>
    `${
      row.map((cell, index) => {
        const [, width, align] = COLUMNS[index]!;
        return align === "left" ? cell.padEnd(idWidth) : cell.padStart(width);
      }).join("  ")
    }\n`
  ).join("");
}

function rowOf(usage: Usage): string[] {
  const { memory, memoryLimit, pids, pidsLimit, pressure } = usage;
  return [
    usage.id,
    usage.cpuPercent === undefined ? "-" : percent(usage.cpuPercent),
    `${bytesText(memory)} / ${memoryLimit === undefined ? "max" : bytesText(memoryLimit)}`,
    memoryLimit === undefined ? "-" : percent(Number(memory) / Number(memoryLimit) * 100),
    `${pids} / ${pidsLimit ?? "max"}`,
    `${bytesText(usage.readBytes)} / ${bytesText(usage.writtenBytes)}`,
    [pressure.cpu, pressure.memory, pressure.io].map(stall).join(" "),
  ];
}

function percent(value: number): string {
  return `${value.toFixed(1)}%`;
}

function stall(pressure: PressureStats | undefined): string {
  return pressure?.some === undefined ? "-" : pressure.some.avg10.toFixed(1);
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/** `1536` → `1.5KiB`: three digits or fewer before the unit, one behind the point. */
export function bytesText(bytes: bigint): string {
  let value = Number(bytes);
  let unit = 0;
  // 1023.95 would be written as 1024.0.
  while (value >= 1023.95 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${bytes}B` : `${value.toFixed(1)}${UNITS[unit]}`;
}
