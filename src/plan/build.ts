import type { Origin } from "../errors.ts";
import {
  CLONE_NEWCGROUP,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  EPERM,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDWR,
  O_WRONLY,
  PR_SET_DUMPABLE,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  S_IFDIR,
  S_IFIFO,
} from "../linux/constants.gen.ts";
import { hookSteps } from "./hooks.ts";
import { apparmorSteps, selinuxSteps } from "./labels.ts";
import { memorySteps, schedulingSteps } from "./scheduling.ts";
import { classicPlan } from "./classic.ts";
import { deviceSteps } from "./devices.ts";
import {
  closeTolerance,
  createFrame,
  type CreateRequest,
  filterSteps,
  type Frame,
  listenerOf,
  pathInRoot,
  step,
} from "./frame.ts";
import { idMapSteps, idMapText } from "./id_maps.ts";
import { mountSteps, preparedTreeSteps } from "./mounts.ts";
import { joinSteps, type Namespaces, namespacesOf, timeSteps } from "./namespaces.ts";
import { joinedDeviceSteps, newDeviceSteps } from "./net_devices.ts";
import type { Plan, Step } from "./plan.ts";
import {
  attributeSteps,
  becomeMappedRoot,
  credentialSteps,
  execveSteps,
  keyringSteps,
  noNewPrivilegesSteps,
  type ProcessRequest,
  programSteps,
  rlimitSteps,
} from "./process.ts";
import { enterRootSteps, maskSteps, nullDeviceSteps, pinRootSteps, readonlyRootSteps } from "./rootfs.ts";
import { WORDS } from "./schema.ts";
import { sysctlPath } from "../spec/sysctl.ts";
import type { Maps } from "../spec/nested_maps.ts";
import { userOf } from "../spec/user.ts";
import { streamSteps, terminalSteps } from "./terminal.ts";

/**
 * The plan that makes a container: from the runtime's surroundings to the program of config.json.
 *
 * The order is that of section 2 of the security reference ("Recommended stub order"), which is the
 * specification's with each step placed where nothing hostile can reach it yet. `spec` must be validated.
 *
 * Throws SpecError for a mount whose destination is not allowed.
 */
export function buildCreatePlan(request: CreateRequest): Plan {
  const { spec } = request;
  const namespaces = namespacesOf(spec);
  const frame = createFrame(request.consoleSocket);
  const process: ProcessRequest = { process: spec.process!, origin: ["process"] };
  const ownMountNamespace = namespaces.has("mount");
  // First: what it prepares, the mounts are made of.
  const firstStage = firstStageSteps(request, frame, namespaces);
  const mounts = mountSteps(request, frame);
  const steps = [
    ...firstStage,
    ...identitySteps(request, frame, namespaces),
    ...pinRootSteps(request, frame, ownMountNamespace),
    ...mounts.steps,
    ...deviceSteps(request, frame),
    ...hostHookSteps(request),
    ...hookSteps("createContainer", spec.hooks?.createContainer, {
      state: request.hookState.creating,
      pid: 0,
      // The specification leaves it open; runc's is the root file system.
      directory: request.rootfs,
    }),
    ...enterRootSteps(request, frame, ownMountNamespace),
    step({ op: "close", slot: frame.hostRoot }, ["root"]),
    ...insideSteps(request, frame, process, mounts.late),
    step({ op: "sync", word: WORDS.ready }, []),
    ...lastSteps(request, frame, process),
  ];
  const { openat2, mountApi } = request.kernel;
  const plan = { steps, slots: frame.slots.names, given: frame.slots.given, ownWalk: !openat2 };
  return mountApi ? plan : classicPlan(plan);
}

