import type { CreationPlans } from "./creation.ts";
import { encodePlan } from "./encode.ts";
import { fnv32, type KeptIdentity, sealed } from "./kept.ts";
import type { Plan } from "./plan.ts";

/** c/kept.h: `struct kept_creation`. */
const CREATION_BYTES = 360;
const HEAD_BYTES = 248;
const CREATION_LIMIT = 524288;
const CREATIONS = 16;

/** The holes of a text, told apart by the letter behind each DEL: no config.json that has a DEL in it is kept. */
export const HOLES = {
  id:
    "\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI\x7fI",
  created: "\x7fC\x7fC\x7fC\x7fC\x7fC\x7fC\x7fC\x7fC\x7fC\x7fC\x7fC\x7fC",
  incarnation: "\x7fN\x7fN\x7fN\x7fN\x7fN\x7fN\x7fN\x7fN\x7fN\x7fN\x7fN\x7fN\x7fN\x7fN\x7fN\x7fN",
  /** Digits, because a record holds numbers; as bytes of an operation they hold 0xff, which no UTF-8 text does. */
  pid: 0x7fffff01,
  startTime: 0x1fffffffffff01,
} as const;

/** enum kept_hole. */
const [ID, CREATED, INCARNATION, PID, START_TIME, PID_NUMBER, START_TIME_NUMBER] = [0, 1, 2, 3, 4, 5, 6];

/** Whether a text may be part of a kept creation: it must not look as if it had holes. */
export function isHoleless(text: string): boolean {
  return !text.includes("\x7f") && !text.includes(`${HOLES.pid}`) && !text.includes(`${HOLES.startTime}`);
}

/** A creation that went well, made once more of the same request with holes for what differs. */
export interface KeptCreation {
  /** Whether the container waits for `start`: `create`, not `run`. */
  readonly barrier: boolean;
  /** Whether the master of a terminal comes to the runtime, which cannot detach then. */
  readonly terminal: boolean;
  /** The bundle's folder, and the text of its config.json. */
  readonly bundle: string;
  readonly config: string;
  /** root.path as it is followed, and what is there: device and inode. */
  readonly rootfs: string;
  readonly rootfsIdentity: readonly [bigint, bigint];
  /** Cgroups as /proc/self/cgroup and /proc/self/mountinfo show them. */
  readonly layout: string;
  readonly host: CreationPlans;
  readonly init: Plan;
  /** The file of kept plans that `host.after` holds. */
  readonly verbs: Uint8Array;
}

/** Its name in the folder of kept creations: one of sixteen, by the hash of its key. */
export function creationName(bundle: string, config: string, barrier: boolean): string {
  const encoder = new TextEncoder();
  const hash = fnv32(encoder.encode(config)) ^ fnv32(encoder.encode(bundle)) ^ Number(barrier);
  return `${(hash >>> 0) % CREATIONS}`.padStart(2, "0");
}

