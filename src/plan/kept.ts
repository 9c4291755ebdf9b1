import type { Freeze } from "../cgroup/freeze.ts";
import { ENOENT, ESRCH } from "../linux/constants.gen.ts";
import { encodePlan } from "./encode.ts";
import { step } from "./frame.ts";
import type { Plan, Step } from "./plan.ts";
import { KEPT_VERBS } from "./schema.ts";
import type { Target } from "./verbs.ts";

/** What the verbs of one container depend on. Known when its process is. */
export interface KeptRequest {
  readonly id: string;
  readonly target: Target;
  readonly barrier: string;
  /** The file that tells of a freeze, and the word in it that says so; none without cgroups. */
  readonly freezer?: { readonly path: string; readonly word: string } | undefined;
  /** How it is frozen; none without cgroups. */
  readonly freeze?: Freeze | undefined;
  /** The directory whose processes are the container's; none without cgroups. */
  readonly processes?: string | undefined;
  /** Directories of its cgroups, in the order of their removal. */
  readonly cgroups: readonly string[];
  /** What `state` prints, by status. */
  readonly states: Readonly<Record<"created" | "running" | "paused" | "stopped", string>>;
  /** Names that may be in its folder. */
  readonly files: readonly string[];
  /** Verbs that need more than a kept plan does: poststart hooks, another process to kill, … */
  readonly engine: readonly (typeof KEPT_VERBS[number])[];
}

/** Slots of every kept plan: the container's folder and the root folder are given, the process is found. */
const [FOLDER, ROOT, PROCESS] = [0, 1, 2];
const SLOTS = ["state folder", "--root", "process"];

const END_TIMEOUT_MS = 10_000;
const REMOVE_TIMEOUT_MS = 2_000;
/** Longer than a fork takes; what does not stop by then is the engine's, which has more patience and the words. */
const FREEZE_TIMEOUT_MS = 300;

/**
 * The plans of a container's later verbs, which the first stage carries out without starting the engine. Whatever
 * they do not foresee is a failure before the first side effect (or one that the engine finds done), and the engine
 * does the whole verb.
 */
export function keptPlans(request: KeptRequest): Partial<Record<typeof KEPT_VERBS[number], Plan>> {
  const plans: Record<typeof KEPT_VERBS[number], Step[]> = {
    state: [printState(request)],
    start: [identify(request), ...thawed(request), release(request)],
    kill: [identify(request), ...thawed(request), step({ op: "pidfd_signal", slot: PROCESS, signal: 0 }, [])],
    delete: [...end(request, [requireBarrier(request)]), ...removal(request)],
    deleteForce: [...end(request, []), ...removal(request)],
    pause: freeze(request),
    resume: thaw(request),
    psJson: request.processes === undefined
      ? []
      : [step({ op: "print_pids", directory: request.processes }, [])],
  };
  const kept = KEPT_VERBS.filter((verb) => !request.engine.includes(verb) && plans[verb].length > 0);
  return Object.fromEntries(kept.map((verb) => [verb, { steps: plans[verb], slots: SLOTS, given: 2 }]));
}

function identify({ target }: KeptRequest): Step {
  const { pid, startTime } = target;
  return step({ op: "identify_process", slot: PROCESS, pid, startTime: BigInt(startTime) }, []);
}

/** A frozen container is the engine's: it has the words, and knows when to thaw. */
function thawed({ freezer }: KeptRequest): Step[] {
  return freezer === undefined ? [] : [step({ op: "require_thawed", ...freezer }, [])];
}

/** Nothing without a freezer: the engine says so. */
function freeze(request: KeptRequest): Step[] {
  const { freeze } = request;
  if (freeze === undefined) return [];
  const { path, frozen: text, thawed: undo, state, word } = freeze;
  const again = freeze.again ? 1 : 0;
  return [
    identify(request),
    ...thawed(request),
    step({ op: "set_frozen", path, text, state, word, again, undo, timeoutMs: FREEZE_TIMEOUT_MS }, []),
  ];
}

function thaw(request: KeptRequest): Step[] {
  const { freeze, freezer } = request;
  if (freeze === undefined || freezer === undefined) return [];
  const { path, thawed: text, state } = freeze;
  return [
    identify(request),
    step({ op: "require_frozen", ...freezer }, []),
    step({ op: "set_frozen", path, text, state, word: null, again: 0, undo: null, timeoutMs: 0 }, []),
  ];
}

function release({ barrier }: KeptRequest): Step {
  return step({ op: "release_barrier", root: FOLDER, path: barrier, process: PROCESS }, []);
}

function requireBarrier({ barrier }: KeptRequest): Step {
  return step({ op: "require_entry", root: FOLDER, path: barrier }, []);
}

function printState({ target, barrier, freezer, states }: KeptRequest): Step {
  return step({
    op: "print_state",
    root: FOLDER,
    pid: target.pid,
    startTime: BigInt(target.startTime),
    freezer: freezer?.path ?? null,
    word: freezer?.word ?? "",
    barrier,
    ...states,
  }, []);
}

/** Kill the process and wait for its end; one that is gone already skips all of it. */
function end(request: KeptRequest, condition: readonly Step[]): Step[] {
  const SIGKILL = 9;
  const killing = [
    ...thawed(request),
    ...condition,
    step({ op: "pidfd_signal", slot: PROCESS, signal: SIGKILL }, []),
    step({ op: "wait_exit", slot: PROCESS, timeoutMs: END_TIMEOUT_MS }, []),
  ];
  return [{ ...identify(request), tolerate: [ESRCH], skip: killing.length }, ...killing];
}

