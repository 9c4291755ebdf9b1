import type { Origin } from "../errors.ts";
import { CLONE_NEWCGROUP, O_CLOEXEC, O_RDONLY } from "../linux/constants.gen.ts";
import { namespaceFlag } from "../linux/namespaces.ts";
import type { Spec } from "../spec/schema.ts";
import { type Frame, step } from "./frame.ts";
import type { Step } from "./plan.ts";

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

/** Open every namespace that is joined, then join them: afterwards paths may mean something else. */
export function joinSteps(namespaces: Namespaces, frame: Frame): Step[] {
  const opened = namespaces.joined.map(({ flag, path, origin }) => {
    const slot = frame.slots.make(`namespace ${path}`);
    const open = {
      op: "open",
      slot,
      root: null,
      path,
      flags: O_RDONLY | O_CLOEXEC,
      mode: 0,
      resolve: 0,
    } as const;
    return { open: step(open, origin), join: step({ op: "setns", slot, flags: flag }, origin) };
  });
  return [...opened.map(({ open }) => open), ...opened.map(({ join }) => join)];
}