/** The file of a kept creation; undefined where it cannot be one: too large, or without the plan that deletes. */
export function encodeCreation(
  creation: KeptCreation,
  identity: Omit<KeptIdentity, "id" | "incarnation">,
): Uint8Array<ArrayBuffer> | undefined {
  const encoder = new TextEncoder();
  const { host, init, verbs } = creation;
  const text = (value: string) => encoder.encode(`${value}\0`);
  const config = encoder.encode(creation.config);
  const layout = encoder.encode(creation.layout);
  const after = encodePlan(host.after);
  const parts = [
    config,
    layout,
    encodePlan(host.before),
    encodePlan(host.undo),
    new Uint8Array(new Uint32Array(host.skips).buffer),
    encodePlan(init),
    after,
  ];
  const file = new Parts(CREATION_BYTES);
  const [configAt, layoutAt, beforeAt, undoAt, skipsAt, initAt, afterAt] = parts.map((part) =>
    file.add(part)
  );
  const bundleAt = file.add(text(creation.bundle));
  const rootfsAt = file.add(text(creation.rootfs));
  const verbsAt = afterAt! + indexOfBytes(after, verbs);
  const at = { beforeAt: beforeAt!, afterAt: afterAt!, afterEnd: afterAt! + after.length };
  const scanned = file.finish();
  const holes = findHoles(scanned, at.beforeAt, at.afterEnd)
    .concat(findNumbers(scanned, verbsAt, verbsAt + verbs.length))
    .sort((a, b) => b.at - a.at);
  const first = patchBytes(holes.filter(({ at }) => at < afterAt!));
  const last = patchBytes(holes.filter(({ at }) => at >= afterAt!));
  const firstAt = file.add(first);
  const lastAt = file.add(last);
  file.add(new Uint8Array(8));
  const out = file.finish();
  const view = new DataView(out.buffer);
  const [device, inode] = creation.rootfsIdentity;
  view.setBigUint64(HEAD_BYTES, device, true);
  view.setBigUint64(HEAD_BYTES + 8, inode, true);
  [Number(creation.barrier) | (creation.terminal ? 2 : 0), bundleAt, rootfsAt, HOLES.id.length].forEach((
    value,
    index,
  ) => view.setUint32(HEAD_BYTES + 16 + index * 4, value, true));
  const sizes = parts.map((part) => part.length);
  const refs: (readonly [number, number])[] = [
    [configAt!, sizes[0]!],
    [layoutAt!, sizes[1]!],
    [beforeAt!, sizes[2]!],
    [undoAt!, sizes[3]!],
    [skipsAt!, sizes[4]!],
    [initAt!, sizes[5]!],
    [afterAt!, sizes[6]!],
    [verbsAt, verbs.length],
    [firstAt, first.length],
    [lastAt, last.length],
  ];
  refs.forEach(([where, size], index) => {
    view.setUint32(HEAD_BYTES + 32 + index * 8, where, true);
    view.setUint32(HEAD_BYTES + 36 + index * 8, size, true);
  });
  return sealed(out, "duncmake", { ...identity, id: "", incarnation: "" }, CREATION_LIMIT);
}

/** Pieces of a file, each at a multiple of 8. */
class Parts {
  #pieces: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  #end: number;

  constructor(start: number) {
    this.#end = start;
  }

  add(bytes: Uint8Array): number {
    const at = this.#end;
    this.#pieces.push({ at, bytes });
    this.#end = Math.ceil((at + bytes.length) / 8) * 8;
    return at;
  }

  finish(): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(this.#end);
    for (const { at, bytes } of this.#pieces) out.set(bytes, at);
    return out;
  }
}

interface Hole {
  readonly at: number;
  readonly hole: number;
}

/** Text holes between two places. */
function findHoles(bytes: Uint8Array, from: number, to: number): Hole[] {
  const encoder = new TextEncoder();
  const texts: [number, Uint8Array][] = [
    [ID, encoder.encode(HOLES.id)],
    [CREATED, encoder.encode(HOLES.created)],
    [INCARNATION, encoder.encode(HOLES.incarnation)],
    [PID, encoder.encode(`${HOLES.pid}`)],
    [START_TIME, encoder.encode(`${HOLES.startTime}`)],
  ];
  const holes: Hole[] = [];
  for (const [hole, text] of texts) {
    for (let at = from; (at = bytes.indexOf(text[0]!, at)) >= 0 && at < to;) {
      const found = holds(bytes, at, text);
      if (found) holes.push({ at, hole });
      at += found ? text.length : 1;
    }
  }
  return holes;
}

/** The holes in fields of operations. */
function findNumbers(bytes: Uint8Array, from: number, to: number): Hole[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const holes: Hole[] = [];
  for (let at = from; at + 8 <= to; at += 4) {
    if (view.getUint32(at, true) === HOLES.pid) holes.push({ at, hole: PID_NUMBER });
    if (at % 8 === 0 && view.getBigUint64(at, true) === BigInt(HOLES.startTime)) {
      holes.push({ at, hole: START_TIME_NUMBER });
    }
  }
  return holes;
}

function holds(bytes: Uint8Array, at: number, text: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
  return true;
}

function indexOfBytes(bytes: Uint8Array, part: Uint8Array): number {
  for (let at = 0; at + part.length <= bytes.length; at += 8) if (holds(bytes, at, part)) return at;
  throw new TypeError("Cannot find the kept plans in the plan that writes them");
}

function patchBytes(holes: readonly Hole[]): Uint8Array {
  const words = new Uint32Array(holes.length * 2);
  holes.forEach(({ at, hole }, index) => words.set([at, hole], index * 2));
  return new Uint8Array(words.buffer);
}
