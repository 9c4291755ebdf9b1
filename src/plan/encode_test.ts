import { assertEquals, assertThrows } from "@std/assert";
import { planAbi } from "./abi.ts";
import { encodePlan } from "./encode.ts";
import type { Plan, Step } from "./plan.ts";
import {
  ALIGN_OF,
  type FieldType,
  HEADER_BYTES,
  layoutOf,
  MAGIC,
  type Op,
  type OpName,
  OPS,
  SLOT_NONE,
  WIDTH_OF,
} from "./schema.ts";

const NAMES = Object.keys(OPS) as OpName[];

/** Some value of each type, different at each call. */
function sampler(): (type: FieldType) => unknown {
  let count = 1;
  return (type) => {
    const n = count++;
    switch (type) {
      case "u32":
        return 0xffff0000 + n;
      case "u64":
        return 0xffffffff00000000n + BigInt(n);
      case "str":
        return `text ${n} é\n`;
      case "str?":
        return n % 2 === 0 ? null : `maybe ${n}`;
      case "strv":
        return Array.from({ length: n % 4 }, (_, i) => `entry ${i % 2}`);
      case "blob":
        return new Uint8Array(n % 20).fill(n);
      case "slot":
      case "slot=":
        return n % 7;
      case "slot?":
        return n % 2 === 0 ? null : n % 7;
    }
  };
}

function opOf(name: OpName, sample: (type: FieldType) => unknown): Op {
  const fields = Object.entries(OPS[name]).map(([field, type]) => [field, sample(type)]);
  return Object.fromEntries([["op", name], ...fields]) as Op;
}

/** A reader of the wire format that shares no code with the encoder but the table. */
function decode(bytes: Uint8Array): Step[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const u32 = (at: number) => view.getUint32(at, true);
  const text = (at: number) => new TextDecoder().decode(bytes.subarray(at, bytes.indexOf(0, at)));
  assertEquals([u32(0), u32(4)], [MAGIC, bytes.length]);
  let at = HEADER_BYTES;
  return Array.from({ length: u32(16) }, () => {
    const name = NAMES[u32(at) - 1]!;
    const op: Record<string, unknown> = { op: name };
    for (const { field, type, offset } of layoutOf(name).fields) {
      const place = at + offset;
      const value = u32(place);
      if (type === "u64") op[field] = view.getBigUint64(place, true);
      else if (type === "str") op[field] = text(value);
      else if (type === "str?") op[field] = value === 0 ? null : text(value);
      else if (type === "slot?") op[field] = value === SLOT_NONE ? null : value;
      else if (type === "blob") op[field] = bytes.slice(value, value + u32(place + 4));
      else if (type === "strv") {
        const list: string[] = [];
        for (let entry = value; u32(entry) !== 0; entry += 8) list.push(text(u32(entry)));
        op[field] = list;
      } else op[field] = value;
    }
    const tolerate = [...bytes.subarray(at + 8, at + 12)].filter((errno) => errno !== 0);
    const step = { op: op as unknown as Op, origin: [], tolerate, skip: u32(at + 12) };
    at += u32(at + 4);
    return step;
  });
}

function planOf(steps: readonly Step[]): Plan {
  return { steps, slots: ["a", "b", "c", "d", "e", "f", "g"], given: 2 };
}

Deno.test("encodePlan() loses nothing of any operation", () => {
  const sample = sampler();
  // Several times; the clone last, after which a plan may name less (safety.ts).
  const before = NAMES.filter((name) => name !== "clone" && name !== "chdir");
  const names: OpName[] = [...before, "chdir", ...before, ...before, "clone", "clone", "clone"];
  const steps = names.map((name, index) => ({
    op: opOf(name, sample),
    origin: [],
    tolerate: Array.from({ length: index % 5 }, (_, i) => i + 1),
    skip: index % 3,
  }));
  assertEquals(decode(encodePlan(planOf(steps))), steps);
});

Deno.test("encodePlan() writes what the C side checks before anything else: abi, counts, what is given", () => {
  const bytes = encodePlan(planOf([{ op: { op: "setsid" }, origin: [] }]));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  assertEquals(view.getBigUint64(8, true), planAbi());
  assertEquals([16, 20, 24].map((at) => view.getUint32(at, true)), [1, 7, 2]);
});

Deno.test("encodePlan() ends with a NUL and aligns strings' vectors and blobs by 8", () => {
  for (const name of ["x", "xy", "long".repeat(5000)]) {
    const op: Op = { op: "execve", argv: [name, "b"], envp: [], home: 1, failures: [name] };
    const bytes = encodePlan(
      planOf([{ op: { op: "setgroups", gids: new Uint8Array(3) }, origin: [] }, { op, origin: [] }]),
    );
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    assertEquals([bytes.length % 8, bytes.at(-1)], [0, 0]);
    const second = HEADER_BYTES + layoutOf("setgroups").size;
    const fields = Object.fromEntries(layoutOf("execve").fields.map(({ field, offset }) => [field, offset]));
    assertEquals(view.getUint32(second + fields.argv!, true) % 8, 0);
    assertEquals(view.getUint32(second + fields.envp!, true) % 8, 0);
    assertEquals(view.getUint32(HEADER_BYTES + layoutOf("setgroups").fields[0]!.offset, true) % 8, 0);
  }
});

Deno.test("encodePlan() refuses a string with a NUL, which would reach the kernel cut off", () => {
  const steps: Step[] = [{ op: { op: "sethostname", name: "a\0b" }, origin: [] }];
  assertThrows(() => encodePlan(planOf(steps)), TypeError, "it holds a NUL");
});

Deno.test("encodePlan() writes an argument of a million bytes and ten thousand strings whole (CVE-2021-43784)", () => {
  const argv = ["é".repeat(500_000), ...Array.from({ length: 10_000 }, (_, i) => `argument ${i}`)];
  const op: Op = { op: "execve", argv, envp: [], home: 0, failures: [] };
  const steps = [{ op, origin: [], tolerate: [], skip: 0 }];
  assertEquals(decode(encodePlan(planOf(steps))), steps);
});

Deno.test("layoutOf() puts no field across its alignment or on top of another", () => {
  for (const name of NAMES) {
    const { fields, size } = layoutOf(name);
    let end = 16;
    for (const { type, offset } of fields) {
      assertEquals([offset >= end, offset % ALIGN_OF[type]], [true, 0], name);
      end = offset + WIDTH_OF[type];
    }
    assertEquals([size >= end, size % 8], [true, 0], name);
  }
});
