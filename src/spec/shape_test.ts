import { assertEquals } from "@std/assert";
import { readShape, type Shape, type ShapeFault } from "./shape.ts";

function read(shape: Shape, value: unknown): { readonly value: unknown; readonly faults: readonly string[] } {
  const faults: ShapeFault[] = [];
  const shaped = readShape(shape, value, "", faults);
  return { value: shaped, faults: faults.map(({ path, message }) => `${path}: ${message}`) };
}

Deno.test("readShape() leaves out keys that the shape does not name, and what is null where it may be absent", () => {
  const shape = { name: "string", "more?": ["u32"], "flag?": "boolean" } as const;
  assertEquals(read(shape, { name: "a", other: 1, more: null }), { value: { name: "a" }, faults: [] });
});

Deno.test("readShape() finds every fault, each with its JSON path", () => {
  const shape = {
    name: "string",
    list: [{ n: "u16", "text?": "string" }],
    "map?": { "*": "string" },
  } as const;
  const { faults } = read(shape, {
    list: [{ n: "x" }, 7, { n: 65536, text: [] }, {}],
    map: { ok: "y", "a.b": 1, plain: null },
  });
  assertEquals(faults, [
    "name: is missing",
    "list[0].n: must be a whole number, got a string",
    "list[1]: must be an object, got the number 7",
    "list[2].n: must be from 0 to 65535, got 65536",
    "list[2].text: must be a string, got an array",
    "list[3].n: is missing",
    'map["a.b"]: must be a string, got the number 1',
    "map.plain: must be a string, got null",
  ]);
});

Deno.test("readShape() holds whole numbers to the range of their word, at both ends", () => {
  const ranges: Record<string, readonly [bigint, bigint]> = {
    u16: [0n, 65535n],
    u32: [0n, 4294967295n],
    u64: [0n, 18446744073709551615n],
    i64: [-9223372036854775808n, 9223372036854775807n],
    int: [-9007199254740991n, 9007199254740991n],
  };
  for (const [word, [low, high]] of Object.entries(ranges)) {
    const shape = word as Shape;
    assertEquals([read(shape, low).faults, read(shape, high).faults], [[], []], word);
    assertEquals(read(shape, low - 1n).faults, [`: must be from ${low} to ${high}, got ${low - 1n}`]);
    assertEquals(read(shape, high + 1n).faults, [`: must be from ${low} to ${high}, got ${high + 1n}`]);
  }
});

Deno.test("readShape() gives 64-bit words as bigint and the others as numbers", () => {
  assertEquals([read("u64", 7).value, read("i64", -1).value], [7n, -1n]);
  assertEquals([read("u32", 7n).value, read("int", -1n).value], [7, -1]);
});

Deno.test("readShape() takes no whole number whose digits are not known: they would be made up", () => {
  assertEquals(read("u64", 1e18).faults, [
    ": must be written in digits alone, got the number 1000000000000000000",
  ]);
  assertEquals(read("u64", 1000000000000000000n).value, 1000000000000000000n);
  // Small enough to be exact, however it was written.
  assertEquals(read("u64", 1e3).value, 1000n);
});

Deno.test("readShape() reads `present` as true, whatever is there", () => {
  assertEquals(read({ "a?": "present", "b?": "present", "c?": "present" }, { a: { x: "\0" }, b: null }), {
    value: { a: true },
    faults: [],
  });
});

Deno.test("readShape() takes no fraction, no infinity and no text for a whole number", () => {
  for (const value of [1.5, Infinity, NaN, "1", true, null]) {
    assertEquals(read("u32", value).faults.length, 1, String(value));
  }
});

Deno.test("readShape() refuses a NUL in texts and in keys of a map: it would cut a system call's string", () => {
  assertEquals(read("string", "a\0b").faults, [": must not hold a NUL"]);
  assertEquals(read({ "*": "string" }, { "a\0": "" }).faults.length, 1);
});

Deno.test("readShape() lets no key of a document become a prototype", () => {
  const { value, faults } = read({ "*": "string" }, JSON.parse('{"__proto__": "x", "constructor": "y"}'));
  assertEquals(faults, []);
  assertEquals(Object.keys(value as object), ["__proto__", "constructor"]);
  assertEquals(Object.getPrototypeOf(value), Object.prototype);
});

Deno.test("readShape() reads no member of Object's prototype for a key that is missing", () => {
  assertEquals(read({ "toString?": "string", valueOf: "string" } as Shape, {}).faults, [
    "valueOf: is missing",
  ]);
});
