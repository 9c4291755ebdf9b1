import { assertEquals } from "@std/assert";
import { nameOf } from "./program_name.ts";

Deno.test("dunc calls itself runc only where its file is called so", () => {
  const lines = [
    "/usr/sbin/runc\0-v\0",
    "runc\0",
    "/runc/dunc\0run\0runc\0",
    "/opt/runc-next\0",
    "dunc\0",
    "",
  ];
  assertEquals(lines.map(nameOf), ["runc", "runc", "dunc", "dunc", "dunc", "dunc"]);
});
