/** A caller that knows runc notices no difference: the same words to both, compared. The tables are beside it. */
import { assert } from "@std/assert";
import { EXEC, LIFE, SHORT } from "./differential/life.ts";
import { BUNDLES, PROCESSES, SYSTEM } from "./differential/refusals.ts";
import { ARGUMENTS, FLAGS, HELP, NOBODY, SPEC } from "./differential/usage.ts";
import { containerTest } from "./support/containers.ts";
import { playScene, type Scene, type Tally } from "./support/differential.ts";

const SCENES: readonly Scene[] = [
  HELP,
  ARGUMENTS,
  FLAGS,
  NOBODY,
  SPEC,
  BUNDLES,
  PROCESSES,
  SYSTEM,
  LIFE,
  SHORT,
  EXEC,
];

const tally: Tally = { count: 0, differences: [] };

for (const scene of SCENES) {
  containerTest(
    `as under runc: ${scene.name} (${scene.steps.length} command lines)`,
    (c) => playScene(c, scene, tally),
    ["root", "runc", "dunc"],
  );
}

Deno.test("at least 150 command lines are compared, and every difference has its reason", () => {
  const count = SCENES.reduce((sum, { steps }) => sum + steps.length, 0);
  assert(count >= 150, `${count}`);
  console.log(
    `${count} command lines, ${tally.count} of them compared, ${tally.differences.length} differences accepted:`,
  );
  for (const { words, aspects, reason } of tally.differences) {
    console.log(`  ${words || "(no words)"}: ${aspects.join(", ")}: ${reason}`);
  }
});
