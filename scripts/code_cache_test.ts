import { assertEquals } from "@std/assert";
import { hasQuickVm } from "./code_cache.ts";

Deno.test("the code cache is for versions of Deno that have node:vm in their snapshot", () => {
  const versions = ["deno 2.7.14 (stable, release, x86_64)", "deno 2.4.2", "deno 2.9.6", "deno 3.0.1", ""];
  assertEquals(versions.map(hasQuickVm), [true, true, false, false, false]);
});
