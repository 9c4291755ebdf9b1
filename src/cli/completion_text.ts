// Pure: no I/O in this file.
import type { Command, Flag } from "./table.ts";

const HELP: Flag = { name: "help", alias: "h", kind: "bool", help: "show help" };

const shown = (flags: readonly Flag[]): readonly Flag[] => flags.filter((flag) => flag.hidden !== true);

/** Flags of a command, help included. */
const flagsOf = (command: Command): readonly Flag[] => [...shown(command.flags), HELP];

const takesFile = ({ value = "" }: Flag): boolean => ["FILE", "DIR", "PATH"].includes(value);

/** Words that a flag may have as its value, as its help text names them: `table or json`. */
function choicesOf({ value = "", help }: Flag): readonly string[] {
  if (value !== "FORMAT") return [];
  return [...help.matchAll(/\b(table|json|text|prometheus)\b/g)].map((match) => match[1]!);
}

/** What a command's first argument is: a container that exists, one of some words, or something of its own. */
function firstArgument({ name, args }: Command): "containers" | readonly string[] {
  if (name === "completion") return ["bash", "zsh", "fish"];
  if (name === "seccomp") return ["explain", "diff"];
  // `create` and `run` make one: an id that is there already is of no use.
  return args.includes("<container-id>") && name !== "create" && name !== "run" ? "containers" : [];
}

const written = (flags: readonly Flag[]): string =>
  flags.flatMap(({ name, alias }) => alias === undefined ? [`--${name}`] : [`--${name}`, `-${alias}`]).join(
    " ",
  );

/** A pattern of bash that every spelling of these flags matches: long ones with one dash too. */
const pattern = (flags: readonly Flag[]): string =>
  flags.flatMap(({ name, alias }) => [`--${name}`, `-${name}`, ...(alias === undefined ? [] : [`-${alias}`])])
    .join("|");

const HEAD = "from its table of commands; written by `dunc completion`";

/**
 * bash: `source <(dunc completion bash)`. Words that bash has split at `=` are put together again; `--root` of the
 * command line counts for the containers that are offered.
 */
export function bashCompletion(commands: readonly Command[], globals: readonly Flag[]): string {
  const global = shown(globals);
  const names = [...commands.map(({ name }) => name), "help"];
  const cases = commands.flatMap((command) => {
    const first = firstArgument(command);
    return [
      `\t${command.name})`,
      `\t\tflags="${written(flagsOf(command))}"`,
      `\t\tfirst="${first === "containers" ? "$(_dunc_containers)" : first.join(" ")}"`,
      "\t\t;;",
    ];
  });
  return [
    `# bash completion of dunc, ${HEAD}.`,
    "_dunc_containers() {",
    '\tcommand dunc ${root:+--root "$root"} list -q 2>/dev/null',
    "}",
    "",
    "# _dunc_value COMMAND FLAG: what the flag's value may be: a list, `file`, `any`, or nothing for a flag without.",
    "_dunc_value() {",
    '\tcase "$1 $2" in',
    ...valueCases("*", global),
    ...commands.flatMap((command) => valueCases(command.name, shown(command.flags))),
    "\tesac",
    "}",
    "",
    "_dunc() {",
    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} word value name='' pending='' root='' flags first i count=0",
    "\tfor ((i = 1; i < COMP_CWORD; i++)); do",
    "\t\tword=${COMP_WORDS[i]}",
    '\t\tif [ "$word" = = ]; then',
    "\t\t\tcontinue",
    '\t\telif [ -n "$pending" ]; then',
    "\t\t\t[[ $pending != @(-root|--root) ]] || root=$word",
    "\t\t\tpending=''",
    '\t\telif [[ $word == -* ]] && { [ -z "$name" ] || [ "$count" = 0 ]; }; then',
    '\t\t\t[ -z "$(_dunc_value "$name" "$word")" ] || pending=$word',
    '\t\telif [ -z "$name" ]; then',
    "\t\t\tname=$word",
    "\t\telse",
    "\t\t\tcount=$((count + 1))",
    "\t\tfi",
    "\tdone",
    "\tCOMPREPLY=()",
    "\t[ \"$cur\" != = ] || cur=''",
    '\tif [ -n "$pending" ]; then',
    '\t\tvalue=$(_dunc_value "$name" "$pending")',
    "\t\tcase $value in",
    '\t\tfile) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null ;;',
    "\t\tany) ;;",
    '\t\t*) mapfile -t COMPREPLY < <(compgen -W "$value" -- "$cur") ;;',
    "\t\tesac",
    "\t\treturn",
    "\tfi",
    "\tcase $name in",
    "\t'')",
    `\t\tflags="${written(global)}"`,
    `\t\tfirst="${names.join(" ")}"`,
    "\t\t;;",
    "\thelp)",
    "\t\tflags=''",
    `\t\tfirst="${names.slice(0, -1).join(" ")}"`,
    "\t\t;;",
    ...cases,
    "\tesac",
    "\tif [[ $cur == -* ]]; then",
    '\t\t[ "$count" != 0 ] || mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$cur")',
    '\telif [ "$count" = 0 ]; then',
    '\t\tmapfile -t COMPREPLY < <(compgen -W "$first" -- "$cur")',
    "\tfi",
    "}",
    "complete -F _dunc dunc",
    "",
  ].join("\n");
}

