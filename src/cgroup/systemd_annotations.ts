// Pure: no I/O in this file.
import { ContainerError } from "../errors.ts";
import type { PropertyValue, UnitProperty } from "./systemd_properties.ts";

const PREFIX = "org.systemd.property.";

/**
 * Properties that annotations `org.systemd.property.NAME` add to a container's unit. Values are GVariant text
 * (gvariant-text.html of GLib): `true`, `'text'`, `uint64 5`, `['a', 'b']`, `@as []`. Durations in systemd's own
 * `Sec` form become the `USec` properties that D-Bus has.
 *
 * @throws ContainerError for a name that is none or a value that cannot be read
 */
export function annotationProperties(annotations: Readonly<Record<string, string>>): UnitProperty[] {
  return Object.entries(annotations).filter(([key]) => key.startsWith(PREFIX)).map(([key, text]) => {
    const name = key.slice(PREFIX.length);
    if (name.length < 3) {
      throw new ContainerError(`annotation ${key} name incorrect`, { reason: "too short" });
    }
    if (!/^[A-Za-z]+$/.test(name)) {
      throw new ContainerError(`annotation ${key} name incorrect`, {
        reason: "should consist of only letters",
      });
    }
    const variant = parseVariant(text, key);
    return /[a-z]Sec$/.test(name) ? microseconds(name, variant, key, text) : { name, ...variant };
  });
}

type Variant = Pick<UnitProperty, "signature" | "value">;

function microseconds(name: string, { value }: Variant, key: string, text: string): UnitProperty {
  const usec = typeof value === "bigint" ? value * 1_000_000n : undefined;
  const rounded = typeof value === "number" ? BigInt(Math.round(value * 1e6)) : usec;
  if (rounded === undefined || rounded < 0n) throw fault(key, text, "a duration is expected");
  return { name: `${name.slice(0, -"Sec".length)}USec`, signature: "t", value: rounded };
}

/** Types by their names in GVariant text, with what integers of them may be. */
const TYPES: Readonly<Record<string, readonly [signature: string, lowest?: bigint, highest?: bigint]>> = {
  boolean: ["b"],
  byte: ["y", 0n, 255n],
  int16: ["n", -(1n << 15n), (1n << 15n) - 1n],
  uint16: ["q", 0n, (1n << 16n) - 1n],
  int32: ["i", -(1n << 31n), (1n << 31n) - 1n],
  uint32: ["u", 0n, (1n << 32n) - 1n],
  int64: ["x", -(1n << 63n), (1n << 63n) - 1n],
  uint64: ["t", 0n, (1n << 64n) - 1n],
  double: ["d"],
  string: ["s"],
  objectpath: ["o"],
  signature: ["g"],
};

function parseVariant(text: string, key: string): Variant {
  const parser = new Parser(text, key);
  const variant = parser.variant(undefined);
  parser.end();
  return variant;
}

class Parser {
  #at = 0;
  constructor(readonly text: string, readonly key: string) {}

  end(): void {
    this.#blank();
    if (this.#at < this.text.length) throw this.#fault("nothing may follow the value");
  }

  /** A value of type `wanted`, or of the type that it shows. */
  variant(wanted: string | undefined): Variant {
    const annotation = this.#take(/^@([a-z]+)\s+/)?.[1];
    const keyword = this.#take(/^([a-z]+[0-9]*)\s+(?=["'\d+.-]|true\b|false\b)/)?.[1];
    if (keyword !== undefined && TYPES[keyword] === undefined) throw this.#fault(`unknown type ${keyword}`);
    const type = annotation ?? (keyword === undefined ? wanted : TYPES[keyword]![0]);
    if (this.#take(/^\[/) !== undefined) return this.#array(type);
    const variant = this.#scalar(type);
    if (type !== undefined && variant.signature !== type) {
      throw this.#fault(`a value of type ${type} is expected`);
    }
    return variant;
  }

  #array(type: string | undefined): Variant {
    if (type !== undefined && !type.startsWith("a")) throw this.#fault(`a value of type ${type} is expected`);
    let element = type?.slice(1);
    const values: PropertyValue[] = [];
    while (this.#take(/^\]/) === undefined) {
      if (values.length > 0 && this.#take(/^,/) === undefined) throw this.#fault(`"," or "]" is expected`);
      const { signature, value } = this.variant(element);
      element = signature;
      values.push(value);
    }
    if (element === undefined) throw this.#fault("an empty array needs its type, as in @as []");
    return { signature: `a${element}`, value: values };
  }

  #scalar(type: string | undefined): Variant {
    const word = this.#take(/^(true|false)\b/)?.[1];
    if (word !== undefined) return { signature: "b", value: word === "true" };
    if (/^["']/.test(this.#rest())) {
      return { signature: type !== undefined && "sog".includes(type) ? type : "s", value: this.#string() };
    }
    const number = this.#take(
      /^[+-]?(0x[0-9a-fA-F]+|\d+\.\d*(?:e[+-]?\d+)?|\.\d+|\d+(?:e[+-]?\d+)?)(?![\w.])/,
    )?.[0];
    if (number === undefined) throw this.#fault("a value is expected");
    if (type === "d" || (type === undefined && /^[+-]?(?!0x).*[.e]/.test(number))) {
      return { signature: "d", value: Number(number) };
    }
    if (!/^[+-]?(0x[0-9a-fA-F]+|\d+)$/.test(number)) throw this.#fault("a whole number is expected");
    const magnitude = BigInt(number.replace(/^[+-]/, ""));
    const value = number.startsWith("-") ? -magnitude : magnitude;
    const [signature, lowest, highest] = Object.values(TYPES).find(([each]) => each === (type ?? "i")) ?? [];
    if (signature === undefined || lowest === undefined || highest === undefined) {
      throw this.#fault(`a value of type ${type} is expected`);
    }
    if (value < lowest || value > highest) throw this.#fault(`${number} is out of range`);
    return { signature, value };
  }

  #string(): string {
    const quoted = this.#take(/^"((?:[^"\\]|\\.)*)"|^'((?:[^'\\]|\\.)*)'/s);
    if (quoted === undefined) throw this.#fault("this string has no end");
    const escapes: Record<string, string> = {
      n: "\n",
      t: "\t",
      r: "\r",
      a: "\x07",
      b: "\b",
      f: "\f",
      v: "\v",
    };
    return (quoted[1] ?? quoted[2]!).replace(
      /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))/gs,
      (_, four?: string, eight?: string, one?: string) =>
        one === undefined ? String.fromCodePoint(parseInt((four ?? eight)!, 16)) : escapes[one] ?? one,
    );
  }

  #rest(): string {
    this.#blank();
    return this.text.slice(this.#at);
  }

  #blank(): void {
    while (/\s/.test(this.text[this.#at] ?? "")) this.#at++;
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    const match = pattern.exec(this.#rest());
    if (match === null) return undefined;
    this.#at += match[0].length;
    return match;
  }

  #fault(reason: string): ContainerError {
    return fault(this.key, this.text, reason);
  }
}

function fault(key: string, text: string, reason: string): ContainerError {
  return new ContainerError(`annotation ${key}=${text} value parse error`, { reason });
}
