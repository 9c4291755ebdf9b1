import { type Origin, originText, SpecError } from "../errors.ts";
import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_STRICTATIME,
  MS_DIRSYNC,
  MS_LAZYTIME,
  MS_MANDLOCK,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_STRICTATIME,
  MS_SYNCHRONOUS,
  O_DIRECTORY,
  O_PATH,
  PROC_SUPER_MAGIC,
} from "../linux/constants.gen.ts";
import { step } from "./frame.ts";
import type { Plan, Step } from "./plan.ts";
import type { Op } from "./schema.ts";

type OpOf<Name extends Op["op"]> = Extract<Op, { op: Name }>;

/** A mount that is not attached yet: what it will be made of, and what is done to it as soon as it is. */
interface Candidate {
  readonly step: Step;
  readonly source: { readonly slot: number; readonly recursive: number } | OpOf<"fsmount">;
  /** The opening of its source, where that may fail. */
  readonly opening?: Step;
  readonly then: Step[];
}

/**
 * The same plan for a kernel without open_tree, fsopen, move_mount and mount_setattr (kernel-facts.md section 3): what
 * is made detached there and then attached is mounted where it goes, by mount(2) on descriptors, and changed afterwards.
 *
 * Throws SpecError for what mount(2) cannot do: id-mapped mounts and attributes of whole trees.
 */
export function classicPlan(plan: Plan): Plan {
  // Without any of them (an exec without labels) no handle to the host's procfs is taken along.
  if (!plan.steps.some(({ op }) => NEWER.includes(op.op))) return plan;
  return new Lowering(plan).run();
}

const NEWER: readonly Op["op"][] = [
  "open_proc",
  "open_tree",
  "fsmount",
  "mount_setattr",
  "move_mount",
  "mask_path",
  "readonly_path",
];

