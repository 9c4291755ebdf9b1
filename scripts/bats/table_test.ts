import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type FileResults, parseExceptions, parseTap, report } from "./table.ts";

const RUNC = `1..4
ok 1 kills # twice
ok 2 pauses
ok 3 limits # skip test requires cgroups_v2
not ok 4 restores
# (from function ...)
`;
const DUNC = `1..4
ok 1 kills # twice
not ok 2 pauses
ok 3 limits # skip test requires cgroups_v2
# ended after 300 s
`;
const FILES: FileResults[] = [{ name: "life", runc: parseTap(RUNC), dunc: parseTap(DUNC) }];

Deno.test("TAP is read with its skips, and what was not run is missing", () => {
  assertEquals([...parseTap(RUNC).verdicts], [
    ["kills # twice", "pass"],
    ["pauses", "pass"],
    ["limits", "skip"],
    ["restores", "fail"],
  ]);
  assertEquals([parseTap(RUNC).missing, parseTap(DUNC).missing], [0, 1]);
});

Deno.test("a test that runc passes and dunc does not is a fault unless an exception names it", () => {
  const { text, faults } = report(FILES, []);
  assertEquals(faults, 1);
  assertStringIncludes(text, "  life: pauses");
  const excepted = report(FILES, parseExceptions("# why\nlife | pauses | the words of runc 1.5\n"));
  assertEquals(excepted.faults, 0);
  assertStringIncludes(excepted.text, "  life: pauses\n      the words of runc 1.5");
});

Deno.test("the table counts what was not run as failed", () => {
  const row = report(FILES, []).text.split("\n").find((line) => line.startsWith("life"))!;
  assertEquals(row.split(/ +/), ["life", "2", "1", "1", "1", "2", "1"]);
});

Deno.test("an exception that is none is told, and one without a reason is refused", () => {
  const { text } = report(FILES, parseExceptions("life | kills # twice | no more\n"));
  assertStringIncludes(text, "dunc passes: 1\n  life: kills # twice");
  assertThrows(() => parseExceptions("life | pauses\n"), Error, "FILE | TEST | REASON");
});

Deno.test("of a file that was not run with runc, each failure of dunc is a fault", () => {
  assertEquals(report([{ name: "life", runc: parseTap(""), dunc: parseTap(DUNC) }], []).faults, 1);
});
