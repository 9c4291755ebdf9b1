import type { Origin } from "../errors.ts";
import {
  CLONE_NEWCGROUP,
  CLONE_NEWUSER,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  PR_SET_DUMPABLE,
} from "../linux/constants.gen.ts";
import { userOf } from "../spec/user.ts";
import { closeTolerance, filterSteps, type Kernel, listenerOf, type SeccompRequest, step } from "./frame.ts";
import { classicPlan } from "./classic.ts";
import { type Plan, Slots, type Step } from "./plan.ts";
import {
  becomeMappedRoot,
  credentialSteps,
  execveSteps,
  keyringSteps,
  noNewPrivilegesSteps,
  type ProcessRequest,
  programSteps,
  rlimitSteps,
} from "./process.ts";
import { apparmorSteps, selinuxSteps } from "./labels.ts";
import { nodeMask, parseNodes } from "../linux/scheduling.ts";
import { memorySteps, schedulingSteps } from "./scheduling.ts";
import type { Linux } from "../spec/schema.ts";
import { WORDS } from "./schema.ts";
import { terminalSteps } from "./terminal.ts";

/** Everything that a plan of `exec` is made from. */
export interface ExecRequest extends ProcessRequest {
  readonly id: string;
  /** The container's process, as we see it. */
  readonly pid: number;
  /** CLONE_NEW* of the namespaces that are the container's own and not already ours: setns(2) takes no other. */
  readonly namespaces: number;
  readonly userNamespace: boolean;
  /** Whether its process is in a user namespace below the container's (spec/nested_maps.ts). */
  readonly nestedUser?: boolean;
  /** Whether groups may be set: /proc/PID/setgroups of the container says so. */
  readonly setgroups: boolean;
  readonly noNewKeyring: boolean;
  readonly preserveFds: number;
  readonly consoleSocket: boolean;
  /** v1 and hybrid: files that the process writes "0" to. */
  readonly joinFiles: readonly string[];
  /** v2: the directory to be cloned into. */
  readonly cgroupDirectory?: string | undefined;
  /** Whether somebody else puts the first stage into the group. */
  readonly asked?: boolean | undefined;
  readonly kernel: Kernel;
  readonly seccomp?: SeccompRequest | undefined;
  /** The container's section of config.json: personality and memory policy hold for every process. */
  readonly linux?: Linux | undefined;
}

/**
 * The plan of one more process in a container: another plan for the same init. The first given slot is the pidfd of
 * the container's process, checked by the runtime; namespaces are joined through it, not through paths that may
 * mean another process by then.
 */
export function buildExecPlan(request: ExecRequest): Plan {
  const slots = new Slots();
  const process = slots.give("container process");
  const consoleSocket = request.consoleSocket ? slots.give("console socket") : null;
  const root = slots.make("/");
  const inner = slots.make("inner user namespace");
  // Who has no name yet in the namespace that is joined first is its root.
  const owner = request.nestedUser === true ? { ...request.process, user: {} } : request.process;
  const terminal = {
    slots,
    consoleSocket,
    root,
    scratch: slots.make("master"),
    tree: slots.make("peer"),
    target: root,
  };
  const inside = [
    ...identitySteps(request, slots),
    step(
      { op: "open", slot: root, root: null, path: "/", flags: O_PATH | O_DIRECTORY, resolve: 0 },
      [],
    ),
    ...(request.process.terminal === true
      ? terminalSteps(owner, terminal, false)
      : [step({ op: "stdio_owner", uid: userOf(owner).uid }, [...request.origin, "user"])]),
  ];
  const steps = [...joinSteps(request, slots, process, inner), ...inside, ...lastSteps(request, inner)];
  const { openat2, mountApi } = request.kernel;
  const plan = { steps, slots: slots.names, given: slots.given, ownWalk: !openat2 };
  return mountApi ? plan : classicPlan(plan);
}

/** From outside only the namespace around the process's own is to be had: it owns all the others. */
function outerUserSteps({ pid }: ExecRequest, slots: Slots, inner: number): Step[] {
  const origin: Origin = ["linux", "namespaces"];
  const outer = slots.make("outer user namespace");
  return [
    step(
      { op: "open", slot: inner, root: null, path: `/proc/${pid}/ns/user`, flags: O_RDONLY, resolve: 0 },
      origin,
    ),
    step({ op: "parent_userns", slot: outer, namespace: inner }, origin),
    step({ op: "setns", slot: outer, flags: CLONE_NEWUSER }, origin),
    step({ op: "close", slot: outer }, origin),
  ];
}

