import { assertEquals, assertMatch } from "@std/assert";
import { parseProcessStat, readProcessStat } from "./process_stat.ts";

Deno.test("parseProcessStat() reads behind a name that holds parentheses and spaces", () => {
  const rest = Array.from({ length: 18 }, (_, index) => index).join(" ");
  assertEquals(parseProcessStat(`7 (a) Z (b) S ${rest} 4711 99`), { state: "S", startTime: 4711 });
});

Deno.test("parseProcessStat() has no answer for a line that is cut off", () => {
  assertEquals(parseProcessStat("7 (a) S 1 2"), undefined);
});

Deno.test("readProcessStat() finds this process and no process of number 0", () => {
  // Its first thread may be asleep: tests run on another one.
  assertMatch(readProcessStat(Deno.pid)?.state ?? "", /^[RS]$/);
  assertEquals(readProcessStat(0), undefined);
});
