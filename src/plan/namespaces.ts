import type { Origin } from "../errors.ts";
import {
  CLONE_NEWCGROUP,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  EBADF,
  EPERM,
  O_CLOEXEC,
  O_RDONLY,
  O_WRONLY,
} from "../linux/constants.gen.ts";
import { namespaceFlag } from "../linux/namespaces.ts";
import type { Spec } from "../spec/schema.ts";
import { type CreateRequest, type Frame, step } from "./frame.ts";
import type { Plan, Step } from "./plan.ts";
import { WORDS } from "./schema.ts";

/** A namespace that is joined by its path. */
export interface Joined {
  readonly type: string;
  readonly flag: number;
  readonly path: string;
  readonly origin: Origin;
}

/** What the namespaces of a config.json come to. */
export interface Namespaces {
  /** CLONE_NEW* of the new ones, without the cgroup namespace. */
  readonly created: number;
  /** A cgroup namespace is made after the cgroup is joined, or its root would be the wrong one. */
  readonly newCgroup: boolean;
  /** Those that are joined by path. */
  readonly joined: readonly Joined[];
  /** Whether a type is new or joined: not the runtime's own. */
  has(type: string): boolean;
  isNew(type: string): boolean;
}

export function namespacesOf(spec: Spec): Namespaces {
  const list = spec.linux?.namespaces ?? [];
  const isNew = (type: string) => list.some((entry) => entry.type === type && isEmpty(entry.path));
  let created = 0;
  const joined: Joined[] = [];
  list.forEach(({ type, path }, index) => {
    const flag = namespaceFlag(type)!;
    if (!isEmpty(path)) {
      joined.push({ type, flag, path: path!, origin: ["linux", "namespaces", index, "path"] });
    } else if (flag !== CLONE_NEWCGROUP) created |= flag;
  });
  return {
    created,
    newCgroup: isNew("cgroup"),
    joined,
    has: (type) => list.some((e) => e.type === type),
    isNew,
  };
}

const isEmpty = (path: string | undefined): boolean => path === undefined || path === "";

/**
 * Open every namespace that is joined, then join them: afterwards paths may mean something else. Where a user namespace
 * is among them, those that belong to the runtime's own are joined before it, while there is power over them, and
 * those that belong to it afterwards: whoever refuses first is asked again (setns(2), EPERM).
 */
export function joinSteps(namespaces: Namespaces, frame: Frame): Step[] {
  const opened = namespaces.joined.map((joined) => {
    const slot = frame.slots.make(`namespace ${joined.path}`);
    return { ...joined, slot, ...openAndJoin(slot, joined) };
  });
  const user = opened.find(({ flag }) => flag === CLONE_NEWUSER);
  const others = opened.filter((entry) => entry !== user);
  const opens = opened.map(({ open }) => open);
  if (user === undefined) return [...opens, ...others.map(({ join }) => join)];
  const before = others.flatMap(({ join, slot, origin }) => [
    { ...join, tolerate: [EPERM], skip: 1 },
    step({ op: "close", slot }, origin),
  ]);
  // A slot that was closed has been joined.
  const after = others.map(({ join }) => ({ ...join, tolerate: [EBADF] }));
  return [...opens, ...before, user.join, ...after];
}

function openAndJoin(slot: number, { flag, path, origin }: Joined): { open: Step; join: Step } {
  const flags = O_RDONLY | O_CLOEXEC;
  return {
    open: step({ op: "open", slot, root: null, path, flags, resolve: 0 }, origin),
    join: step({ op: "setns", slot, flags: flag }, origin),
  };
}

/**
 * The plan of a process that joins a namespace and says so, to be looked at from outside: what a namespace that is
 * known by a path alone is like can be seen of a process in it only.
 */
export function visitPlan(joined: Joined): Plan {
  const { open, join } = openAndJoin(0, joined);
  const clone = step({ op: "clone", flags: 0n, cgroup: null, listener: 0 }, joined.origin);
  const maps = step({ op: "sync", word: WORDS.maps }, joined.origin);
  return { steps: [open, join, clone, maps], slots: [`namespace ${joined.path}`], given: 0 };
}

/** A time namespace takes its offsets before any process is in it (time_namespaces(7)). */
export function timeSteps({ spec }: CreateRequest, frame: Frame, namespaces: Namespaces): Step[] {
  if (!namespaces.isNew("time")) return [];
  const origin: Origin = ["linux", "timeOffsets"];
  const steps = [step({ op: "unshare", flags: BigInt(CLONE_NEWTIME) }, ["linux", "namespaces"])];
  const lines = Object.entries(spec.linux?.timeOffsets ?? {}).map(([clock, { secs = 0n, nanosecs = 0 }]) =>
    `${clock} ${secs} ${nanosecs}\n`
  );
  if (lines.length === 0) return steps;
  const slot = frame.slots.make("timens_offsets");
  const path = "/proc/self/timens_offsets";
  return [
    ...steps,
    step({ op: "open", slot, root: null, path, flags: O_WRONLY, resolve: 0 }, origin),
    step({ op: "write_slot", slot, text: lines.join("") }, origin),
    step({ op: "close", slot }, origin),
  ];
}
