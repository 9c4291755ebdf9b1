import type { Spec } from "../spec/schema.ts";
import type { CreateRequest } from "./frame.ts";
import type { Step } from "./plan.ts";
import type { Op, OpName } from "./schema.ts";

/** A request of creation for tests: a container without anything special, on a host that can do everything. */
export function requestFor(spec: Spec, more: Partial<CreateRequest> = {}): CreateRequest {
  return {
    spec,
    id: "c",
    bundle: "/bundle",
    rootfs: "/bundle/rootfs",
    stateDirectory: "/r/c",
    barrier: true,
    noPivot: false,
    noNewKeyring: false,
    preserveFds: 0,
    consoleSocket: false,
    cgroup: { joinFiles: [], mounts: [] },
    hookState: { creating: ["", ""], created: ["", ""] },
    host: { canMknod: true, hasKcore: true, hasKeyrings: true, kernelMounts: [] },
    kernel: { openat2: true, mountApi: true },
    ...more,
  };
}

/** The names of steps' operations, in order. */
export const namesOf = (steps: readonly Step[]): OpName[] => steps.map(({ op }) => op.op);

/** The operations of one name, in order. */
export function opsOf<K extends OpName>(steps: readonly Step[], name: K): Extract<Op, { op: K }>[] {
  return steps.flatMap(({ op }) => op.op === name ? [op as Extract<Op, { op: K }>] : []);
}
