/** What a call of a runtime comes to, with everything left out that no two calls have in common. */
import { call, type Outcome } from "./command.ts";
import type { Runtime } from "./runtime.ts";

/** What is compared. */
export const ASPECTS = ["code", "stdout", "form", "message", "state", "files"] as const;
export type Aspect = typeof ASPECTS[number];

/**
 * `text`: all of it. `json`: the keys, in their order, and the types of the values. `help`: the first line, the
 * command's name and the flags; `usage`: without the flags. `table`: the first line, and of the others how many words they have. `none`: nothing.
 */
export type Shape = "text" | "json" | "help" | "usage" | "table" | "version" | "none";

/** An error: what it is nested in, and what it says. */
export interface Message {
  readonly chain: string;
  readonly text: string;
}

export interface Seen {
  readonly code: number;
  readonly stdout: unknown;
  /** The kinds of lines that standard error and the log file have. */
  readonly form: { readonly stderr: readonly string[]; readonly log: readonly string[] };
  readonly message: readonly Message[];
  /** The status of every container of the root folder. */
  readonly state: Readonly<Record<string, unknown>>;
  /** Files in the directory of the call, and what they hold. */
  readonly files: Readonly<Record<string, unknown>>;
}

/** The ways of logging that steps take turns with. */
export function logForms(file: string): readonly (readonly string[])[] {
  return [
    [],
    ["--log", file, "--log-format", "json"],
    ["--log", file],
    ["--log-format", "json"],
  ];
}

interface Place {
  readonly runtime: Runtime;
  readonly id: string;
  readonly here: string;
  readonly bundle: { readonly path: string };
  readonly words: readonly string[];
  readonly logFile: string;
  readonly shape: Shape;
}

export async function see(outcome: Outcome, place: Place): Promise<Seen> {
  const { runtime, id, here, bundle, logFile, shape } = place;
  const plain = (text: string) =>
    text.replaceAll(id, "ID").replaceAll(here, "HERE").replaceAll(bundle.path, "BUNDLE")
      .replaceAll(runtime.root, "ROOT").replaceAll(runtime.path, runtime.name)
      .replaceAll(/\b[rd]unc\b/g, "RUNTIME")
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, "TIME");
  const stderr = outcome.stderr.split("\n").filter((line) => line !== "").map(readLine);
  const log = linesOf(logFile).map(readLine);
  const kinds = (lines: readonly Line[]) =>
    lines.filter(({ level }) => isError(level)).map(({ kind }) => kind);
  // An error goes into the log and onto standard error: it is one message.
  const said = [...log, ...stderr].filter(({ level }) => isError(level)).map(({ text }) =>
    plain(text).trim()
  );
  return {
    code: outcome.code,
    stdout: shaped(plain(outcome.stdout), shape),
    form: { stderr: kinds(stderr), log: kinds(log) },
    message: [...new Set(said)].map(parted),
    state: await containers(runtime, plain),
    files: filesOf(here, plain),
  };
}

interface Line {
  readonly kind: "plain" | "text record" | "json record";
  /** Of a plain line none is known. */
  readonly level: string | undefined;
  readonly text: string;
}

const isError = (level: string | undefined) => level === undefined || level === "error" || level === "fatal";

/** Read one line: logrus's text form, its JSON form, or neither. A record without a valid time is no record. */
function readLine(line: string): Line {
  const text = /^time="([^"]+)" level=(\w+) msg=("(?:[^"\\]|\\.)*"|\S+)/.exec(line);
  if (text !== null && isTime(text[1]!)) {
    const message = text[3]!.startsWith('"') ? JSON.parse(text[3]!) : text[3]!;
    return { kind: "text record", level: text[2]!, text: message };
  }
  try {
    const { level, msg, time } = JSON.parse(line);
    if (isTime(time)) return { kind: "json record", level, text: msg };
  } catch { /* It is no record. */ }
  return { kind: "plain", level: undefined, text: line };
}

const isTime = (text: string) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$/.test(text);

/** What runc nests errors in. */
const CHAIN =
  /^(RUNTIME (?:create|run) failed: |exec failed: )?(unable to start container process: )?(error during container init: )?(?:RUNTIME: )?/;

function parted(message: string): Message {
  const chain = CHAIN.exec(message)![0];
  return { chain, text: message.slice(chain.length) };
}

function shaped(text: string, shape: Shape): unknown {
  switch (shape) {
    case "text":
      return text;
    case "none":
      return undefined;
    case "json":
      return text === "" ? "" : typesOf(JSON.parse(text));
    case "version":
      return text.trim().split("\n").map((line) => line.replace(/: .*|version .*/, "")).slice(0, 3);
    case "help":
    case "usage": {
      const lines = text.split("\n");
      // Of each command's help, what stands behind OPTIONS; runc 1.5 lists --help there as well.
      const options = text.slice(text.lastIndexOf("OPTIONS:"));
      const flags = [...options.matchAll(/^ +--([a-z0-9-]+)/gm)].map((match) => match[1]!)
        .filter((flag) => flag !== "help");
      return {
        first: lines[0],
        name: /^NAME:\n +(RUNTIME(?: [a-z]+)? - )/m.exec(text)?.[1],
        usage: /^USAGE:\n +(RUNTIME [a-z]*)/m.exec(text)?.[1],
        ...(shape === "help" ? { flags: flags.sort() } : {}),
      };
    }
    case "table": {
      const [head, ...rows] = text.trimEnd().split("\n");
      return { head: head?.split(/\s+/), rows: rows.map((row) => row.trim().split(/\s+/).length) };
    }
  }
}

/** The keys of a document in their order, with the types of what they hold. Numbers may be left out. */
function typesOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [typesOf(value[0])];
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, typesOf(inner)]));
}

/** Every container of the root folder, as `state` shows it. */
async function containers(
  runtime: Runtime,
  plain: (text: string) => string,
): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const id of runtime.ids()) {
    const { code, stdout } = await call(runtime.command("state", id));
    if (code !== 0) {
      found[plain(id)] = "no state";
      continue;
    }
    const { ociVersion: _, rootfs: __, created: ___, pid, ...rest } = JSON.parse(plain(stdout));
    found[plain(id)] = { keys: Object.keys(JSON.parse(stdout)), alive: pid > 0, ...rest };
  }
  return found;
}

function filesOf(folder: string, plain: (text: string) => string): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const { name, isFile } of [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1)) {
    if (name === "log") continue;
    if (!isFile) {
      found[name] = "no file";
      continue;
    }
    const text = plain(Deno.readTextFileSync(`${folder}/${name}`)).replace(/"ociVersion": ".*"/, "");
    const { mode } = Deno.statSync(`${folder}/${name}`);
    found[name] = [(mode! & 0o777).toString(8), /^\d+$/.test(text) ? "a number" : text];
  }
  return found;
}

function linesOf(path: string): string[] {
  try {
    return Deno.readTextFileSync(path).split("\n").filter((line) => line !== "");
  } catch {
    return [];
  }
}
