import type { Command, Flag, FlagValues } from "./table.ts";

/** A command line that cannot be read. `command` is the one whose help fits. */
export class UsageError extends Error {
  constructor(
    message: string,
    readonly command: Command | undefined,
    readonly kind: "flag" | "arguments" | "command",
  ) {
    super(message);
    this.name = "UsageError";
  }
}

/** A command line taken apart. Without a command only global flags were given. */
export interface Invocation {
  readonly command: Command | undefined;
  readonly args: readonly string[];
  readonly flags: FlagValues;
  readonly globals: FlagValues;
  /** Help was asked for, of the command if there is one. */
  readonly help: boolean;
}

/**
 * Take a command line apart by runc's rules: long options with one dash or two, `--flag=value`, flags after arguments
 * but for commands that stop at the first, `--` and a dash before a digit end the flags, flags given again add up
 * only where that is their kind, and global flags are known behind the command too.
 *
 * Throws UsageError.
 */
export function parseArgv(
  argv: readonly string[],
  commands: readonly Command[],
  globalFlags: readonly Flag[],
): Invocation {
  const globals = new Values();
  const rest = [...argv];
  readFlags(rest, globalFlags, [], globals, undefined, true);
  const name = rest.shift();
  if (name === undefined) {
    return { command: undefined, args: [], flags: new Values(), globals, help: globals.bool("help") };
  }
  const command = commands.find((entry) => entry.name === name);
  if (name === "help" || name === "h") {
    const topic = rest[0];
    const about = topic === undefined ? undefined : commands.find((entry) => entry.name === topic);
    if (topic !== undefined && about === undefined) throw unknownCommand(topic);
    return { command: about, args: [], flags: new Values(), globals, help: true };
  }
  if (command === undefined) throw unknownCommand(name);
  const flags = new Values();
  const args = readFlags(
    rest,
    command.flags,
    globalFlags,
    flags,
    command,
    command.stopsAtArgument === true,
    globals,
  );
  const help = globals.bool("help");
  if (!help) checkCount(command, args.length);
  return { command, args, flags, globals, help };
}

function unknownCommand(name: string): UsageError {
  return new UsageError(`No help topic for '${name}'`, undefined, "command");
}

function checkCount(command: Command, count: number): void {
  const { name, minArgs, maxArgs } = command;
  const plural = (n: number) => `${n} argument${n === 1 ? "" : "s"}`;
  if (minArgs === maxArgs && count !== minArgs) {
    throw new UsageError(`"${name}" requires exactly ${minArgs} argument(s)`, command, "arguments");
  }
  if (count < minArgs) {
    throw new UsageError(`"${name}" requires a minimum of ${plural(minArgs)}`, command, "arguments");
  }
  if (maxArgs !== undefined && count > maxArgs) {
    throw new UsageError(`"${name}" requires a maximum of ${plural(maxArgs)}`, command, "arguments");
  }
}

/** Take flags off `rest`, which is left with what follows; with `stop` at the first argument, which stays in it. */
function readFlags(
  rest: string[],
  known: readonly Flag[],
  persistent: readonly Flag[],
  values: Values,
  command: Command | undefined,
  stop: boolean,
  persistentValues: Values = values,
): string[] {
  const args: string[] = [];
  while (rest.length > 0) {
    const token = rest[0]!;
    if (token === "--") {
      rest.shift();
      args.push(...rest.splice(0));
    } else if (/^--?[A-Za-z]/.test(token)) {
      rest.shift();
      readFlag(token, rest, known, persistent, values, persistentValues, command);
    } else if (command === undefined) {
      return args;
    } else {
      args.push(rest.shift()!);
      // A dash before a digit ends the flags too: `kill -9 ID` has no flag.
      if (stop || token.startsWith("-")) args.push(...rest.splice(0));
    }
  }
  return args;
}

function readFlag(
  token: string,
  rest: string[],
  known: readonly Flag[],
  persistent: readonly Flag[],
  values: Values,
  persistentValues: Values,
  command: Command | undefined,
): void {
  const [written, inline] = splitOnce(token.replace(/^--?/, ""));
  const matches = (flag: Flag) => flag.name === written || flag.alias === written;
  const own = known.find(matches);
  const flag = own ?? persistent.find(matches);
  if (flag === undefined) throw new UsageError(`flag provided but not defined: -${written}`, command, "flag");
  const into = own === undefined ? persistentValues : values;
  if (flag.kind === "bool") {
    const text = inline ?? "true";
    if (!/^(1|t|T|true|TRUE|True|0|f|F|false|FALSE|False)$/.test(text)) {
      throw new UsageError(`invalid boolean value "${text}" for -${written}`, command, "flag");
    }
    into.set(flag, /^[1tT]/.test(text) ? "true" : "false");
    return;
  }
  const value = inline ?? rest.shift();
  if (value === undefined) throw new UsageError(`flag needs an argument: -${written}`, command, "flag");
  if (flag.kind === "int" && !/^[+-]?\d+$/.test(value)) {
    throw new UsageError(`invalid value "${value}" for flag -${written}: parse error`, command, "flag");
  }
  into.set(flag, value);
}

function splitOnce(text: string): [string, string | undefined] {
  const at = text.indexOf("=");
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

class Values implements FlagValues {
  #values: Record<string, string[]> = {};

  set(flag: Flag, value: string): void {
    const list = this.#values[flag.name];
    if (flag.kind === "strings" && list !== undefined) list.push(value);
    else this.#values[flag.name] = [value];
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined;
  }

  bool(name: string): boolean {
    return this.#values[name]?.[0] === "true";
  }

  string(name: string): string | undefined {
    return this.#values[name]?.[0];
  }

  strings(name: string): readonly string[] {
    return this.#values[name] ?? [];
  }

  int(name: string): number | undefined {
    const text = this.string(name);
    return text === undefined ? undefined : Number(text);
  }
}
