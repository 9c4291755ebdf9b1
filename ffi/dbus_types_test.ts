import { assertEquals, assertThrows } from "@std/assert";
import { typesOf } from "./dbus_types.ts";

Deno.test("typesOf() parts a D-Bus signature into its complete types", () => {
  assertEquals(typesOf("sa(sv)aasu(y(bb)a(sa(sv)))v"), ["s", "a(sv)", "aas", "u", "(y(bb)a(sa(sv)))", "v"]);
  assertEquals(typesOf(""), []);
  assertThrows(() => typesOf("a(s"), RangeError, "no D-Bus signature: a(s");
});
