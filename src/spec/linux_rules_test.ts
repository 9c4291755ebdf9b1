import { assertEquals } from "@std/assert";
import { type Change, checkAll, errorsOf } from "./testing.ts";

Deno.test("a class of service is a directory of resctrl, or its root", () => {
  const closID = (text: string): Change => ({ linux }) => linux.intelRdt = { closID: text };
  for (const text of ["guaranteed", "/", "a.b", ""]) assertEquals(errorsOf(closID(text)), [], text);
  checkAll({
    'linux.intelRdt.closID: invalid intelRdt.ClosID "."': closID("."),
    'linux.intelRdt.closID: invalid intelRdt.ClosID ".."': closID(".."),
    'linux.intelRdt.closID: invalid intelRdt.ClosID "a/b"': closID("a/b"),
  });
});
