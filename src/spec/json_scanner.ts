import type { Origin } from "../errors.ts";

/** Where a text stops being JSON, and why. */
export interface JsonFault {
  readonly at: number;
  readonly message: string;
}

/**
 * Walks a text by the grammar of JSON (RFC 8259) and remembers what JSON.parse does not tell: where it ends being JSON,
 * and which keys stand twice in an object.
 */
export class JsonScanner {
  /** Each with the position of its opening quote. */
  readonly duplicates: { readonly origin: Origin; readonly at: number }[] = [];
  #at = 0;
  readonly #origin: (string | number)[] = [];
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The first fault of the text; undefined when it is JSON. */
  scan(): JsonFault | undefined {
    try {
      this.#value();
      this.#blank();
      if (this.#at < this.#text.length) this.#fail("nothing may follow the document");
    } catch (error) {
      if (error instanceof Fault) return { at: error.at, message: error.message };
      // The stack is not deep enough for the document.
      if (!(error instanceof RangeError)) throw error;
      return { at: this.#at, message: "nested too deeply" };
    }
    return undefined;
  }

  #fail(message: string): never {
    const ends = this.#at >= this.#text.length;
    throw new Fault(this.#at, ends ? `${message}, but the text ends here` : message);
  }

  #blank(): void {
    while (this.#at < this.#text.length && " \t\r\n".includes(this.#text[this.#at]!)) this.#at++;
  }

  #value(): void {
    this.#blank();
    // As long as a number may be: its digits have no limit.
    const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
    number.lastIndex = this.#at;
    const word = /^(?:true|false|null)/.exec(this.#text.slice(this.#at, this.#at + 5))?.[0] ??
      number.exec(this.#text)?.[0];
    const first = this.#text[this.#at];
    if (first === "{") this.#object();
    else if (first === "[") this.#list("]", (index) => this.#entry(index, () => this.#value()));
    else if (first === '"') this.#string();
    else if (word !== undefined) this.#at += word.length;
    else this.#fail("a value is expected");
  }

  #entry(step: string | number, read: () => void): void {
    this.#origin.push(step);
    read();
    this.#origin.pop();
  }

  #list(end: string, read: (index: number) => void): void {
    this.#at++;
    this.#blank();
    if (this.#text[this.#at] === end) {
      this.#at++;
      return;
    }
    for (let index = 0;; index++) {
      read(index);
      this.#blank();
      const next = this.#text[this.#at];
      if (next !== end && next !== ",") this.#fail(`"," or "${end}" is expected`);
      this.#at++;
      if (next === end) return;
    }
  }

  #object(): void {
    const keys = new Set<string>();
    this.#list("}", () => {
      this.#blank();
      if (this.#text[this.#at] !== '"') this.#fail("a key in double quotes is expected");
      const at = this.#at;
      this.#string();
      const key = JSON.parse(this.#text.slice(at, this.#at)) as string;
      if (keys.has(key)) this.duplicates.push({ origin: [...this.#origin, key], at });
      keys.add(key);
      this.#blank();
      if (this.#text[this.#at] !== ":") this.#fail('":" is expected');
      this.#at++;
      this.#entry(key, () => this.#value());
    });
  }

  #string(): void {
    const start = this.#at++;
    for (; this.#at < this.#text.length; this.#at++) {
      const ch = this.#text[this.#at]!;
      if (ch === '"') {
        this.#at++;
        return;
      }
      if (ch < " ") this.#fail("a control character may not stand in a string");
      if (ch === "\\") {
        const escape = /^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.exec(this.#text.slice(this.#at, this.#at + 6))
          ?.[0];
        if (escape === undefined) this.#fail("this escape is unknown");
        this.#at += escape.length - 1;
      }
    }
    this.#at = start;
    throw new Fault(start, "this string has no end");
  }
}

class Fault extends Error {
  constructor(readonly at: number, message: string) {
    super(message);
  }
}