/** Before the clone, in the runtime's namespaces: everything that is named by a path of the host. */
function firstStageSteps(request: CreateRequest, frame: Frame, namespaces: Namespaces): Step[] {
  const beneath = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const { state, barrier } = frame;
  const steps: Step[] = [];
  if (request.barrier) {
    const path = "exec.fifo";
    steps.push(
      openStep(state, request.stateDirectory, O_PATH | O_DIRECTORY | O_NOFOLLOW, ["--root"]),
      step({
        op: "mknod",
        root: state,
        path,
        mode: S_IFIFO | 0o622,
        major: 0,
        minor: 0,
        uid: SAME,
        gid: SAME,
      }, [
        "--root",
      ]),
      step({
        op: "open",
        slot: barrier,
        root: state,
        path,
        flags: O_RDWR | O_NOFOLLOW,
        resolve: beneath,
      }, [
        "--root",
      ]),
      // A directory of the host: nothing that comes after the clone may hold it.
      step({ op: "close", slot: state }, ["--root"]),
    );
  }
  if (request.cgroup.asked === true) steps.push(step({ op: "sync", word: WORDS.cgroup }, CGROUP));
  const cgroups: number[] = [];
  for (const path of request.cgroup.joinFiles) {
    const slot = frame.slots.make(path);
    cgroups.push(slot);
    steps.push(openStep(slot, path, O_WRONLY, CGROUP));
  }
  let cgroup: number | null = null;
  if (request.cgroup.directory !== undefined) {
    cgroup = frame.slots.make(request.cgroup.directory);
    steps.push(openStep(cgroup, request.cgroup.directory, O_PATH | O_DIRECTORY, CGROUP));
  }
  steps.push(...idMapSteps(request, frame));
  if (request.userNamespace?.privileged === true) steps.push(...preparedTreeSteps(request, frame));
  // Where the kernel lets the user namespace mount no procfs, the one that is there has to do.
  if (request.userNamespace !== undefined) {
    steps.push(openStep(frame.proc, "/proc", O_PATH | O_DIRECTORY, ["process"]));
  }
  // Hard limits can be raised out here, where the runtime may have CAP_SYS_RESOURCE.
  if (request.userNamespace !== undefined) steps.push(...rlimitSteps(PROCESS(request)));
  steps.push(...joinedDeviceSteps(request, frame, namespaces));
  const early = isMappedFirst(request, namespaces);
  const surrounding = surroundingSteps(request, frame, namespaces, early);
  // From inside a cgroup namespace nobody is moved into a group (cgroups(7), nsdelegate): that one is joined last,
  // but for a mapped root, who may not have the power then.
  const isLate = ({ op }: Step) =>
    request.userNamespace === undefined && op.op === "setns" && op.flags === CLONE_NEWCGROUP;
  steps.push(...surrounding.filter((each) => !isLate(each)));
  // Where there is v2 alone the process is born in its cgroup, and its cgroup namespace with it. Where v1 trees
  // are joined too, the namespace is made afterwards: its root is where the process is at that moment.
  const bornInside = cgroup !== null && cgroups.length === 0;
  const born = bornInside && namespaces.newCgroup ? CLONE_NEWCGROUP : 0;
  const flags = BigInt((namespaces.created & ~CLONE_NEWTIME & ~(early ? CLONE_NEWUSER : 0)) | born);
  const listener = listenerOf(request.seccomp);
  steps.push(step({ op: "clone", flags, cgroup, listener }, ["linux", "namespaces"]));
  if (cgroup !== null) steps.push(step({ op: "close", slot: cgroup }, CGROUP));
  if (request.userNamespace?.isNew === true && !early) {
    steps.push(step({ op: "sync", word: WORDS.maps }, USER_NAMESPACE));
  }
  // By the process itself, in `tasks`: a write of "0" moves the writer alone and waits for nobody.
  for (const slot of cgroups) {
    steps.push(step({ op: "write_slot", slot, text: "0" }, CGROUP), step({ op: "close", slot }, CGROUP));
  }
  steps.push(...surrounding.filter(isLate));
  if (request.userNamespace !== undefined) steps.push(...mappedRootSteps());
  if (namespaces.newCgroup && !bornInside) {
    steps.push(step({ op: "unshare", flags: BigInt(CLONE_NEWCGROUP) }, ["linux", "namespaces"]));
  }
  return steps;
}

/**
 * Whether the user namespace is made before the clone: a time namespace takes its offsets before it has a process, and
 * an ordinary user has the power to make one in its user namespace only (kernel-facts.md section 6).
 */
function isMappedFirst({ userNamespace }: CreateRequest, namespaces: Namespaces): boolean {
  if (userNamespace?.isNew !== true) return false;
  return userNamespace.inner !== undefined || (namespaces.isNew("time") && !userNamespace.privileged);
}

