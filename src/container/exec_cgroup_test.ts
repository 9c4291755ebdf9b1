import { assertEquals } from "@std/assert";
import { commonPath } from "./exec_cgroup.ts";

Deno.test("commonPath() is the deepest directory that both are in or below", () => {
  assertEquals(commonPath("/c/a/b", "/c/a/d/e"), "/c/a");
  assertEquals(commonPath("/c/a", "/c/a/b"), "/c/a");
  assertEquals(commonPath("/c/a/b", "/c/a/b"), "/c/a/b");
  assertEquals(commonPath("/c/ab", "/c/ac"), "/c");
});
