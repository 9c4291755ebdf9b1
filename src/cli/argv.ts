import type { Command, Flag, FlagValues } from "./table.ts";

/** A command line that cannot be read. `command` is the one whose help fits. */
export class UsageError extends Error {
  constructor(
    message: string,
    readonly command: Command | undefined,
    readonly kind: "flag" | "arguments" | "command",
    /** The global flags, where all of them had been read: they say where the error is logged. */
    readonly globals: FlagValues,
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
 * Throws UsageError in the words of runc and of its parser.
 */
export function parseArgv(
  argv: readonly string[],
  commands: readonly Command[],
  globalFlags: readonly Flag[],
): Invocation {
  return new Reader([...argv], commands, globalFlags).read();
}

/** What Go says of a value that is not of the flag's kind; undefined for one that is. */
function faultOf(kind: Flag["kind"], value: string): string | undefined {
  if (kind === "duration") {
    const good = /^[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.test(value);
    return good ? undefined : "parse error";
  }
  if ((kind !== "int" && kind !== "ints") || /^[+-]?\d+$/.test(value)) return undefined;
  return kind === "int"
    ? "parse error"
    : `strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`;
}

/** Reads one command line, from its first word on. */
class Reader {
  readonly #globals = new Values();
  readonly #flags = new Values();
  #command: Command | undefined;

  constructor(
    /** The words that are not read yet. */
    private readonly rest: string[],
    private readonly commands: readonly Command[],
    private readonly globalFlags: readonly Flag[],
  ) {}

  read(): Invocation {
    this.#readFlags();
    const name = this.rest.shift();
    if (name === undefined) return this.#invocation([], this.#globals.bool("help"));
    if (name === "help" || name === "h") {
      const topic = this.rest[0];
      this.#command = topic === undefined ? undefined : this.#commandOf(topic);
      return this.#invocation([], true);
    }
    this.#command = this.#commandOf(name);
    const args = this.#readFlags();
    const help = this.#globals.bool("help");
    if (!help) this.#checkCount(this.#command, args.length);
    return this.#invocation(args, help);
  }

  #invocation(args: readonly string[], help: boolean): Invocation {
    return { command: this.#command, args, flags: this.#flags, globals: this.#globals, help };
  }

  #error(message: string, kind: UsageError["kind"]): UsageError {
    return new UsageError(message, this.#command, kind, this.#globals);
  }

  #commandOf(name: string): Command {
    const command = this.commands.find((entry) => entry.name === name);
    if (command === undefined) throw this.#error(`No help topic for '${name}'`, "command");
    return command;
  }

  #checkCount({ name, minArgs, maxArgs }: Command, count: number): void {
    const fault = minArgs === maxArgs && count !== minArgs
      ? `exactly ${minArgs}`
      : count < minArgs
      ? `a minimum of ${minArgs}`
      : maxArgs !== undefined && count > maxArgs
      ? `a maximum of ${maxArgs}`
      : undefined;
    if (fault !== undefined) throw this.#error(`"${name}" requires ${fault} argument(s)`, "arguments");
  }

  /** Read the flags at this point; the arguments among them, or none before the command is known. */
  #readFlags(): string[] {
    const { rest } = this;
    const stop = this.#command?.stopsAtArgument === true;
    const args: string[] = [];
    while (rest.length > 0) {
      const token = rest[0]!;
      if (token === "--") {
        rest.shift();
        args.push(...rest.splice(0));
      } else if (/^--?[A-Za-z]/.test(token)) {
        rest.shift();
        this.#readFlag(token);
      } else if (this.#command === undefined) {
        return args;
      } else {
        args.push(rest.shift()!);
        // A dash before a digit ends the flags too: `kill -9 ID` has no flag.
        if (stop || token.startsWith("-")) args.push(...rest.splice(0));
      }
    }
    return args;
  }

  #readFlag(token: string): void {
    const [written, inline] = splitOnce(token.replace(/^--?/, ""));
    const matches = (flag: Flag) => flag.name === written || flag.alias === written;
    const own = this.#command?.flags.find(matches);
    const flag = own ?? this.globalFlags.find(matches);
    if (flag === undefined) throw this.#error(`flag provided but not defined: -${written}`, "flag");
    const into = own === undefined ? this.#globals : this.#flags;
    if (flag.kind === "bool") {
      const text = inline ?? "true";
      if (!/^(1|t|T|true|TRUE|True|0|f|F|false|FALSE|False)$/.test(text)) {
        throw this.#error(`invalid boolean value "${text}" for -${written}: parse error`, "flag");
      }
      into.set(flag, /^[1tT]/.test(text) ? "true" : "false");
      return;
    }
    const value = inline ?? this.rest.shift();
    if (value === undefined) throw this.#error(`flag needs an argument: -${written}`, "flag");
    const fault = faultOf(flag.kind, value);
    if (fault !== undefined) {
      throw this.#error(`invalid value "${value}" for flag -${written}: ${fault}`, "flag");
    }
    into.set(flag, value);
  }
}

function splitOnce(text: string): [string, string | undefined] {
  const at = text.indexOf("=");
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

class Values implements FlagValues {
  #values: Record<string, string[]> = {};

  set(flag: Flag, value: string): void {
    const list = this.#values[flag.name];
    if ((flag.kind === "strings" || flag.kind === "ints") && list !== undefined) list.push(value);
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
