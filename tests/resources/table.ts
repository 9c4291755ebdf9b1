/** The table of resource fields: what one run prints of its layout, and the columns of several runs side by side. */

/** What a run saw of one field. */
export interface Cell {
  readonly field: string;
  readonly text: string;
}

const HEAD = "resource field | ";

/**
 * Print a column, and write it to the file that DUNC_TABLE names too: a reporter for machines (TAP) keeps to itself what
 * a test prints.
 */
export function tell(column: string): void {
  console.log(`\n${column}`);
  const file = Deno.env.get("DUNC_TABLE") ?? "";
  if (file !== "") Deno.writeTextFileSync(file, `${column}\n`, { append: true });
}

/** One layout's cells as lines: a head that names the layout and the kernel, then `  FIELD | TEXT`. */
export function formatColumn(layout: string, kernel: string, cells: readonly Cell[]): string {
  const width = Math.max(...cells.map(({ field }) => field.length));
  return [
    `  ${HEAD}${layout} (${kernel})`,
    ...cells.map(({ field, text }) => `  ${field.padEnd(width)} | ${text}`),
  ].join("\n");
}

/** A layout's column, found again in what a run has printed; undefined when there is none. */
export function findColumn(output: string, layout: string): { kernel: string; cells: Cell[] } | undefined {
  const lines = output.split("\n").map((line) => line.trim());
  const head = lines.findIndex((line) => line.startsWith(`${HEAD}${layout} (`));
  if (head === -1) return undefined;
  const cells: Cell[] = [];
  for (const line of lines.slice(head + 1)) {
    const bar = line.indexOf(" | ");
    if (bar === -1) break;
    cells.push({ field: line.slice(0, bar).trimEnd(), text: line.slice(bar + 3) });
  }
  return { kernel: lines[head]!.slice(`${HEAD}${layout} (`.length, -1), cells };
}

/** Columns side by side, in the order of the first one's fields; a field that another lacks has "?" there. */
export function joinColumns(
  columns: readonly { readonly title: string; readonly cells: readonly Cell[] }[],
): string {
  const fields = [...new Set(columns.flatMap(({ cells }) => cells.map(({ field }) => field)))];
  const rows = [
    ["field", ...columns.map(({ title }) => title)],
    ...fields.map((name) => [
      name,
      ...columns.map(({ cells }) => cells.find(({ field }) => field === name)?.text ?? "?"),
    ]),
  ];
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  return rows.map((row) => `  ${row.map((text, at) => text.padEnd(widths[at]!)).join(" | ")}`.trimEnd())
    .join("\n");
}
