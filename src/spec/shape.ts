/**
 * A description of JSON as data: the shape of config.json is one literal (schema.ts), its TypeScript type is inferred
 * from the literal, and one function reads a value by it.
 *
 * A shape is
 * - a word: `string`, `boolean`, `present` (true, whatever is there), or a whole number by its range: `u16`, `u32`,
 *   `int` (signed, up to 2^53), and `u64`, `i64`, which become bigint because a number would lose digits;
 * - a list of one shape: `["string"]`;
 * - a record: `{ name: shape, "optional?": shape }`;
 * - a map with any keys: `{ "*": shape }`.
 */
export type Shape = Word | readonly [Shape] | { readonly [key: string]: Shape };

export type Word = keyof WordTypes;

interface WordTypes {
  string: string;
  boolean: boolean;
  u16: number;
  u32: number;
  int: number;
  present: true;
  u64: bigint;
  i64: bigint;
}

/** The type of the values that a shape describes. */
export type Shaped<S> = S extends Word ? WordTypes[S]
  : S extends readonly [infer E] ? readonly Shaped<E>[]
  : S extends { readonly "*": infer V } ? Readonly<Record<string, Shaped<V>>>
  :
    & { readonly [K in keyof S as K extends `${string}?` ? never : K]: Shaped<S[K]> }
    & { readonly [K in keyof S as K extends `${infer N}?` ? N : never]?: Shaped<S[K]> };

/** One fault of a value. */
export interface ShapeFault {
  readonly path: string;
  readonly message: string;
}

const RANGES: Record<string, readonly [bigint, bigint]> = {
  u16: [0n, 0xffffn],
  u32: [0n, 0xffffffffn],
  u64: [0n, 0xffffffffffffffffn],
  i64: [-0x8000000000000000n, 0x7fffffffffffffffn],
  int: [-9007199254740991n, 9007199254740991n],
};

/**
 * Read a value of JSON (whole numbers that need it as bigint) by a shape. Unknown keys are left out, as the
 * specification says ("Extensibility"); a null counts as absent where absence is allowed, as in Go. All faults are
 * found, not the first.
 */
export function readShape<const S extends Shape>(
  shape: S,
  value: unknown,
  path: string,
  faults: ShapeFault[],
): Shaped<S> {
  return read(shape, value, path, faults) as Shaped<S>;
}

function read(shape: Shape, value: unknown, path: string, faults: ShapeFault[]): unknown {
  if (typeof shape === "string") return readWord(shape, value, path, faults);
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) return fault(faults, path, "must be an array", value);
    return value.map((entry, index) => read(shape[0], entry, `${path}[${index}]`, faults));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return fault(faults, path, "must be an object", value);
  }
  const record = shape as { readonly [key: string]: Shape };
  const source = value as Record<string, unknown>;
  const any = record["*"];
  return any === undefined ? readRecord(record, source, path, faults) : readMap(any, source, path, faults);
}

function readRecord(
  shape: { readonly [key: string]: Shape },
  source: Record<string, unknown>,
  path: string,
  faults: ShapeFault[],
): unknown {
  const out: Record<string, unknown> = {};
  for (const key in shape) {
    const optional = key.endsWith("?");
    const name = optional ? key.slice(0, -1) : key;
    const entry = Object.hasOwn(source, name) ? source[name] : undefined;
    const place = path === "" ? name : `${path}.${name}`;
    if (entry !== undefined && entry !== null) out[name] = read(shape[key]!, entry, place, faults);
    else if (!optional) faults.push({ path: place, message: "is missing" });
  }
  return out;
}

function readMap(shape: Shape, source: Record<string, unknown>, path: string, faults: ShapeFault[]): unknown {
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(source)) {
    const place = /^[A-Za-z_]\w*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
    if (key.includes("\0")) faults.push({ path: place, message: "must not hold a NUL" });
    // No key of a document may become the prototype.
    Object.defineProperty(out, key, {
      value: read(shape, source[key], place, faults),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return out;
}

function readWord(word: Word, value: unknown, path: string, faults: ShapeFault[]): unknown {
  switch (word) {
    case "string":
      if (typeof value !== "string") return fault(faults, path, "must be a string", value);
      if (value.includes("\0")) return fault(faults, path, "must not hold a NUL");
      return value;
    case "boolean":
      return typeof value === "boolean" ? value : fault(faults, path, "must be a boolean", value);
    case "present":
      return true;
    default:
      return readInteger(word, value, path, faults);
  }
}

function readInteger(word: Word, value: unknown, path: string, faults: ShapeFault[]): unknown {
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    // Its digits are gone: parseJson() keeps those of plain digits only.
    return fault(faults, path, "must be written in digits alone", value);
  }
  if (typeof value !== "bigint" && !(typeof value === "number" && Number.isInteger(value))) {
    return fault(faults, path, "must be a whole number", value);
  }
  const whole = BigInt(value);
  const [low, high] = RANGES[word]!;
  if (whole < low || whole > high) return fault(faults, path, `must be from ${low} to ${high}, got ${whole}`);
  return word === "u64" || word === "i64" ? whole : Number(whole);
}

function fault(faults: ShapeFault[], path: string, message: string, value?: unknown): undefined {
  faults.push({ path, message: value === undefined ? message : `${message}, got ${typeName(value)}` });
  return undefined;
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object";
  if (typeof value === "string") return "a string";
  if (typeof value === "boolean") return "a boolean";
  return `the number ${value}`;
}
