/** One flag of the command line. */
export interface Flag {
  readonly name: string;
  readonly alias?: string;
  /**
   * `strings` and `ints` may be given several times; a comma does not separate. A `duration` is written as in Go:
   * `1m30s`.
   */
  readonly kind: "bool" | "string" | "strings" | "int" | "ints" | "duration";
  /** What the value is called in help texts. */
  readonly value?: string;
  readonly help: string;
  readonly default?: string;
  /** Accepted, but in no help text: flags that runc keeps for old callers. */
  readonly hidden?: true;
}

/** One command: the only place that knows its flags, its help and its page in the manual. */
export interface Command {
  readonly name: string;
  readonly usage: string;
  /** How its arguments are written in help texts. */
  readonly args: string;
  readonly minArgs: number;
  /** Most arguments; none for no limit. */
  readonly maxArgs?: number;
  /** What follows the first argument is the command's own, flags or not: `exec ID sh -c x`. */
  readonly stopsAtArgument?: true;
  readonly description?: string;
  readonly flags: readonly Flag[];
  /** Exit code of a failure, when it is not 1. */
  readonly failureCode?: number;
  /** Words before the message of a failure, as in `create failed`. */
  readonly failurePrefix?: string;
  /** The command's code, loaded when it is called. */
  readonly load: () => Promise<{ readonly run: (call: Call) => number | Promise<number> }>;
}

/** The values of flags, by name. */
export interface FlagValues {
  bool(name: string): boolean;
  string(name: string): string | undefined;
  strings(name: string): readonly string[];
  /** Throws UsageError for a text that is no whole number. */
  int(name: string): number | undefined;
  has(name: string): boolean;
}

/** A command line as its command gets it. */
export interface Call {
  readonly args: readonly string[];
  readonly flags: FlagValues;
  readonly globals: FlagValues;
  readonly runtime: import("../container/options.ts").Runtime;
  /** Write to standard output; false when its reader is gone. */
  readonly print: (text: string) => boolean;
  /** Write a line to standard error. */
  readonly complain: (line: string) => void;
}

/** The flags that stand before the command, and after it where the command has none of that name. */
export const GLOBAL_FLAGS: readonly Flag[] = [
  { name: "debug", kind: "bool", help: "enable debug logging" },
  {
    name: "log",
    kind: "string",
    value: "FILE",
    help: "set the log file to write dunc logs to (default is stderr)",
  },
  {
    name: "log-format",
    kind: "string",
    value: "FORMAT",
    default: "text",
    help: 'log format ("text" or "json")',
  },
  {
    name: "root",
    kind: "string",
    value: "DIR",
    help: "root directory for storage of container state (default /run/dunc, or $XDG_RUNTIME_DIR/dunc)",
  },
  {
    name: "systemd-cgroup",
    kind: "bool",
    help: "use systemd for cgroups; cgroupsPath is slice:prefix:name then",
  },
  {
    name: "cgroup-manager",
    kind: "string",
    value: "MANAGER",
    help: "how cgroups are made: cgroupfs, systemd or disabled",
  },
  {
    name: "rootless",
    kind: "string",
    value: "BOOL",
    default: "auto",
    help: "ignore cgroup permission errors (true, false or auto)",
  },
  { name: "criu", kind: "string", value: "PATH", help: "ignored", hidden: true },
  { name: "version", alias: "v", kind: "bool", help: "print the version" },
  { name: "help", alias: "h", kind: "bool", help: "show help" },
];