/** The namespace that the process is in at the end is made where its maps can be written: under the host's /proc. */
function innerSteps(maps: Maps | undefined, frame: Frame): Step[] {
  if (maps === undefined) return [];
  const [uidMap, gidMap] = [idMapText(maps.uidMappings), idMapText(maps.gidMappings)];
  return [step({ op: "make_userns", slot: frame.inner, uidMap, gidMap }, USER_NAMESPACE)];
}

/** What the process is in before it is cloned: namespaces that are joined, a time namespace, the user namespace for it. */
function surroundingSteps(
  request: CreateRequest,
  frame: Frame,
  namespaces: Namespaces,
  mappedFirst: boolean,
): Step[] {
  const { userNamespace } = request;
  const joins = joinSteps(namespaces, frame);
  const time = timeSteps(request, frame, namespaces);
  if (mappedFirst) {
    return [
      ...joins,
      step({ op: "unshare", flags: BigInt(CLONE_NEWUSER) }, ["linux", "namespaces"]),
      step({ op: "sync", word: WORDS.maps }, USER_NAMESPACE),
      ...mappedRootSteps(),
      ...innerSteps(userNamespace?.inner, frame),
      ...time,
    ];
  }
  if (userNamespace?.isNew !== false || time.length === 0) return [...joins, ...time];
  // With power outside it is used before it is given up; without, there is none before the user namespace.
  return userNamespace.privileged ? [...time, ...joins] : [...joins, ...mappedRootSteps(), ...time];
}

/** chown(2): leave it. */
const SAME = 0xffffffff;
const CGROUP: Origin = ["linux", "cgroupsPath"];
const USER_NAMESPACE: Origin = ["linux", "uidMappings"];

const PROCESS = (request: CreateRequest): ProcessRequest => ({
  process: request.spec.process!,
  origin: ["process"],
});

function mappedRootSteps(): Step[] {
  return [
    ...becomeMappedRoot(),
    // Its own /proc files belong to the host's root while it is not.
    step({ op: "prctl", option: PR_SET_DUMPABLE, arg2: 1n, arg3: 0n }, USER_NAMESPACE),
  ];
}

function openStep(slot: number, path: string, flags: number, origin: Origin): Step {
  return step({ op: "open", slot, root: null, path, flags, resolve: 0 }, origin);
}

/** What the new process is to the kernel: session, keyring, score, and out of every debugger's reach. */
function identitySteps(request: CreateRequest, frame: Frame, namespaces: Namespaces): Step[] {
  const steps = [step({ op: "setsid" }, ["process"])];
  if (!request.noNewKeyring && request.host.hasKeyrings) {
    steps.push(...keyringSteps(request.id, namespaces.has("user")));
  }
  const another = request.userNamespace === undefined ? {} : { tolerate: [EPERM] };
  steps.push(step({ op: "open_proc", slot: frame.proc, subset: 0 }, ["process"], another));
  steps.push(...attributeSteps({ process: request.spec.process!, origin: ["process"] }, frame.proc));
  // After the score, which a non-dumpable process cannot write (CVE-2016-9962).
  steps.push(step({ op: "prctl", option: PR_SET_DUMPABLE, arg2: 0n, arg3: 0n }, ["process"]));
  if (namespaces.isNew("network")) {
    steps.push(step({ op: "link_up", name: "lo" }, ["linux", "namespaces"]));
  }
  steps.push(...newDeviceSteps(request, frame, namespaces));
  return steps;
}

/** Host-side hooks run while the init waits: the mounts are there, the root is not entered. */
function hostHookSteps({ spec }: CreateRequest): Step[] {
  const wanted = [...spec.hooks?.prestart ?? [], ...spec.hooks?.createRuntime ?? []];
  return wanted.length === 0 ? [] : [step({ op: "sync", word: WORDS.hooks }, ["hooks"])];
}

