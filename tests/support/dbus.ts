/** The wire format of D-Bus (its specification, "Message Protocol"), little-endian, apart from libsystemd. */

/** A decoded value: integers that fit 32 bits are numbers, larger types bigint; a variant keeps its signature. */
export type Value = string | number | bigint | boolean | Variant | readonly Value[];

export interface Variant {
  readonly signature: string;
  readonly value: Value;
}

export interface Message {
  readonly type: "call" | "return" | "error" | "signal";
  readonly serial: number;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly destination: string;
  readonly signature: string;
  readonly body: readonly Value[];
}

const TYPES = ["call", "return", "error", "signal"] as const;
const FIELDS = {
  path: 1,
  interface: 2,
  member: 3,
  errorName: 4,
  replySerial: 5,
  destination: 6,
  sender: 7,
  signature: 8,
};

/** How a value of a type is aligned. */
function alignment(type: string): number {
  if ("ygv".includes(type[0]!)) return 1;
  if ("nq".includes(type[0]!)) return 2;
  return "xtd({".includes(type[0]!) ? 8 : 4;
}

/** The complete types of a signature. */
function split(signature: string): string[] {
  const types: string[] = [];
  let start = 0;
  for (let at = 0, depth = 0; at < signature.length; at++) {
    if ("({".includes(signature[at]!)) depth++;
    if (")}".includes(signature[at]!)) depth--;
    if (depth > 0 || signature[at] === "a") continue;
    types.push(signature.slice(start, at + 1));
    start = at + 1;
  }
  return types;
}

class Reader {
  at = 0;
  readonly #view: DataView;
  constructor(readonly bytes: Uint8Array<ArrayBuffer>) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  align(size: number): void {
    while (this.at % size !== 0) {
      if (this.bytes[this.at] !== 0) throw new Error(`padding at ${this.at} is not zero`);
      this.at++;
    }
  }

  u8(): number {
    return this.bytes[this.at++]!;
  }

  u32(): number {
    this.align(4);
    this.at += 4;
    return this.#view.getUint32(this.at - 4, true);
  }

  text(length: number): string {
    const text = new TextDecoder().decode(this.bytes.subarray(this.at, this.at + length));
    this.at += length;
    if (this.u8() !== 0) throw new Error("a text without its zero");
    return text;
  }

  value(type: string): Value {
    this.align(alignment(type));
    switch (type[0]) {
      case "y":
        return this.u8();
      case "b":
        return this.u32() !== 0;
      case "q":
      case "n":
        this.at += 2;
        return type === "q"
          ? this.#view.getUint16(this.at - 2, true)
          : this.#view.getInt16(this.at - 2, true);
      case "u":
        return this.u32();
      case "i":
        return this.u32() | 0;
      case "t":
      case "x":
        this.at += 8;
        return type === "t"
          ? this.#view.getBigUint64(this.at - 8, true)
          : this.#view.getBigInt64(this.at - 8, true);
      case "d":
        this.at += 8;
        return this.#view.getFloat64(this.at - 8, true);
      case "s":
      case "o":
        return this.text(this.u32());
      case "g":
        return this.text(this.u8());
      case "v": {
        const signature = this.text(this.u8());
        return { signature, value: this.value(signature) };
      }
      case "(":
        return split(type.slice(1, -1)).map((each) => this.value(each));
      case "a": {
        const length = this.u32();
        this.align(alignment(type.slice(1)));
        const end = this.at + length;
        const values: Value[] = [];
        while (this.at < end) values.push(this.value(type.slice(1)));
        if (this.at !== end) throw new Error("an array longer than it says");
        return values;
      }
    }
    throw new Error(`no D-Bus type: ${type}`);
  }
}

/** The first message in these bytes, and its length; undefined when it is not all there yet. */
export function decodeMessage(
  bytes: Uint8Array<ArrayBuffer>,
): { message: Message; length: number } | undefined {
  if (bytes.length < 16) return undefined;
  const reader = new Reader(bytes);
  if (reader.u8() !== 0x6c) throw new Error("not little-endian");
  const type = TYPES[reader.u8() - 1]!;
  reader.at += 2;
  const bodyLength = reader.u32();
  const serial = reader.u32();
  const fieldsLength = new DataView(bytes.buffer, bytes.byteOffset).getUint32(12, true);
  const bodyStart = (16 + fieldsLength + 7) & ~7;
  if (bytes.length < bodyStart + bodyLength) return undefined;
  const fields = new Map(
    (reader.value("a(yv)") as [number, Variant][]).map(([key, { value }]) => [key, value]),
  );
  reader.align(8);
  const signature = (fields.get(FIELDS.signature) ?? "") as string;
  const body = split(signature).map((each) => reader.value(each));
  if (reader.at !== bodyStart + bodyLength) throw new Error("a body longer than it says");
  const text = (key: number) => (fields.get(key) ?? "") as string;
  return {
    message: {
      type,
      serial,
      path: text(FIELDS.path),
      interface: text(FIELDS.interface),
      member: text(FIELDS.member),
      destination: text(FIELDS.destination),
      signature,
      body,
    },
    length: reader.at,
  };
}

class Writer {
  readonly bytes: number[] = [];

  align(size: number): void {
    while (this.bytes.length % size !== 0) this.bytes.push(0);
  }

  u32(value: number): void {
    this.align(4);
    this.bytes.push(value & 255, value >> 8 & 255, value >> 16 & 255, value >>> 24);
  }

  text(value: string): void {
    this.bytes.push(...new TextEncoder().encode(value), 0);
  }

  value(type: string, value: Value): void {
    if (type === "u") this.u32(value as number);
    else if (type === "s" || type === "o") {
      this.u32(new TextEncoder().encode(value as string).length);
      this.text(value as string);
    } else if (type === "g") {
      this.bytes.push((value as string).length);
      this.text(value as string);
    } else if (type === "v") {
      const variant = value as Variant;
      this.value("g", variant.signature);
      this.value(variant.signature, variant.value);
    } else throw new Error(`this end does not write type ${type}`);
  }
}

/** What this end says: an answer, an error or a signal. */
export interface Saying {
  readonly type: Message["type"];
  readonly fields: Partial<Record<keyof typeof FIELDS, Variant>>;
  readonly signature: string;
  readonly body: readonly Value[];
}

/** The bytes of a message. */
export function encodeMessage(
  serial: number,
  { type, fields, signature, body }: Saying,
): Uint8Array<ArrayBuffer> {
  const content = new Writer();
  split(signature).forEach((each, index) => content.value(each, body[index]!));
  const list = new Writer();
  const all = signature === "" ? fields : { ...fields, signature: { signature: "g", value: signature } };
  for (const [name, variant] of Object.entries(all)) {
    list.align(8);
    list.bytes.push(FIELDS[name as keyof typeof FIELDS]);
    list.value("v", variant);
  }
  const head = new Writer();
  head.bytes.push(0x6c, TYPES.indexOf(type) + 1, 0, 1);
  head.u32(content.bytes.length);
  head.u32(serial);
  head.u32(list.bytes.length);
  head.bytes.push(...list.bytes);
  head.align(8);
  return Uint8Array.from([...head.bytes, ...content.bytes]);
}
