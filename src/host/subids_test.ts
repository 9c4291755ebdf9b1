import { assertEquals } from "@std/assert";
import { firstFreeId, parseRanges } from "./subids.ts";

Deno.test("parseRanges() finds a user's ranges by name and by number, and nobody else's", () => {
  const text = "alice:100000:65536\nbob:165536:65536\n1000:300000:10\n#alice:1:1\nalice:x:1\nalice:5:0\n";
  assertEquals(parseRanges(text, "alice", 1000), [
    { first: 100_000, count: 65_536 },
    { first: 300_000, count: 10 },
  ]);
  assertEquals(parseRanges(text, "#4711", 4711), []);
});

Deno.test("firstFreeId() is behind the last range, and 100000 at least", () => {
  assertEquals(firstFreeId(""), 100_000);
  assertEquals(firstFreeId("a:100000:65536\nb:231072:65536\nc:165536:65536\n"), 296_608);
});
