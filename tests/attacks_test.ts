/**
 * Every known escape (../shared/reference/security-and-reliability.md, section 1) in every cell: what lies outside the
 * root file system stays what it is, and the container runs confined or is refused. About dunc alone.
 */
import { assertEquals } from "@std/assert";
import { CELLS } from "./attacks/cells.ts";
import { IMAGE_SCENARIOS } from "./attacks/image.ts";
import { PROCESS_SCENARIOS } from "./attacks/process.ts";
import { RACE_SCENARIOS } from "./attacks/race.ts";
import type { Scenario } from "./attacks/scenario.ts";
import { Stage } from "./attacks/stage.ts";
import { containerTest } from "./support/containers.ts";

const SCENARIOS: readonly Scenario[] = [...IMAGE_SCENARIOS, ...RACE_SCENARIOS, ...PROCESS_SCENARIOS].sort((a, b) => a.id < b.id ? -1 : 1);

/** S × cell: "pass", or why it was not tried. What is missing has failed. */
const table = new Map<string, Map<string, string>>();

for (const scenario of SCENARIOS) {
  const row = new Map<string, string>();
  table.set(scenario.id, row);
  for (const cell of CELLS) {
    const reason = scenario.not?.[cell.name] ??
      (cell.name === "first stage" && scenario.exec !== true ? "is not about exec" : undefined);
    if (reason !== undefined) {
      row.set(cell.name, reason);
      continue;
    }
    containerTest(`${scenario.id} [${cell.name}]: ${scenario.title}`, async (c) => {
      const stage = new Stage(c, cell);
      await scenario.run(stage);
      for (const id of stage.dunc.ids()) await stage.end(id);
      stage.check("at the end");
      row.set(cell.name, "pass");
    }, ["root", "dunc", ...scenario.needs ?? []]);
  }
}

Deno.test("each scenario has been tried in each cell, or there is a reason why not", () => {
  const names = CELLS.map(({ name }) => name);
  const lines = [["", ...names].map((name, at) => name.padEnd(at === 0 ? 4 : 15)).join("")];
  const reasons = new Set<string>();
  for (const [id, row] of table) {
    const cells = names.map((name) => {
      const text = row.get(name) ?? "not tried";
      if (text === "pass" || text === "not tried") return text;
      reasons.add(`${id} ${name}: ${text}`);
      return "n/a";
    });
    lines.push(id.padEnd(4) + cells.map((text) => text.padEnd(15)).join(""));
  }
  console.log([...lines, "", ...reasons].join("\n"));
  assertEquals(table.size, 39, "S01 to S39");
});
