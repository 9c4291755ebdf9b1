import { PLAN_ABI } from "./abi.gen.ts";
import type { Plan } from "./plan.ts";
import { checkSafety } from "./safety.ts";
import {
  type FieldLayout,
  HEADER_BYTES,
  layoutOf,
  MAGIC,
  type Op,
  type OpName,
  OPS,
  SLOT_NONE,
} from "./schema.ts";

interface Row {
  readonly code: number;
  readonly size: number;
  readonly fields: readonly FieldLayout[];
}

/**
 * Encode a plan: header, operations, then strings, vectors and blobs. Every reference is an offset from the first
 * byte, 0 is none, and the last byte is NUL.
 *
 * Throws TypeError for a string that holds a NUL: such a string cannot reach a system call whole; and for a plan that
 * is not safe (safety.ts).
 */
export function encodePlan(plan: Plan): Uint8Array<ArrayBuffer> {
  checkSafety(plan);
  const rows = rowsOf(plan);
  let at = HEADER_BYTES;
  for (const row of rows) at += row.size;
  const out = new Writer(at, plan);
  out.u32(0, MAGIC);
  out.u64(8, PLAN_ABI);
  out.u32(16, plan.steps.length);
  out.u32(20, plan.slots.length);
  out.u32(24, plan.given);
  out.u32(28, plan.ownWalk === true ? 1 : 0);
  at = HEADER_BYTES;
  for (let i = 0; i < rows.length; i++) {
    const { code, size, fields } = rows[i]!;
    const step = plan.steps[i]!;
    out.u32(at, code);
    out.u32(at + 4, size);
    const tolerate = step.tolerate ?? [];
    for (let j = 0; j < tolerate.length; j++) out.bytes[at + 8 + j] = tolerate[j]!;
    out.u32(at + 12, step.skip ?? 0);
    for (const field of fields) out.field(at + field.offset, field.type, valueOf(step.op, field.field));
    at += size;
  }
  return out.finish();
}

function rowsOf(plan: Plan): Row[] {
  const cache = new Map<OpName, Row>();
  const codes = Object.keys(OPS);
  return plan.steps.map(({ op }) => {
    let row = cache.get(op.op);
    if (row === undefined) {
      row = { code: codes.indexOf(op.op) + 1, ...layoutOf(op.op) };
      cache.set(op.op, row);
    }
    return row;
  });
}

function valueOf(op: Op, field: string): unknown {
  return (op as unknown as Record<string, unknown>)[field];
}

/** Bytes that grow: the fixed part is `start` long, strings, vectors and blobs are appended behind it. */
class Writer {
  bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #end: number;
  #encoder = new TextEncoder();
  /** Strings are written once: paths and environments repeat. */
  #strings = new Map<string, number>();

  constructor(start: number, plan: Plan) {
    this.#end = start;
    this.bytes = new Uint8Array(start + 4096 + plan.steps.length * 32);
    this.#view = new DataView(this.bytes.buffer);
  }

  u32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  u64(at: number, value: bigint): void {
    this.#view.setBigUint64(at, value, true);
  }

  field(at: number, type: FieldLayout["type"], value: unknown): void {
    switch (type) {
      case "u32":
      case "slot":
      case "slot=":
        return this.u32(at, value as number);
      case "slot?":
        return this.u32(at, (value as number | null) ?? SLOT_NONE);
      case "u64":
        return this.u64(at, value as bigint);
      case "str":
      case "str?":
        return this.u32(at, value === null ? 0 : this.#string(value as string));
      case "strv":
        return this.u32(at, this.#vector(value as readonly string[]));
      case "blob":
        this.u32(at, this.#blob(value as Uint8Array));
        return this.u32(at + 4, (value as Uint8Array).length);
    }
  }

  finish(): Uint8Array<ArrayBuffer> {
    // A NUL of its own at the end, so that no string can run out of the plan.
    this.#align();
    this.#reserve(8);
    this.#end += 8;
    this.u32(4, this.#end);
    return this.bytes.subarray(0, this.#end);
  }

  #string(text: string): number {
    const known = this.#strings.get(text);
    if (known !== undefined) return known;
    if (text.includes("\0")) throw new TypeError(`Cannot encode ${JSON.stringify(text)}: it holds a NUL`);
    // A UTF-16 unit is at most three bytes of UTF-8.
    this.#reserve(text.length * 3 + 1);
    const at = this.#end;
    this.#end += this.#encoder.encodeInto(text, this.bytes.subarray(at)).written + 1;
    this.#strings.set(text, at);
    return at;
  }

  #vector(texts: readonly string[]): number {
    const offsets = texts.map((text) => this.#string(text));
    this.#align();
    this.#reserve((offsets.length + 1) * 8);
    const at = this.#end;
    for (let i = 0; i < offsets.length; i++) this.u32(at + i * 8, offsets[i]!);
    this.#end += (offsets.length + 1) * 8;
    return at;
  }

  #blob(blob: Uint8Array): number {
    this.#align();
    this.#reserve(blob.length);
    const at = this.#end;
    this.bytes.set(blob, at);
    this.#end += blob.length;
    return at;
  }

  #align(): void {
    this.#end = Math.ceil(this.#end / 8) * 8;
    this.#reserve(0);
  }

  #reserve(size: number): void {
    if (this.#end + size <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.#end + size));
    grown.set(this.bytes);
    this.bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
