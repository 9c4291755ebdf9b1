import { type Command, type Flag, GLOBAL_FLAGS } from "./table.ts";

/** The help text of the program: what `dunc`, `dunc help` and `dunc --help` print. `program` is its name. */
export function programHelp(commands: readonly Command[], program = "dunc"): string {
  const width = Math.max(...commands.map(({ name }) => name.length)) + 2;
  const rows = commands.map(({ name, usage }) => `   ${name.padEnd(width)}${usage}`);
  return [
    "NAME:",
    `   ${program} - Open Container Initiative runtime`,
    "",
    "dunc is a command line client for running applications packaged according to",
    "the Open Container Initiative (OCI) format: a drop-in for runc.",
    "",
    "To start a new container, make a bundle (a folder with a root file system in",
    "`rootfs` and a config.json, which `dunc spec` writes) and, in that folder:",
    "",
    "    # dunc run [ -b bundle ] <container-id>",
    "",
    "USAGE:",
    `   ${program} [global options] command [command options] [arguments...]`,
    "",
    "COMMANDS:",
    ...rows,
    `   ${"help, h".padEnd(width)}show a list of commands or help for one command`,
    "",
    "GLOBAL OPTIONS:",
    ...flagRows(GLOBAL_FLAGS),
    "",
  ].join("\n");
}

/** The help text of one command. */
export function commandHelp(command: Command, program = "dunc"): string {
  const { name, usage, args, description, flags } = command;
  const options = flags.some((flag) => !flag.hidden) ? " [command options]" : "";
  const lines = [
    "NAME:",
    `   ${program} ${name} - ${usage}`,
    "",
    "USAGE:",
    `   ${program} ${name}${options} ${args}`.trimEnd(),
    "",
  ];
  if (description !== undefined) lines.push("DESCRIPTION:", ...indent(description), "");
  lines.push(
    "OPTIONS:",
    ...flagRows([...flags, { name: "help", alias: "h", kind: "bool", help: "show help" }]),
    "",
  );
  return lines.join("\n");
}

function flagRows(flags: readonly Flag[]): string[] {
  const shown = flags.filter((flag) => !flag.hidden);
  const heads = shown.map((flag) => {
    const value = flag.kind === "bool" ? "" : ` ${flag.value ?? "value"}`;
    const alias = flag.alias === undefined ? "" : `, -${flag.alias}${value}`;
    return `--${flag.name}${value}${alias}`;
  });
  const width = Math.max(...heads.map((head) => head.length)) + 2;
  return shown.map((flag, index) => {
    const fallback = flag.default === undefined ? "" : ` (default: ${JSON.stringify(flag.default)})`;
    return `   ${heads[index]!.padEnd(width)}${flag.help}${fallback}`;
  });
}

const indent = (text: string): string[] => text.split("\n").map((line) => line === "" ? "" : `   ${line}`);
