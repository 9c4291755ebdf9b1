/**
 * Every known escape (../shared/reference/security-and-reliability.md, section 1) in every cell: what lies outside the
 * root file system stays what it is, and the container runs confined or is refused. About dunc alone.
 */
import { assertEquals } from "@std/assert";
import { type Cell, CELLS } from "./attacks/cells.ts";
import { HOST_SCENARIOS } from "./attacks/host.ts";
import { IMAGE_SCENARIOS } from "./attacks/image.ts";
import { PROCESS_SCENARIOS } from "./attacks/process.ts";
import { RACE_SCENARIOS } from "./attacks/race.ts";
import type { Scenario } from "./attacks/scenario.ts";
import { Stage } from "./attacks/stage.ts";
import { containerTest } from "./support/containers.ts";

const SCENARIOS: readonly Scenario[] = [
  ...IMAGE_SCENARIOS,
  ...RACE_SCENARIOS,
  ...PROCESS_SCENARIOS,
  ...HOST_SCENARIOS,
].sort((a, b) => a.id < b.id ? -1 : 1);

/** Every day all are tried as root, and a part in each other cell; with DUNC_FULL=1 all in all. */
const FULL = Deno.env.get("DUNC_FULL") === "1";
const EVERYDAY_SHARE = 8;

/** S × cell: "pass", or why it was not tried. What is missing has failed. */
const table = new Map<string, Map<string, string>>();

/** Why a scenario is not tried in a cell. */
function reasonNot({ id, not, exec }: Scenario, { name }: Cell): string | undefined {
  if (name === "first stage" && exec !== true && not?.[name] === undefined) return "not about exec or start";
  if (name === "first stage" && Deno.env.get("DUNC_ENGINE") === "always") return "DUNC_ENGINE=always";
  const turn = Number(id.slice(1)) + CELLS.findIndex((cell) => cell.name === name);
  const today = FULL || name === "root" || name === "first stage" || turn % EVERYDAY_SHARE === 0;
  return not?.[name] ?? (today ? undefined : LATER);
}

const LATER = "with DUNC_FULL=1";

for (const scenario of SCENARIOS) {
  const row = new Map<string, string>();
  table.set(scenario.id, row);
  for (const cell of CELLS) {
    const reason = reasonNot(scenario, cell);
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

Deno.test("S01 to S39 are all there; the table of scenarios and cells", () => {
  const names = CELLS.map(({ name }) => name);
  const line = (first: string, cells: readonly string[]) =>
    first.padEnd(4) + cells.map((text) => text.padEnd(15)).join("");
  const reasons: string[] = [];
  const rows = [...table].map(([id, row]) =>
    line(
      id,
      names.map((name) => {
        const text = row.get(name) ?? "FAILED";
        if (text === "pass" || text === "FAILED") return text;
        if (text === LATER) return "full";
        reasons.push(`${id} ${name}: ${text}`);
        return "n/a";
      }),
    )
  );
  const untried = SCENARIOS.flatMap(({ id, untried }) =>
    untried === undefined ? [] : [`${id}, not tried: ${untried}`]
  );
  console.log([line("", names), ...rows, `full: ${LATER}`, ...reasons, ...untried].join("\n"));
  const ids = Array.from({ length: 39 }, (_, index) => `S${String(index + 1).padStart(2, "0")}`);
  assertEquals([...table.keys()], ids);
});
