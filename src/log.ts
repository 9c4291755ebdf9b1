/** How log records are written, and where to. */
export interface LogOptions {
  /** Absolute path of the file, or standard error. */
  readonly file?: string | undefined;
  readonly format: "text" | "json";
  readonly debug: boolean;
}

export type Level = "debug" | "info" | "warning" | "error";

/**
 * One log record as logrus writes it, which is what runc's callers parse: JSON with sorted keys, `key=value` text, or
 * the short form of a terminal.
 */
export function recordLine(
  level: Level,
  message: string,
  time: Date,
  format: "text" | "json" | "terminal",
): string {
  if (format === "json") return JSON.stringify({ level, msg: message, time: rfc3339(time) });
  if (format === "terminal") return `${level.slice(0, 4).toUpperCase()}[0000] ${message}`;
  return `time=${JSON.stringify(rfc3339(time))} level=${level} msg=${quoted(message)}`;
}

/** RFC 3339 in local time, to the second. */
export function rfc3339(time: Date): string {
  const offset = -time.getTimezoneOffset();
  const two = (number: number) => String(Math.floor(Math.abs(number))).padStart(2, "0");
  const local = new Date(time.getTime() + offset * 60_000).toISOString().slice(0, 19);
  return offset === 0
    ? `${local}Z`
    : `${local}${offset < 0 ? "-" : "+"}${two(offset / 60)}:${two(offset % 60)}`;
}

/** logrus quotes what is not plain, with Go's escapes; JSON's are a subset that reads the same. */
function quoted(text: string): string {
  return /^[\w.\-/@^+]+$/.test(text) ? text : JSON.stringify(text);
}
