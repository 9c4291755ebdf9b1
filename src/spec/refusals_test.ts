import { assertEquals } from "@std/assert";
import { parseSpec } from "./parse.ts";
import { refusalsOf, REFUSED } from "./refusals.ts";
import { defaultDocument, type Document } from "./testing.ts";

function refused(change: (document: Document) => void): string[] {
  const document = defaultDocument();
  change(document);
  return refusalsOf(parseSpec(JSON.stringify(document))).map(({ path, message }) => `${path} ${message}`);
}

/** A document that asks for each field, and where it does. */
const ASKING: Record<string, readonly [change: (document: Document) => void, place: string]> = {
  "linux.intelRdt": [({ linux }) => linux.intelRdt = {}, "linux.intelRdt"],
  "linux.mountLabel": [({ linux }) => linux.mountLabel = "system_u:object_r:x:s0", "linux.mountLabel"],
};

Deno.test("refusalsOf() names each field that a document asks for and this build does not carry out", () => {
  for (const { path } of REFUSED) {
    const [change, place] = ASKING[path]!;
    assertEquals(refused(change), [`${place} is not carried out by this build of dunc`], path);
  }
});

Deno.test("refusalsOf() has nothing to say where a field is there and asks for nothing", () => {
  assertEquals(refused(() => {}), []);
  assertEquals(
    refused(({ linux }) => {
      linux.mountLabel = "";
      linux.intelRdt = null;
    }),
    [],
  );
});