/** Rows of `_dunc_value` for the flags of a command that take one. */
function valueCases(command: string, flags: readonly Flag[]): string[] {
  const rows = new Map<string, Flag[]>();
  for (const flag of flags) {
    if (flag.kind === "bool") continue;
    const choices = choicesOf(flag);
    const value = takesFile(flag) ? "file" : choices.length > 0 ? choices.join(" ") : "any";
    rows.set(value, [...rows.get(value) ?? [], flag]);
  }
  return [...rows].map(([value, of]) => {
    const patterns = pattern(of).split("|").map((flag) => `"${command} ${flag}"`).join(" | ");
    return `\t${patterns.replaceAll('"* ', '*" ')}) echo "${value}" ;;`;
  });
}

/** A text in single quotes, for zsh and fish. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** zsh: `source <(dunc completion zsh)`, or the text as `_dunc` in a folder of `fpath`. */
export function zshCompletion(commands: readonly Command[], globals: readonly Flag[]): string {
  return [
    "#compdef dunc",
    `# zsh completion of dunc, ${HEAD}.`,
    "_dunc_containers() {",
    "\tlocal -a ids",
    '\tids=(${(f)"$(command dunc ${opt_args[--root]:+--root ${opt_args[--root]}} list -q 2>/dev/null)"})',
    "\tcompadd -a ids",
    "}",
    "",
    "_dunc_commands() {",
    "\tlocal -a commands",
    "\tcommands=(",
    ...commands.map(({ name, usage }) => `\t\t${quoted(`${name}:${usage.replaceAll(":", "\\:")}`)}`),
    `\t\t'help:show a list of commands or help for one command'`,
    "\t)",
    "\t_describe command commands",
    "}",
    "",
    "_dunc() {",
    "\tlocal state line",
    "\ttypeset -A opt_args",
    "\t_arguments -C \\",
    ...shown(globals).flatMap(zshFlags).map((row) => `\t\t${row} \\`),
    "\t\t'1:command:_dunc_commands' '*::argument:->arguments'",
    "\t[[ $state == arguments ]] || return",
    "\tcase $line[1] in",
    ...commands.flatMap((command) => {
      const first = firstArgument(command);
      const argument = first === "containers"
        ? " '1:container:_dunc_containers'"
        : first.length > 0
        ? ` '1:word:(${first.join(" ")})'`
        : "";
      return [
        `\t${command.name})`,
        "\t\t_arguments \\",
        ...flagsOf(command).flatMap(zshFlags).map((row) => `\t\t\t${row} \\`),
        `\t\t\t${argument.trim() === "" ? "'*:argument:'" : argument.trim()}`,
        "\t\t;;",
      ];
    }),
    "\thelp) _arguments '1:command:_dunc_commands' ;;",
    "\tesac",
    "}",
    "",
    'if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _dunc "$@"; else compdef _dunc dunc; fi',
    "",
  ].join("\n");
}

function zshFlags(flag: Flag): string[] {
  const help = flag.help.replaceAll(/[[\]]/g, "").replaceAll(":", "\\:");
  const choices = choicesOf(flag);
  const action = takesFile(flag) ? "_files" : choices.length > 0 ? `(${choices.join(" ")})` : "";
  const value = flag.kind === "bool" ? "" : `:${(flag.value ?? "value").replaceAll(":", "\\:")}:${action}`;
  const many = flag.kind === "strings" || flag.kind === "ints" ? "*" : "";
  return [`--${flag.name}`, ...(flag.alias === undefined ? [] : [`-${flag.alias}`])]
    .map((name) => quoted(`${many}${name}${value === "" || name.length === 2 ? "" : "="}[${help}]${value}`));
}

/** fish: `dunc completion fish | source`, or the text in ~/.config/fish/completions/dunc.fish. */
export function fishCompletion(commands: readonly Command[], globals: readonly Flag[]): string {
  const names = [...commands.map(({ name }) => name), "help"].join(" ");
  const none = `not __fish_seen_subcommand_from ${names}`;
  const lines = [
    `# fish completion of dunc, ${HEAD}.`,
    "function __dunc_containers",
    "\tset -l root (string match -rg -- '--root[= ](\\S+)' (commandline -pc))",
    "\tcommand dunc (test -n \"$root[1]\"; and printf '%s\\n' --root $root[1]) list -q 2>/dev/null",
    "end",
    "complete -c dunc -f",
    ...shown(globals).map((flag) => fishFlag(none, flag)),
    ...commands.map(({ name, usage }) =>
      `complete -c dunc -n ${quoted(none)} -a ${name} -d ${quoted(usage)}`
    ),
    `complete -c dunc -n ${quoted(none)} -a help -d 'show a list of commands or help for one command'`,
  ];
  for (const command of commands) {
    const here = `__fish_seen_subcommand_from ${command.name}`;
    const first = firstArgument(command);
    if (first === "containers") lines.push(`complete -c dunc -n ${quoted(here)} -a '(__dunc_containers)'`);
    else if (first.length > 0) {
      lines.push(`complete -c dunc -n ${quoted(here)} -a ${quoted(first.join(" "))}`);
    }
    lines.push(...flagsOf(command).map((flag) => fishFlag(here, flag)));
  }
  return `${lines.join("\n")}\n`;
}

function fishFlag(condition: string, flag: Flag): string {
  const choices = choicesOf(flag);
  const value = flag.kind === "bool"
    ? ""
    : takesFile(flag)
    ? " -r -F"
    : choices.length > 0
    ? ` -x -a ${quoted(choices.join(" "))}`
    : " -x";
  const alias = flag.alias === undefined ? "" : ` -s ${flag.alias}`;
  return `complete -c dunc -n ${quoted(condition)} -l ${flag.name}${alias}${value} -d ${quoted(flag.help)}`;
}
