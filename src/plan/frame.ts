import type { Maps } from "../spec/nested_maps.ts";
import type { Spec } from "../spec/schema.ts";
import type { CgroupMount } from "../cgroup/mount.ts";
import type { NetDevice } from "./net_devices.ts";
import type { Op } from "./schema.ts";
import { Slots, type Step } from "./plan.ts";
import type { Origin } from "../errors.ts";
import { EACCES, EINVAL, ENOSYS, EPERM } from "../linux/constants.gen.ts";

/** How a user namespace comes to be, where the container has one. */
export interface UserNamespaceRequest {
  /** Made new (its maps are asked for), or joined by path. */
  readonly isNew: boolean;
  /** The runtime may do everything outside: what the mapped root cannot reach is opened before the clone. */
  readonly privileged: boolean;
  /** Whether the mapped root can walk to the rootfs: otherwise it is attached at the top of the tree. */
  readonly rootfsReachable: boolean;
  /** Whether groups may be set: an ordinary user who maps one id must give that up. */
  readonly setgroups: boolean;
  /** The maps of a namespace below it that the process is in at the end, counted from it (spec/nested_maps.ts). */
  readonly inner?: Maps | undefined;
}

/** Which of the kernel's newer calls there are. What is missing has another way, which the planner chooses. */
export interface Kernel {
  /** openat2 (Linux 5.6); else paths are walked a component at a time. */
  readonly openat2: boolean;
  /** open_tree, fsopen, fsmount, move_mount (5.2) and mount_setattr (5.12); else mount(2). */
  readonly mountApi: boolean;
}

/** What the host can do, as far as a plan depends on it. Found out by `host/`, never here. */
export interface PlanHost {
  /** The container's processes share the host's root user: devices can be made, not just bound. */
  readonly canMknod: boolean;
  /** /proc/kcore exists: a container gets the link /dev/core. */
  readonly hasKcore: boolean;
  readonly hasKeyrings: boolean;
  /** Mount points of procfs and sysfs outside the rootfs, which --no-pivot must take away. */
  readonly kernelMounts: readonly string[];
}

/** Everything that a plan of creation is made from. Paths are absolute. */
export interface CreateRequest {
  readonly spec: Spec;
  readonly id: string;
  readonly bundle: string;
  readonly rootfs: string;
  /** The container's folder under --root: the barrier is made in it. */
  readonly stateDirectory: string;
  /** Whether init waits at the barrier for `start` (`create`), or goes on at once (`run`). */
  readonly barrier: boolean;
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
  /** How many descriptors from 3 on the container keeps. */
  readonly preserveFds: number;
  /** Whether the first given slot is a connected console socket; without it a terminal's master comes to us. */
  readonly consoleSocket: boolean;
  readonly cgroup: CgroupRequest;
  readonly userNamespace?: UserNamespaceRequest | undefined;
  readonly seccomp?: SeccompRequest | undefined;
  readonly netDevices?: readonly NetDevice[] | undefined;
  /** The state document that hooks inside the container get, cut where the pid belongs. */
  readonly hookState: HookState;
  readonly host: PlanHost;
  readonly kernel: Kernel;
}

/** How the container process gets into its cgroups. */
export interface CgroupRequest {
  /** v1 and hybrid: files that a process writes "0" to. */
  readonly joinFiles: readonly string[];
  /** v2: the directory to be cloned into. */
  readonly directory?: string | undefined;
  /** Whether the groups come to be only when there is a process to put into them (systemd's scopes). */
  readonly asked?: boolean | undefined;
  /** What a mount of type `cgroup` stands for. */
  readonly mounts: readonly CgroupMount[];
}

/** A compiled filter (seccomp/compile.ts). */
export interface SeccompRequest {
  readonly program: Uint8Array;
  readonly flags: number;
  /** Whether it has a listener, which comes to the runtime over the conversation. */
  readonly notify: boolean;
  /** The fourth argument of the writes that hand the listener over: how a filter of ours knows them. */
  readonly mark?: bigint;
}

export interface HookState {
  /** For createContainer: status `creating`. */
  readonly creating: readonly [string, string];
  /** For startContainer: status `created`. */
  readonly created: readonly [string, string];
}

/** The slots that several parts of a plan share. `target`, `tree` and `scratch` are filled again and again. */
export interface Frame {
  readonly slots: Slots;
  readonly consoleSocket: number | null;
  readonly state: number;
  readonly barrier: number;
  /** The host's root as the container process sees it, until the pivot. */
  readonly hostRoot: number;
  /** The container's root. */
  readonly root: number;
  readonly proc: number;
  readonly target: number;
  readonly tree: number;
  readonly scratch: number;
  /** The user namespace of the process, where it is not the one that the container is set up in. */
  readonly inner: number;
  /** Trees that were cloned before the clone, by the index of their mount; -1 is the rootfs. */
  readonly prepared: Map<number, number>;
  /** User namespaces that mounts take their id maps from, by the index of their mount. */
  readonly idMaps: Map<number, number>;
}

/** The slots of a plan of creation. What is given comes first. */
export function createFrame(consoleSocket: boolean): Frame {
  const slots = new Slots();
  return {
    slots,
    consoleSocket: consoleSocket ? slots.give("console socket") : null,
    state: slots.make("state folder"),
    barrier: slots.make("exec.fifo"),
    hostRoot: slots.make("host /"),
    root: slots.make("rootfs"),
    proc: slots.make("procfs"),
    target: slots.make("target"),
    tree: slots.make("tree"),
    scratch: slots.make("scratch"),
    inner: slots.make("inner user namespace"),
    prepared: new Map(),
    idMaps: new Map(),
  };
}

/** The slots that a terminal is made with. */
export interface TerminalFrame {
  readonly slots: Slots;
  readonly consoleSocket: number | null;
  readonly root: number;
  readonly scratch: number;
  readonly tree: number;
  readonly target: number;
}

/** A step with its origin; `options` as in Step. */
export function step(op: Op, origin: Origin, options: Omit<Step, "op" | "origin"> = {}): Step {
  return { op, origin, ...options };
}

/** The same path without leading slashes, for a look-up below a root; "" for the root itself. Lexically clean. */
export function pathInRoot(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  return parts.join("/");
}

/** 1 where a listener has to be handed over: a field of `clone` and of `seccomp`. */
export const listenerOf = (seccomp: SeccompRequest | undefined): number => seccomp?.notify === true ? 1 : 0;

/** The step that loads a filter. */
export function filterSteps(seccomp: SeccompRequest | undefined): Step[] {
  if (seccomp === undefined) return [];
  const { flags, program: filter, mark = 0n } = seccomp;
  return [step({ op: "seccomp", flags, filter, listener: listenerOf(seccomp), mark }, ["linux", "seccomp"])];
}

/**
 * Under a filter that is loaded early close_range may be refused, and everything is close-on-exec anyway. With a
 * late filter it comes first and must work.
 */
export function closeTolerance(early: boolean): Pick<Step, "tolerate"> {
  return early ? { tolerate: [EPERM, ENOSYS, EINVAL, EACCES] } : {};
}