/** Cgroups first, the record last: whatever fails in between is found again by the engine. */
function removal({ cgroups, files, id }: KeptRequest): Step[] {
  const groups = cgroups.map((path) =>
    step({ op: "remove_directory", root: null, path, timeoutMs: REMOVE_TIMEOUT_MS }, [], {
      tolerate: [ENOENT],
    })
  );
  const names = files.map((path) => step({ op: "unlink", root: FOLDER, path }, [], { tolerate: [ENOENT] }));
  return [...groups, ...names, step({ op: "remove_directory", root: ROOT, path: id, timeoutMs: 0 }, [])];
}

/** What a file of kept plans is bound to. */
export interface KeptIdentity {
  readonly id: string;
  readonly incarnation: string;
  readonly bootId: string;
  readonly uid: number;
  /** 16 bytes over everything that the meaning of a plan depends on (c/kept.h). */
  readonly buildId: Uint8Array;
}

/** c/kept.h: `struct kept_head`, `struct kept_verbs` and `struct kept_exec`. */
const HEAD_BYTES = 248;
const VERBS_BYTES = HEAD_BYTES + 8 * 8;
const EXEC_BYTES = 328;
const ID_BYTES = 128;
/** Largest file that the first stage reads. */
const KEPT_LIMIT = 65536;
/** How many processes of `exec` are kept: `exec-0` and so on, by the hash of their key. */
export const KEPT_EXECS = 8;

/** The file of a container's kept plans; undefined where it cannot be one (a long id, many cgroups). */
export function encodeKept(
  plans: ReturnType<typeof keptPlans>,
  identity: KeptIdentity,
): Uint8Array<ArrayBuffer> | undefined {
  const encoded = KEPT_VERBS.map((verb) => plans[verb] === undefined ? undefined : encodePlan(plans[verb]));
  const out = new Uint8Array(encoded.reduce((sum, bytes) => sum + (bytes?.length ?? 0), VERBS_BYTES));
  const view = new DataView(out.buffer);
  let at = VERBS_BYTES;
  encoded.forEach((bytes, index) => {
    if (bytes === undefined) return;
    view.setUint32(HEAD_BYTES + index * 8, at, true);
    view.setUint32(HEAD_BYTES + index * 8 + 4, bytes.length, true);
    out.set(bytes, at);
    at += bytes.length;
  });
  return sealed(out, "dunckept", identity);
}

/** A process of `exec` that may come again. */
export interface KeptExec {
  /** What it is known by: exec_key.ts. */
  readonly key: Uint8Array;
  readonly plan: Plan;
  readonly target: Target;
  readonly freezer?: KeptRequest["freezer"];
  /** The config.json that it was made of, and what told that file's state. */
  readonly config?: { readonly path: string; readonly identity: BigUint64Array } | undefined;
}

/** The file of one kept process; undefined where it cannot be one. */
export function encodeKeptExec(exec: KeptExec, identity: KeptIdentity): Uint8Array<ArrayBuffer> | undefined {
  const encoder = new TextEncoder();
  const text = (value: string) => encoder.encode(`${value}\0`);
  const parts = [
    exec.key,
    encodePlan(exec.plan),
    ...(exec.config === undefined ? [] : [text(exec.config.path)]),
    ...(exec.freezer === undefined ? [] : [text(exec.freezer.path), text(exec.freezer.word)]),
  ];
  const places: number[] = [];
  let size = EXEC_BYTES;
  for (const part of parts) {
    places.push(size);
    size = Math.ceil((size + part.length) / 8) * 8;
  }
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  parts.forEach((part, index) => out.set(part, places[index]));
  view.setBigUint64(HEAD_BYTES, BigInt(exec.target.startTime), true);
  view.setUint32(HEAD_BYTES + 8, exec.target.pid, true);
  if (exec.config !== undefined) {
    view.setUint32(HEAD_BYTES + 12, places[2]!, true);
    exec.config.identity.forEach((value, index) =>
      view.setBigUint64(HEAD_BYTES + 16 + index * 8, value, true)
    );
  }
  if (exec.freezer !== undefined) {
    view.setUint32(HEAD_BYTES + 56, places.at(-2)!, true);
    view.setUint32(HEAD_BYTES + 60, places.at(-1)!, true);
  }
  [0, 1].forEach((index) => {
    view.setUint32(HEAD_BYTES + 64 + index * 8, places[index]!, true);
    view.setUint32(HEAD_BYTES + 68 + index * 8, parts[index]!.length, true);
  });
  return sealed(out, "duncexec", identity);
}

/** Write the head that binds a file to its container, and the checksum over all of it. */
export function sealed(
  out: Uint8Array<ArrayBuffer>,
  magic: string,
  identity: KeptIdentity,
  limit = KEPT_LIMIT,
): Uint8Array<ArrayBuffer> | undefined {
  if (out.length >= limit || identity.id.length >= ID_BYTES) return undefined;
  const view = new DataView(out.buffer);
  const text = new TextEncoder();
  out.set(text.encode(magic), 0);
  out.set(identity.buildId, 8);
  out.set(text.encode(identity.incarnation), 24);
  out.set(text.encode(identity.bootId), 64);
  view.setUint32(104, identity.uid, true);
  view.setUint32(108, out.length, true);
  out.set(text.encode(identity.id), 120);
  view.setUint32(112, fnv32(out), true);
  return out;
}

/** FNV-1a of 32 bits: finds damage, not malice (the file is ours alone), and spreads keys. */
export function fnv32(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
