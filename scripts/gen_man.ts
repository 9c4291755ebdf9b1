/**
 * Writes man/dunc.8 and man/dunc-COMMAND.8 from the table of commands, the one that help texts come from.
 *
 * scripts/deno run -A scripts/gen_man.ts [--check]
 */
import { commands } from "../src/cli/commands.ts";
import { type Command, type Flag, GLOBAL_FLAGS } from "../src/cli/table.ts";
import { VERSION } from "../src/cli/version.ts";

const HELP: Flag = { name: "help", alias: "h", kind: "bool", help: "show help" };

/** Text as roff prints it: nothing is a request, and a dash is one that can be copied. */
export function roff(text: string): string {
  // ASCII alone: a page is read in every locale.
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("…", "...").replaceAll(
    /^([.'])/gm,
    "\\&$1",
  );
}

/** The pages by their names. */
export function pages(table: readonly Command[], globals: readonly Flag[]): Map<string, string> {
  const all = new Map([["dunc.8", programPage(table, globals)]]);
  for (const command of table) all.set(`dunc-${command.name}.8`, commandPage(command));
  return all;
}

const heading = (name: string): string =>
  `.TH ${name.toUpperCase()} 8 "" "dunc ${VERSION}" "Container runtime"`;

const MARK = '.\\" Written by scripts/gen_man.ts from src/cli/commands.ts: do not edit.';

function programPage(table: readonly Command[], globals: readonly Flag[]): string {
  return [
    MARK,
    heading("dunc"),
    ".SH NAME",
    "dunc \\- run containers of the Open Container Initiative",
    ".SH SYNOPSIS",
    ".B dunc",
    "[global options] \\fICOMMAND\\fR [command options] [arguments...]",
    ".SH DESCRIPTION",
    roff(
      "A container is made of a bundle: a directory with a config.json and a root file system. " +
        "dunc is a drop-in for runc: callers of the one can call the other.",
    ),
    ".SH COMMANDS",
    ...table.flatMap(({ name, usage }) => [".TP", `\\fBdunc\\-${roff(name)}\\fR(8)`, roff(usage)]),
    ".SH GLOBAL OPTIONS",
    "They stand before the command, or behind it where it has none of that name.",
    ...flagRows(globals),
    ".SH EXIT STATUS",
    roff(
      "That of the container's program for run and exec in the foreground (128 + N for signal N). Otherwise 0, " +
        "or 1 for a failure: exec says 255, and 3 stands for a command that does not exist.",
    ),
    ".SH FILES",
    ".TP",
    "\\fI/run/dunc\\fR",
    roff("one folder a container; $XDG_RUNTIME_DIR/dunc for an ordinary user"),
    ".SH SEE ALSO",
    `${table.map(({ name }) => `\\fBdunc\\-${roff(name)}\\fR(8)`).join(",\n")}`,
    "",
  ].join("\n");
}

function commandPage(command: Command): string {
  const { name, usage, args, description, flags } = command;
  return [
    MARK,
    heading(`dunc-${name}`),
    ".SH NAME",
    `dunc\\-${roff(name)} \\- ${roff(usage)}`,
    ".SH SYNOPSIS",
    `.B dunc ${roff(name)}`,
    roff(`[command options] ${args}`.trimEnd()),
    ...(description === undefined ? [] : [".SH DESCRIPTION", ...roff(description).split("\n")]),
    ".SH OPTIONS",
    ...flagRows([...flags, HELP]),
    ".SH SEE ALSO",
    "\\fBdunc\\fR(8)",
    "",
  ].join("\n");
}

function flagRows(flags: readonly Flag[]): string[] {
  return flags.filter(({ hidden }) => hidden !== true).flatMap((flag) => {
    const value = flag.kind === "bool" ? "" : ` \\fI${roff(flag.value ?? "value")}\\fR`;
    const names = [`--${flag.name}`, ...(flag.alias === undefined ? [] : [`-${flag.alias}`])];
    const fallback = flag.default === undefined ? "" : ` (default: ${flag.default})`;
    const often = flag.kind === "strings" || flag.kind === "ints" ? "; may be given several times" : "";
    return [
      ".TP",
      names.map((word) => `\\fB${roff(word)}\\fR${value}`).join(", "),
      roff(`${flag.help}${often}${fallback}`),
    ];
  });
}

if (import.meta.main) {
  const folder = new URL("../man/", import.meta.url).pathname;
  const all = pages(commands(), GLOBAL_FLAGS);
  if (Deno.args[0] === "--check") {
    const there = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    const fresh = there.join() === [...all.keys()].sort().join() &&
      there.every((name) => Deno.readTextFileSync(folder + name) === all.get(name));
    if (!fresh) {
      console.error("man/ is behind src/cli/commands.ts: run `deno task gen` and commit it");
      Deno.exit(1);
    }
  } else {
    Deno.mkdirSync(folder, { recursive: true });
    for (const { name } of Deno.readDirSync(folder)) if (!all.has(name)) Deno.removeSync(folder + name);
    for (const [name, text] of all) Deno.writeTextFileSync(folder + name, text);
  }
}
