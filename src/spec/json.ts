import { originText, SpecError, type SpecIssue } from "../errors.ts";
import { JsonScanner } from "./json_scanner.ts";

/**
 * Parse JSON without losing digits: a whole number that a double cannot hold exactly becomes a bigint, every other
 * value is what JSON.parse makes of it.
 *
 * Throws SpecError with line and column for a text that is no JSON (RFC 8259).
 */
export function parseJson(text: string, name: string): unknown {
  try {
    // Sixteen digits in a row are the shortest that may be inexact; hardly any document has them.
    return /\d{16}/.test(text)
      ? JSON.parse(text, exactNumber as (key: string, value: unknown) => unknown)
      : JSON.parse(text);
  } catch (error) {
    // RangeError: the stack is not deep enough for the document.
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
    const fault = new JsonScanner(text).scan() ?? { at: text.length, message: "not JSON" };
    const message = `${name}: ${positionText(text, fault.at)}: ${fault.message}`;
    throw new SpecError([{ path: "", message }]);
  }
}

function exactNumber(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  return /^-?\d+$/.test(context.source ?? "") ? BigInt(context.source!) : value;
}

/**
 * Keys that an object of a JSON text holds more than once, each with its path and the position of the later one. The
 * last one counts (as in Go), which is hardly what somebody who wrote both means. Empty for a text that is no JSON.
 * Reads the text once more, character by character: for a `--debug` or a checker, not for every command.
 */
export function duplicateKeys(text: string): SpecIssue[] {
  const scanner = new JsonScanner(text);
  if (scanner.scan() !== undefined) return [];
  return scanner.duplicates.map(({ origin, at }) => ({
    path: originText(origin),
    message: `stands in its object twice, again at ${positionText(text, at)}: the last one counts`,
  }));
}

function positionText(text: string, at: number): string {
  const before = text.slice(0, at);
  const line = before.split("\n").length;
  return `line ${line}, column ${at - before.lastIndexOf("\n")}`;
}
