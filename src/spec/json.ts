import { SpecError } from "../errors.ts";

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
    const fault = findFault(text);
    throw new SpecError([{
      path: "",
      message: `${name}: ${positionText(text, fault.at)}: ${fault.message}`,
    }]);
  }
}

function exactNumber(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  return /^-?\d+$/.test(context.source ?? "") ? BigInt(context.source!) : value;
}

function positionText(text: string, at: number): string {
  const before = text.slice(0, at);
  const line = before.split("\n").length;
  return `line ${line}, column ${at - before.lastIndexOf("\n")}`;
}

/** Where a text stops being JSON, and why. For error messages: the text is known to be none. */
function findFault(text: string): { at: number; message: string } {
  const scanner = new Scanner(text);
  try {
    scanner.value();
    scanner.blank();
    if (scanner.at < text.length) scanner.fail("nothing may follow the document");
  } catch (error) {
    if (error instanceof Fault) return { at: error.at, message: error.message };
    if (!(error instanceof RangeError)) throw error;
    return { at: scanner.at, message: "nested too deeply" };
  }
  return { at: text.length, message: "not JSON" };
}

class Fault extends Error {
  constructor(readonly at: number, message: string) {
    super(message);
  }
}

class Scanner {
  at = 0;
  constructor(readonly text: string) {}

  fail(message: string): never {
    throw new Fault(this.at, this.at >= this.text.length ? `${message}, but the text ends here` : message);
  }

  blank(): void {
    while (this.at < this.text.length && " \t\r\n".includes(this.text[this.at]!)) this.at++;
  }

  value(): void {
    this.blank();
    const rest = this.text.slice(this.at, this.at + 64);
    const word = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/.exec(rest)?.[0];
    if (rest.startsWith("{")) this.list("}", () => this.member());
    else if (rest.startsWith("[")) this.list("]", () => this.value());
    else if (rest.startsWith('"')) this.string();
    else if (word !== undefined) this.at += word.length;
    else this.fail("a value is expected");
  }

  list(end: string, entry: () => void): void {
    this.at++;
    this.blank();
    if (this.text[this.at] === end) {
      this.at++;
      return;
    }
    for (;;) {
      entry();
      this.blank();
      const next = this.text[this.at];
      if (next === end) {
        this.at++;
        return;
      }
      if (next !== ",") this.fail(`"," or "${end}" is expected`);
      this.at++;
    }
  }

  member(): void {
    this.blank();
    if (this.text[this.at] !== '"') this.fail("a key in double quotes is expected");
    this.string();
    this.blank();
    if (this.text[this.at] !== ":") this.fail('":" is expected');
    this.at++;
    this.value();
  }

  string(): void {
    const start = this.at++;
    for (; this.at < this.text.length; this.at++) {
      const ch = this.text[this.at]!;
      if (ch === '"') {
        this.at++;
        return;
      }
      if (ch < " ") this.fail("a control character may not stand in a string");
      if (ch === "\\") {
        const escape = /^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.exec(this.text.slice(this.at, this.at + 6))?.[0];
        if (escape === undefined) this.fail("this escape is unknown");
        this.at += escape.length - 1;
      }
    }
    this.at = start;
    throw new Fault(start, "this string has no end");
  }
}
