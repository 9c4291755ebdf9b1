import { assertEquals, assertThrows } from "@std/assert";
import { parseArgv, UsageError } from "./argv.ts";
import { commands } from "./commands.ts";
import { GLOBAL_FLAGS } from "./table.ts";

const parse = (...argv: string[]) => parseArgv(argv, commands(), GLOBAL_FLAGS);

Deno.test("parseArgv() takes long options with one dash or two, and values behind = or blank", () => {
  for (const flag of [["--root", "/x"], ["-root", "/x"], ["--root=/x"], ["-root=/x"]]) {
    assertEquals(parse(...flag, "list").globals.string("root"), "/x");
  }
});

Deno.test("parseArgv() takes flags behind the argument, and the no-subreaper of go-runc with one dash", () => {
  const { args, flags } = parse("run", "c1", "-no-subreaper", "-b", "/b");
  assertEquals([args, flags.bool("no-subreaper"), flags.string("bundle")], [["c1"], true, "/b"]);
});

Deno.test("parseArgv() leaves what follows the id of exec, kill and ps alone", () => {
  assertEquals(parse("exec", "-t", "c1", "sh", "-c", "x").args, ["c1", "sh", "-c", "x"]);
  assertEquals(parse("kill", "c1", "-9").args, ["c1", "-9"]);
  assertEquals(parse("ps", "c1", "-aux").args, ["c1", "-aux"]);
});

Deno.test("parseArgv() adds up repeated flags where that is their kind; a comma does not separate", () => {
  assertEquals(parse("exec", "-e", "A=1", "-e", "B=2,3", "c1", "x").flags.strings("env"), ["A=1", "B=2,3"]);
});

Deno.test("parseArgv() knows global flags behind the command, unless the command has one of that name", () => {
  assertEquals(parse("run", "--debug", "c1").globals.bool("debug"), true);
  const spec = parse("spec", "--rootless");
  assertEquals([spec.flags.bool("rootless"), spec.globals.has("rootless")], [true, false]);
});

Deno.test("parseArgv() takes -- for the end of flags, and booleans with a value", () => {
  assertEquals(parse("state", "--", "-x").args, ["-x"]);
  assertEquals(parse("delete", "--force=false", "c1").flags.bool("force"), false);
});

Deno.test("parseArgv() refuses unknown flags and commands, missing values and wrong counts in runc's words", () => {
  const says = (message: string, ...argv: string[]) =>
    assertThrows(() => parse(...argv), UsageError, message);
  says("flag provided but not defined: -nope", "list", "--nope");
  says("No help topic for 'nope'", "nope");
  says("flag needs an argument: -bundle", "run", "c1", "--bundle");
  says('"state" requires exactly 1 argument(s)', "state");
  says('"state" requires exactly 1 argument(s)', "state", "a", "b");
  says('"kill" requires a maximum of 2 argument(s)', "kill", "a", "b", "c");
  says('"exec" requires a minimum of 1 argument(s)', "exec");
  says('invalid boolean value "maybe"', "delete", "--force=maybe", "c1");
  says('invalid value "x" for flag -preserve-fds', "run", "--preserve-fds", "x", "c1");
});

Deno.test("parseArgv() hears a wish for help everywhere", () => {
  assertEquals(parse("--help").help, true);
  assertEquals([parse("run", "-h").help, parse("help", "run").command?.name], [true, "run"]);
  assertEquals(parse().command, undefined);
});