class Lowering {
  readonly #plan: Plan;
  readonly #slots: string[];
  readonly #proc: number;
  readonly #steps: Step[] = [];
  /** Mounts that are not attached, by slot: the later ones are mounted over the earlier. */
  readonly #pending = new Map<number, Candidate[]>();
  /** How a slot was opened: a mount is opened again by the same way. */
  readonly #places = new Map<number, { readonly root: number; readonly path: string }>();

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#slots = [...plan.slots];
    const proc = plan.steps.find(({ op }) => op.op === "open_proc")?.op as OpOf<"open_proc"> | undefined;
    this.#proc = proc === undefined ? this.#slots.push("procfs") - 1 : proc.slot;
  }

  run(): Plan {
    // The host's, while nobody else can have arranged it; descriptors are named through it.
    const { steps } = this.#plan;
    const [slot, path, flags] = [this.#proc, "/proc", O_PATH | O_DIRECTORY];
    this.#push({ op: "open", slot, root: null, path, flags, resolve: 0 }, []);
    this.#push({ op: "require_fstype", slot, magic: BigInt(PROC_SUPER_MAGIC), negate: 0 }, []);
    for (const one of steps) this.#lower(one);
    return { ...this.#plan, steps: this.#steps, slots: this.#slots };
  }

  #push(op: Op, origin: Origin, more: Omit<Step, "op" | "origin"> = {}): void {
    this.#steps.push(step(op, origin, more));
  }

  #lower(one: Step): void {
    const { op, origin } = one;
    const proc = this.#proc;
    switch (op.op) {
      case "open_proc":
        return;
      case "open_tree":
        return this.#openTree(one, op);
      case "fsmount":
        this.#pending.set(op.slot, [...this.#pending.get(op.slot) ?? [], {
          step: one,
          source: op,
          then: [],
        }]);
        return;
      case "move_mount":
        return this.#attach(op.mount, op.target);
      case "mount_setattr":
        if (!this.#defer(op.slot, one)) this.#steps.push(...this.#change(op, origin));
        return;
      case "inherit_mode":
      case "tmpcopyup":
        if (!this.#defer(op.mount, one)) this.#steps.push(one);
        return;
      case "set_label":
        if (!this.#defer(op.slot, one)) this.#steps.push(one);
        return;
      case "mask_path": {
        const { root, path, null: nullDevice } = op;
        this.#pending.delete(op.directory);
        return this.#push({ op: "cover_path", root, path, null: nullDevice, proc }, origin, tolerance(one));
      }
      case "readonly_path": {
        const { root, path } = op;
        return this.#push({ op: "protect_path", root, path, proc }, origin, tolerance(one));
      }
      case "make_mountpoint":
      case "open":
        if (op.root !== null) this.#places.set(op.slot, { root: op.root, path: op.path });
        this.#steps.push(one);
        return;
      default:
        this.#steps.push(one);
    }
  }

  #openTree(one: Step, { slot, root, path, recursive, resolve }: OpOf<"open_tree">): void {
    const from = path === "" ? root! : slot;
    const opening = path === ""
      ? undefined
      : step({ op: "open", slot, root, path, flags: O_PATH, resolve }, one.origin, tolerance(one));
    const candidate: Candidate = { step: one, source: { slot: from, recursive }, then: [] };
    // One that may be missing is opened where it is needed: what is passed over stands right behind it.
    const late = opening?.tolerate !== undefined;
    if (opening !== undefined && !late) this.#steps.push(opening);
    this.#pending.set(slot, [late ? { ...candidate, opening: opening! } : candidate]);
  }

  /** Keep a step for the time when the mount is there. False: it is there already, or is no mount of the plan's. */
  #defer(slot: number, one: Step): boolean {
    const candidates = this.#pending.get(slot);
    candidates?.at(-1)?.then.push(one);
    return candidates !== undefined;
  }

  #attach(slot: number, target: number): void {
    const place = this.#places.get(target)!;
    for (const candidate of this.#pending.get(slot) ?? []) {
      const { op: mount, before } = this.#mountOp(candidate, slot, { target, ...place });
      const then = [
        ...before,
        ...candidate.then.flatMap((one) =>
          one.op.op === "mount_setattr" ? this.#change(one.op, one.origin) : [one]
        ),
      ];
      const { origin, tolerate } = candidate.step;
      if (candidate.opening !== undefined) {
        this.#steps.push({ ...candidate.opening, skip: 1 + then.length });
        this.#push(mount, origin);
      } else if (tolerate !== undefined) this.#push(mount, origin, { tolerate, skip: then.length });
      else this.#push(mount, origin);
      this.#steps.push(...then);
    }
    this.#pending.delete(slot);
    this.#places.set(slot, place);
  }

  /** The mount itself, and what a file system's attributes leave to do. */
  #mountOp(
    { source, step: { origin } }: Candidate,
    slot: number,
    at: { readonly target: number; readonly root: number; readonly path: string },
  ): { op: Op; before: Step[] } {
    const proc = this.#proc;
    if (!("op" in source)) {
      const { slot: from, recursive } = source;
      return { op: { op: "bind_mount", slot, source: from, ...at, proc, recursive }, before: [] };
    }
    const { fstype, attr, options } = source;
    const words = options.filter((option) => !option.startsWith("source=") && superFlag(option) === 0);
    const name = options.find((option) => option.startsWith("source="))?.slice("source=".length) ?? "none";
    let flags = flagsOf(attr & ~MOUNT_ATTR_RDONLY);
    for (const option of options) flags |= superFlag(option);
    // Read-only as a property of the mount: mount(2) would make the file system itself so, for everybody who has it.
    const before = (attr & MOUNT_ATTR_RDONLY) === 0
      ? []
      : [step({ op: "remount", slot, proc, clear: 0n, set: BigInt(MS_RDONLY) }, origin)];
    const data = words.join(",");
    return {
      op: {
        op: "mount_filesystem",
        slot,
        ...at,
        proc,
        fstype,
        source: name,
        data,
        flags: BigInt(flags),
      },
      before,
    };
  }

  #change(
    { slot, set, clear, recursive, propagation, userns }: OpOf<"mount_setattr">,
    origin: Origin,
  ): Step[] {
    const proc = this.#proc;
    const attributes = set !== 0n || clear !== 0n;
    if (userns !== null || (attributes && recursive === 1)) {
      const what = userns !== null ? "id-mapped mounts" : "attributes of all mounts of a tree";
      throw new SpecError([{
        path: originText(origin),
        message:
          `${what} need mount_setattr(2), which this kernel (or a seccomp filter around dunc) does not have`,
      }]);
    }
    const steps: Step[] = [];
    if (attributes) {
      const [off, on] = [Number(clear), Number(set)];
      const atime = (off & MOUNT_ATTR__ATIME) === 0 ? 0 : MS_NOATIME | MS_RELATIME | MS_STRICTATIME;
      const cleared = BigInt(flagsOf(off & ~MOUNT_ATTR__ATIME) | atime);
      steps.push(step({ op: "remount", slot, proc, clear: cleared, set: BigInt(flagsOf(on)) }, origin));
    }
    if (propagation !== 0) {
      const flags = BigInt(propagation | (recursive === 1 ? MS_REC : 0));
      steps.push(step({ op: "propagate", slot, proc, flags }, origin));
    }
    return steps;
  }
}

function tolerance({ tolerate, skip }: Step): Omit<Step, "op" | "origin"> {
  return { ...(tolerate === undefined ? {} : { tolerate }), ...(skip === undefined ? {} : { skip }) };
}

/** mount(2)'s flags for attributes of mount_setattr(2). */
function flagsOf(attributes: number): number {
  const pairs = [
    [MOUNT_ATTR_RDONLY, MS_RDONLY],
    [MOUNT_ATTR_NOSUID, MS_NOSUID],
    [MOUNT_ATTR_NODEV, MS_NODEV],
    [MOUNT_ATTR_NOEXEC, MS_NOEXEC],
    [MOUNT_ATTR_NOATIME, MS_NOATIME],
    [MOUNT_ATTR_STRICTATIME, MS_STRICTATIME],
    [MOUNT_ATTR_NODIRATIME, MS_NODIRATIME],
    [MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW],
  ] as const;
  let flags = 0;
  for (const [attribute, flag] of pairs) if ((attributes & attribute) !== 0) flags |= flag;
  return flags;
}

/** A parameter of the super block that is a flag of mount(2); 0 for all others. */
function superFlag(option: string): number {
  switch (option) {
    case "sync":
      return MS_SYNCHRONOUS;
    case "dirsync":
      return MS_DIRSYNC;
    case "mand":
      return MS_MANDLOCK;
    case "lazytime":
      return MS_LAZYTIME;
  }
  return 0;
}
