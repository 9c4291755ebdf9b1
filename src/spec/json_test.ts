import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { SpecError } from "../errors.ts";
import { defaultSpecText } from "./defaults.ts";
import { duplicateKeys, parseJson } from "./json.ts";

Deno.test("parseJson() keeps every digit of whole numbers that a double cannot hold", () => {
  assertEquals(
    parseJson('{"a":18446744073709551615,"b":-9223372036854775808,"c":9007199254740991}', "x"),
    { a: 18446744073709551615n, b: -9223372036854775808n, c: 9007199254740991 },
  );
  assertEquals(parseJson("9007199254740993", "x"), 9007199254740993n);
});

Deno.test("parseJson() makes of everything else what JSON.parse makes of it", () => {
  const texts = [
    "null",
    "[]",
    '{"a":[1,2.5,-3e2,true,"\\u00e9\\n"]}',
    ' {"":""} ',
    "1e30",
    "0.1234567890123456789",
  ];
  for (const text of texts) assertEquals(parseJson(text, "x"), JSON.parse(text), text);
});

/** The message for a text that is no JSON. */
function faultOf(text: string): string {
  return assertThrows(() => parseJson(text, "config.json"), SpecError).message;
}

Deno.test("parseJson() says in which line and column a text stops being JSON, and why", () => {
  const cases: Record<string, string> = {
    "": "line 1, column 1: a value is expected, but the text ends here",
    "{": "line 1, column 2: a key in double quotes is expected, but the text ends here",
    '{\n  "a": 1,\n}': "line 3, column 1: a key in double quotes is expected",
    '{"a" 1}': 'line 1, column 6: ":" is expected',
    "[1 2]": 'line 1, column 4: "," or "]" is expected',
    "[1,]": "line 1, column 4: a value is expected",
    '{\n\t"a": nul\n}': "line 2, column 7: a value is expected",
    '"abc': "line 1, column 1: this string has no end",
    '"\\x"': "line 1, column 2: this escape is unknown",
    '"a\nb"': "line 1, column 3: a control character may not stand in a string",
    "{} x": "line 1, column 4: nothing may follow the document",
    "01": "line 1, column 2: nothing may follow the document",
    "'a'": "line 1, column 1: a value is expected",
    "// c\n{}": "line 1, column 1: a value is expected",
  };
  for (const [text, place] of Object.entries(cases)) {
    assertEquals(faultOf(text), `config.json: ${place}`, text);
  }
});

Deno.test("parseJson() names the fault of a text that is nested a million times", () => {
  assertMatch(faultOf("[".repeat(1_000_000)), /^config\.json: line 1, column \d+: nested too deeply$/);
  const deep = "[".repeat(1_000_000) + "1234567890123456" + "]".repeat(1_000_000);
  assertMatch(faultOf(deep), /^config\.json: line 1, column \d+: nested too deeply$/);
});

Deno.test("parseJson() agrees with JSON.parse about which texts are JSON, one character being changed", () => {
  const good = '{"a": [1, -2.5e+3, "x\\u0041"], "b": {"c": null, "d": false}}';
  for (let at = 0; at < good.length; at++) {
    for (const ch of ["", " ", "x", '"', "\\", "}", ",", "0", "\u0001"]) {
      const text = good.slice(0, at) + ch + good.slice(at + 1);
      let expected: unknown;
      try {
        expected = JSON.parse(text);
      } catch {
        // A fault that is found in the text itself, never the sentence for one that was not.
        assertEquals(faultOf(text).endsWith(": not JSON"), false, text);
        continue;
      }
      assertEquals(parseJson(text, "x"), expected, text);
    }
  }
});

Deno.test("parseJson() reads a number of any length where it looks for a fault", () => {
  const digits = "1".repeat(100);
  assertEquals(faultOf(`{"a": ${digits}, "b"}`), 'config.json: line 1, column 112: ":" is expected');
});

Deno.test("duplicateKeys() names each key that an object holds twice, and where the later one stands", () => {
  const text =
    '{"a": 1,\n "b": [{"c": 1, "d": {"c": 2}}, {"c": 1, "\\u0063": 2}],\n "a": {}, "x y": 0, "x y": 1}';
  assertEquals(duplicateKeys(text).map(({ path, message }) => `${path}: ${message}`), [
    "b[1].c: stands in its object twice, again at line 2, column 42: the last one counts",
    "a: stands in its object twice, again at line 3, column 2: the last one counts",
    '["x y"]: stands in its object twice, again at line 3, column 21: the last one counts',
  ]);
});

Deno.test("duplicateKeys() has nothing to say about documents without them, and about texts that are no JSON", () => {
  assertEquals(duplicateKeys(defaultSpecText({ cgroup2: true })), []);
  assertEquals(duplicateKeys('{"a": 1, "a": 2'), []);
  // An object's own names are no keys of it.
  assertEquals(duplicateKeys('{"__proto__": {"a": 1}, "toString": 1, "a": 2}'), []);
});