function joinSteps(request: ExecRequest, slots: Slots, process: number, inner: number): Step[] {
  const open = (path: string, flags: number): [number, Step] => {
    const slot = slots.make(path);
    return [slot, step({ op: "open", slot, root: null, path, flags, resolve: 0 }, CGROUP)];
  };
  const asked = request.asked === true ? [step({ op: "sync", word: WORDS.cgroup }, CGROUP)] : [];
  const files = request.joinFiles.map((path) => open(path, O_WRONLY));
  const directory = request.cgroupDirectory === undefined
    ? undefined
    : open(request.cgroupDirectory, O_PATH | O_DIRECTORY);
  const steps = [
    ...asked,
    ...files.map(([, opened]) => opened),
    ...(directory === undefined ? [] : [directory[1]]),
  ];
  steps.push(...affinitySteps(request.process.execCPUAffinity?.initial, [
    ...request.origin,
    "execCPUAffinity",
    "initial",
  ]));
  steps.push(...scoreSteps(request, slots));
  // Before the join: a process of the container must not get at what we still hold (CVE-2016-9962).
  steps.push(step({ op: "prctl", option: PR_SET_DUMPABLE, arg2: 0n, arg3: 0n }, []));
  // From inside a cgroup namespace nobody is moved into a group (cgroups(7), nsdelegate): that one is joined last.
  const late = request.namespaces & CLONE_NEWCGROUP;
  // The mapped root may not look at a process of the host's root: it opens the namespace while it is not that yet.
  // The join that follows says that the process was still itself then.
  const [namespace, opened] = late !== 0 && request.userNamespace
    ? open(`/proc/${request.pid}/ns/cgroup`, O_RDONLY)
    : [process, undefined];
  if (opened !== undefined) steps.push(opened);
  const nested = request.nestedUser === true;
  if (nested) steps.push(...outerUserSteps(request, slots, inner));
  const flags = request.namespaces & ~CLONE_NEWCGROUP & ~(nested ? CLONE_NEWUSER : 0);
  if (flags !== 0) steps.push(step({ op: "setns", slot: process, flags }, ["linux", "namespaces"]));
  // A pid namespace is entered by children only.
  const listener = listenerOf(request.seccomp);
  const cgroup = directory?.[0] ?? null;
  steps.push(step({ op: "clone", flags: 0n, cgroup, listener }, ["linux", "namespaces"]));
  if (cgroup !== null) steps.push(step({ op: "close", slot: cgroup }, CGROUP));
  for (const [slot] of files) {
    steps.push(step({ op: "write_slot", slot, text: "0" }, CGROUP), step({ op: "close", slot }, CGROUP));
  }
  if (late !== 0) {
    steps.push(step({ op: "setns", slot: namespace, flags: late }, ["linux", "namespaces"]));
    if (opened !== undefined) steps.push(step({ op: "close", slot: namespace }, ["linux", "namespaces"]));
  }
  if (request.userNamespace) steps.push(...becomeMappedRoot());
  return steps;
}

/** The OOM killer's score, while an ordinary user may still write it: of a process that is not dumpable only root may. */
function scoreSteps({ process, origin }: ExecRequest, slots: Slots): Step[] {
  if (process.oomScoreAdj === undefined) return [];
  const from = [...origin, "oomScoreAdj"];
  const slot = slots.make("oom_score_adj");
  const path = "/proc/self/oom_score_adj";
  return [
    step({ op: "open", slot, root: null, path, flags: O_WRONLY, resolve: 0 }, from),
    step({ op: "write_slot", slot, text: String(process.oomScoreAdj) }, from),
    step({ op: "close", slot }, from),
  ];
}

/** The processors of a process before it joins the container's cgroup, and afterwards (config.md "execCPUAffinity"). */
function affinitySteps(list: string | undefined, origin: Origin): Step[] {
  if (list === undefined || list === "") return [];
  return [step({ op: "sched_setaffinity", mask: nodeMask(parseNodes(list)!) }, origin)];
}

const CGROUP: Origin = ["--cgroup"];

function identitySteps(request: ExecRequest, slots: Slots): Step[] {
  const steps = [step({ op: "setsid" }, request.origin)];
  if (!request.noNewKeyring) steps.push(...keyringSteps(request.id, request.userNamespace));
  const proc = slots.make("procfs");
  const attributes = [...apparmorSteps(request, proc), ...selinuxSteps(request, proc)];
  if (attributes.length > 0) {
    steps.push(step({ op: "open_proc", slot: proc, subset: 1 }, request.origin), ...attributes);
    steps.push(step({ op: "close", slot: proc }, request.origin));
  }
  return steps;
}

function lastSteps(request: ExecRequest, inner: number): Step[] {
  const { seccomp, process, origin } = request;
  const early = seccomp !== undefined && process.noNewPrivileges !== true;
  const filter = filterSteps(seccomp);
  const umask = userOf(process).umask;
  return [
    ...noNewPrivilegesSteps(request),
    ...schedulingSteps(request),
    ...memorySteps(request.linux),
    ...affinitySteps(request.process.execCPUAffinity?.final, [...origin, "execCPUAffinity", "final"]),
    step({ op: "sync", word: WORDS.ready }, []),
    ...rlimitSteps(request),
    // Unset: what the runtime's caller has, here 0022 as runc's own.
    step({ op: "umask", mask: umask ?? 0o022 }, [...origin, "user", "umask"]),
    step({ op: "set_home", uid: userOf(process).uid }, [...origin, "env"]),
    ...(request.nestedUser === true
      ? [step({ op: "setns", slot: inner, flags: CLONE_NEWUSER }, [...origin, "user"])]
      : []),
    ...(early ? filter : []),
    ...credentialSteps(request, request.setgroups),
    ...programSteps(request),
    step({ op: "close_range", first: 3 + request.preserveFds, keep: null }, origin, closeTolerance(early)),
    ...(early ? [] : filter),
    ...execveSteps(request),
  ];
}