/** From the entered root to the point where only credentials and the filter are missing. */
function insideSteps(
  request: CreateRequest,
  frame: Frame,
  process: ProcessRequest,
  late: readonly Step[],
): Step[] {
  const { spec } = request;
  const nullDevice = frame.slots.make("/dev/null");
  const steps: Step[] = [];
  // The process's user has no name yet where it gets a namespace of its own: it is root until then.
  const owner = request.userNamespace?.inner === undefined ? spec.process! : { ...spec.process!, user: {} };
  if (spec.process!.terminal === true) {
    steps.push(...terminalSteps(owner, frame, true));
    if ((spec.linux?.maskedPaths ?? []).length > 0) {
      steps.push(...nullDeviceSteps(frame, nullDevice, O_PATH, ["linux", "maskedPaths"]));
    }
  } else steps.push(...streamSteps(owner, frame, nullDevice));
  steps.push(...workingDirectorySteps(request, frame), ...late, ...readonlyRootSteps(request, frame));
  if (spec.hostname !== undefined && spec.hostname !== "") {
    steps.push(step({ op: "sethostname", name: spec.hostname }, ["hostname"]));
  }
  if (spec.domainname !== undefined && spec.domainname !== "") {
    steps.push(step({ op: "setdomainname", name: spec.domainname }, ["domainname"]));
  }
  steps.push(...apparmorSteps(process, frame.proc));
  for (const [key, text] of Object.entries(spec.linux?.sysctl ?? {})) {
    const path = `sys/${sysctlPath(key)}`;
    steps.push(step({ op: "write_proc", proc: frame.proc, path, text }, ["linux", "sysctl", key]));
  }
  steps.push(...maskSteps(request, frame, nullDevice), ...noNewPrivilegesSteps(process));
  return [...steps, ...schedulingSteps(process), ...memorySteps(spec.linux)];
}

function workingDirectorySteps({ spec }: CreateRequest, frame: Frame): Step[] {
  const path = pathInRoot(spec.process!.cwd!);
  if (path === "") return [];
  const op = "make_mountpoint";
  const { target: slot, root } = frame;
  return [step({ op, slot, root, path, like: null, type: S_IFDIR, mode: 0o755 }, ["process", "cwd"])];
}

/** After `ready`: the user, the program, the filter, the barrier, the program. */
function lastSteps(request: CreateRequest, frame: Frame, process: ProcessRequest): Step[] {
  const { seccomp, spec } = request;
  const first = 3 + request.preserveFds;
  const early = seccomp !== undefined && spec.process!.noNewPrivileges !== true;
  const filter = filterSteps(seccomp);
  const umask = userOf(spec.process!).umask ?? 0o022;
  const keep = request.barrier ? frame.barrier : null;
  const steps = [
    ...selinuxSteps(process, frame.proc),
    ...(request.userNamespace === undefined ? rlimitSteps(process) : []),
    step({ op: "umask", mask: umask }, ["process", "user", "umask"]),
    step({ op: "set_home", uid: userOf(spec.process!).uid }, ["process", "env"]),
    // Without no_new_privs, loading a filter needs CAP_SYS_ADMIN: before the capabilities are dropped.
    ...(request.userNamespace?.inner === undefined
      ? []
      : [step({ op: "setns", slot: frame.inner, flags: CLONE_NEWUSER }, ["process", "user"])]),
    ...(early ? filter : []),
    ...credentialSteps(process, request.userNamespace?.setgroups !== false),
    ...programSteps(process),
    step({ op: "close_range", first, keep }, ["process"], closeTolerance(early)),
    ...(early ? [] : filter),
  ];
  if (request.barrier) {
    // An ordinary user's exec into the waiting container needs it (kernel-facts.md section 6); every host
    // descriptor but the barrier is closed.
    if (request.userNamespace?.privileged === false) {
      steps.push(step({ op: "prctl", option: PR_SET_DUMPABLE, arg2: 1n, arg3: 0n }, []));
    }
    steps.push(step({ op: "end_conversation" }, []), step({ op: "barrier", slot: frame.barrier }, []));
  }
  return [
    ...steps,
    // Inside the container already: without an environment of its own a hook has the process's (runc hooks.bats).
    ...hookSteps("startContainer", spec.hooks?.startContainer, {
      state: request.hookState.created,
      pid: 0,
      environment: process.process.env,
    }),
    ...execveSteps(process),
  ];
}
