import type { Log } from "../container/options.ts";
import { type Level, type LogOptions, recordLine } from "../log.ts";
import { ioError } from "../state/folder.ts";

/** Where records of a command go. */
export interface LogWriter extends Log {
  /** The one error of a command: into the log, and onto standard error whatever the log is. */
  fail(message: string): void;
}

/**
 * Open the log. The file is made at once, so that a caller finds it, and appended to.
 *
 * Throws ContainerError naming `--log`.
 */
export function openLog(options: LogOptions): LogWriter {
  const { file } = options;
  if (file !== undefined) append(file, "");
  const write = (level: Level, message: string): void => {
    const line = recordLine(level, message, new Date(), formatOf(options));
    if (file === undefined) writeError(`${line}\n`);
    else append(file, `${line}\n`);
  };
  return {
    debugEnabled: options.debug,
    debug: (message) => options.debug ? write("debug", message) : undefined,
    warn: (message) => write("warning", message),
    fail(message) {
      write("error", message);
      // Callers that collect standard error (podman, buildah) get it whatever the log is.
      if (file !== undefined) writeError(`${message}\n`);
    },
  };
}

function formatOf({ file, format }: LogOptions): "text" | "json" | "terminal" {
  return format === "text" && file === undefined && Deno.stderr.isTerminal() ? "terminal" : format;
}

function append(file: string, text: string): void {
  try {
    Deno.writeTextFileSync(file, text, { append: true, create: true, mode: 0o644 });
  } catch (error) {
    throw ioError(`--log: open ${file}`, "", error);
  }
}

/** Write to standard error. A reader that is gone is nobody's mistake. */
export function writeError(text: string): void {
  writeAll(Deno.stderr, text);
}

/** Write to standard output; false when its reader is gone. */
export function writeOutput(text: string): boolean {
  return writeAll(Deno.stdout, text);
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): boolean {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    return false;
  }
}
