import { assertEquals } from "@std/assert";
import { commands } from "./commands.ts";
import { VERSION } from "./version.ts";

Deno.test("commands() lists each name once, in the order of help texts", () => {
  const names = commands().map(({ name }) => name);
  assertEquals(names, [...new Set(names)].sort());
});

Deno.test("commands() gives each command flags whose names and aliases differ", () => {
  for (const { name, flags } of commands()) {
    const words = flags.flatMap((flag) => flag.alias === undefined ? [flag.name] : [flag.name, flag.alias]);
    assertEquals(words.length, new Set(words).size, name);
  }
});

Deno.test("every command can be loaded", async () => {
  for (const { load } of commands()) assertEquals(typeof (await load()).run, "function");
});

Deno.test("VERSION is the one of deno.json", () => {
  const { version } = JSON.parse(Deno.readTextFileSync(new URL("../../deno.json", import.meta.url)));
  assertEquals(VERSION, version);
});
