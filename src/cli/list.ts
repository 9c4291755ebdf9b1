import { listContainers } from "../container/list.ts";
import type { StateDocument } from "../container/options.ts";
import { ContainerError } from "../errors.ts";
import type { Call } from "./table.ts";

export function run({ flags, runtime, print, complain }: Call): number {
  const format = flags.string("format") ?? "table";
  if (format !== "table" && format !== "json") throw new ContainerError("invalid format option");
  const { containers, failures } = listContainers(runtime);
  for (const failure of failures) complain(failure);
  if (flags.bool("quiet")) print(containers.map(({ id }) => `${id}\n`).join(""));
  // Go writes an empty slice that nobody made as null.
  else if (format === "json") print(`${JSON.stringify(containers.length === 0 ? null : containers)}\n`);
  else print(table(containers));
  return 0;
}

const HEADER = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"];

/** Columns as Go's tabwriter makes them: at least 12 wide, three blanks between. */
export function table(containers: readonly StateDocument[]): string {
  const rows = containers.map(({ id, pid, status, bundle, created, owner }) => [
    id,
    String(pid),
    status,
    bundle,
    created,
    owner,
  ]);
  const all = [HEADER, ...rows];
  const widths = HEADER.map((_, column) => Math.max(12, ...all.map((row) => row[column]!.length + 3)));
  return all.map((row) =>
    `${row.map((cell, column) => column === row.length - 1 ? cell : cell.padEnd(widths[column]!)).join("")}\n`
  ).join("");
}
