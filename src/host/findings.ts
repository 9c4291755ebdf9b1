// Pure: from what was found out about the host to what it means.
import { capabilityNumber } from "../linux/capabilities.ts";
import type { FileFacts } from "./facts.ts";
import type { IdRange } from "./subids.ts";
import type { TrialName } from "../plan/trials.ts";

/** How a trial ended: carried out, or the first operation that failed with its errno. */
export type Outcome = "ok" | { readonly op: string; readonly errno: string };

/** newuidmap or newgidmap. */
export interface Helper {
  readonly path: string;
  /** Set-uid root, or with the file capability: what it needs to do its work. */
  readonly privileged: boolean;
}

/** Everything that the judgement is made from. */
export interface HostFacts extends FileFacts {
  readonly trials: Readonly<Record<TrialName, Outcome>>;
  readonly helpers: { readonly newuidmap?: Helper | undefined; readonly newgidmap?: Helper | undefined };
  /** Whether a map of all subordinate ids could be written; undefined where it was not tried. */
  readonly rangedMap: { readonly reason: string } | "ok" | undefined;
  readonly cgroup: {
    readonly mode: "v1" | "hybrid" | "v2" | "none";
    readonly controllers: readonly string[];
    /** The group whose making was tried, and why it failed. */
    readonly directory: string | undefined;
    readonly refusal: string | undefined;
    /** Whether a container is not made without a group: true for the host's root, unless --cgroup-manager disabled. */
    readonly needed: boolean;
    /** v2: controllers that a container's group would have. */
    readonly delegated: readonly string[];
  };
  /** Where state is kept, and why it cannot be. */
  readonly stateFolder: { readonly path: string; readonly refusal: string | undefined };
  readonly runtimeDirectory: string | undefined;
  /** Newer system calls that the kernel has and lets this process make; plans do without them otherwise. */
  readonly calls: { readonly openat2: boolean; readonly mountApi: boolean };
}

/** One thing that a host allows, allows in part, or does not. */
export interface Finding {
  readonly name: string;
  readonly status: "ok" | "limited" | "missing";
  /** What was found. */
  readonly detail: string;
  /** What to do about it. */
  readonly fix?: string;
  /** Without it no container can be run at all. */
  readonly required?: true;
}

/** Judge a host. The order is that of a container's making. */
export function findingsOf(facts: HostFacts): Finding[] {
  return [
    kernel(facts),
    init(facts),
    stateFolder(facts),
    userNamespace(facts),
    namespaces(facts),
    mounts(facts),
    freshMount(facts, "proc"),
    ...(isOrdinary(facts) || facts.trials.userNamespace !== "ok" || !facts.calls.mountApi
      ? []
      : [procForOthers(facts)]),
    freshMount(facts, "sysfs"),
    ...ranges(facts),
    cgroup(facts),
    delegation(facts),
    feature("openat2", facts.trials.openat2, "paths are walked step by step, which is slower", "5.6"),
    intoCgroup(facts),
    feature("time namespaces", facts.trials.timeNamespace, "linux.timeOffsets cannot be had", "5.6"),
    idMappedMounts(facts),
    seccomp(facts),
    securityModules(facts),
    ...privileges(facts),
  ];
}

/** Whether a container can be run. */
export function isUsable(findings: readonly Finding[]): boolean {
  return !findings.some(({ status, required }) => status === "missing" && required === true);
}

const isOrdinary = ({ uid }: HostFacts): boolean => uid !== 0;

const failure = ({ op, errno }: { op: string; errno: string }): string => `${op}: ${errno}`;

function kernel({ kernel }: HostFacts): Finding {
  const [major = 0, minor = 0] = kernel.split(".").map((part) => parseInt(part, 10));
  const recent = major > 5 || (major === 5 && minor >= 12);
  const detail = `Linux ${kernel}`;
  if (recent) return { name: "kernel", status: "ok", detail };
  const fix = "Linux 5.12 or newer has all that is used; older calls stand in for some of it";
  return { name: "kernel", status: "limited", detail, fix };
}

function init({ trials, sysctls }: HostFacts): Finding {
  const name = "memory files";
  const noexec = sysctls["vm.memfd_noexec"];
  if (trials.init === "ok") return { name, status: "ok", detail: "a program in a memfd can be executed" };
  const detail = `the init cannot be executed from a memfd (${failure(trials.init)})`;
  const fix = noexec === "2"
    ? "sysctl -w vm.memfd_noexec=1 (it is 2, which forbids every executable memfd)"
    : "a seccomp filter or a security module around this process must allow memfd_create, clone3 and execveat";
  return { name, status: "missing", detail, fix, required: true };
}

function stateFolder({ stateFolder, runtimeDirectory, uid }: HostFacts): Finding {
  const { path, refusal } = stateFolder;
  const name = "state folder";
  if (refusal === undefined) return { name, status: "ok", detail: path };
  const fix = uid !== 0 && runtimeDirectory === undefined
    ? "set XDG_RUNTIME_DIR to a folder of your own (a log-in session has /run/user/UID), or give --root DIR"
    : "give --root DIR with a folder of your own that nobody else may write to";
  return { name, status: "missing", detail: `${path}: ${refusal}`, fix, required: true };
}

function userNamespace(facts: HostFacts): Finding {
  const { trials, sysctls } = facts;
  const name = "user namespaces";
  const limit = sysctls["user.max_user_namespaces"];
  if (trials.userNamespace === "ok") {
    return { name, status: "ok", detail: `one was made (user.max_user_namespaces = ${limit ?? "unknown"})` };
  }
  const detail = `none can be made (${failure(trials.userNamespace)})`;
  const finding = { name, status: "missing", detail, fix: userNamespaceFix(facts) } as const;
  return isOrdinary(facts) ? { ...finding, required: true } : finding;
}

/** Which switch forbids user namespaces: user_namespaces(7), Debian's and Ubuntu's patches. */
function userNamespaceFix(facts: HostFacts): string {
  const { sysctls, insideUserNamespace, trials: { userNamespace } } = facts;
  const map = userNamespace !== "ok" && userNamespace.op.endsWith("_map");
  if (map && !isOrdinary(facts) && !has(facts, "CAP_SETFCAP")) {
    return "CAP_SETFCAP is needed to map root (docker --cap-add SETFCAP)";
  }
  if (sysctls["user.max_user_namespaces"] === "0") {
    return "sysctl -w user.max_user_namespaces=15000 (it is 0)";
  }
  if (sysctls["kernel.unprivileged_userns_clone"] === "0") {
    return "sysctl -w kernel.unprivileged_userns_clone=1 (it is 0)";
  }
  if (sysctls["kernel.apparmor_restrict_unprivileged_userns"] === "1") {
    return "an AppArmor profile for dunc with the rule `userns,`, or " +
      "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 (it is 1)";
  }
  if (insideUserNamespace) {
    return "this is a container already: its seccomp filter must allow clone3 and unshare, " +
      "and user namespaces may be nested 32 deep";
  }
  return "a seccomp filter or a security module around this process must allow clone3 with CLONE_NEWUSER; " +
    "a process in a chroot may make none";
}

function namespaces(facts: HostFacts): Finding {
  const outcome = facts.trials.namespaces;
  const name = "namespaces";
  if (outcome === "ok") {
    return { name, status: "ok", detail: "mount, pid, network, ipc and uts namespaces were made" };
  }
  const detail = `mount, pid, network, ipc and uts namespaces cannot be made (${failure(outcome)})`;
  const fix = isOrdinary(facts)
    ? "user namespaces come first; then the limits in /proc/sys/user"
    : "CAP_SYS_ADMIN is needed; in a container of docker or podman: --privileged or --cap-add SYS_ADMIN";
  return { name, status: "missing", detail, fix, required: true };
}

function mounts(facts: HostFacts): Finding {
  const outcome = facts.trials.mounts;
  const name = "mounts";
  if (outcome === "ok") {
    return { name, status: "ok", detail: "fsopen, fsmount and mount_setattr work, with a tmpfs" };
  }
  if (!facts.calls.mountApi && facts.trials.namespaces === "ok") {
    const fix =
      "Linux 5.12 or newer, and no seccomp filter that refuses fsopen, move_mount and mount_setattr";
    const detail = `mount(2) is used, not the newer calls (${failure(outcome)}): no id-mapped mounts`;
    return { name, status: "limited", detail, fix };
  }
  const restricted = facts.sysctls["kernel.apparmor_restrict_unprivileged_userns"] === "1";
  const fix = facts.trials.namespaces !== "ok"
    ? "namespaces come first"
    : isOrdinary(facts) && restricted
    ? userNamespaceFix(facts)
    : "the seccomp filter around this process must allow fsopen, fsmount, move_mount and mount_setattr";
  return {
    name,
    status: "missing",
    detail: `a tmpfs cannot be mounted (${failure(outcome)})`,
    fix,
    required: true,
  };
}

/** A fresh /proc or /sys in namespaces of its own (mount_namespaces(7), kernel: mount_too_revealing()). */
function freshMount(facts: HostFacts, kind: "proc" | "sysfs"): Finding {
  const outcome = facts.trials[kind];
  const [path, masks] = kind === "proc" ? ["/proc", facts.procMasks] : ["/sys", facts.sysMasks];
  if (outcome === "ok") return { name: path, status: "ok", detail: `a fresh ${kind} can be mounted` };
  if (!facts.calls.mountApi) {
    const fix = "mount it in a container and see";
    return { name: path, status: "limited", detail: "not tried without the newer mount calls", fix };
  }
  const detail = `a fresh ${kind} cannot be mounted (${failure(outcome)})`;
  // The init itself needs a procfs.
  const status = { name: path, status: kind === "proc" ? "missing" : "limited" } as const;
  const rest = kind === "proc" ? { required: true as const } : {};
  if (facts.trials.namespaces !== "ok") return { ...status, detail, fix: "namespaces come first", ...rest };
  const covered = masks.length === 0
    ? ""
    : `: ${masks.slice(0, 3).join(", ")}${masks.length > 3 ? ", …" : ""}`;
  return { ...status, detail, fix: unmask(path, covered), ...rest };
}

/** For root: whether its containers with a user namespace have a /proc too. */
function procForOthers(facts: HostFacts): Finding {
  const name = "/proc in user namespaces";
  const outcome = facts.trials.procInUserNamespace;
  if (outcome === "ok") return { name, status: "ok", detail: "a fresh proc can be mounted" };
  const detail = `a fresh proc cannot be mounted (${failure(outcome)})`;
  return { name, status: "limited", detail, fix: unmask("/proc", coveredBy(facts.procMasks)) };
}

function coveredBy(masks: readonly string[]): string {
  return masks.length === 0 ? "" : `: ${masks.slice(0, 3).join(", ")}${masks.length > 3 ? ", …" : ""}`;
}

function unmask(path: string, covered: string): string {
  const own = path === "/proc"
    ? "empty linux.maskedPaths and linux.readonlyPaths (docker --security-opt systempaths=unconfined, " +
      "podman --security-opt unmask=ALL)"
    : "a /sys that is not read-only, or bind /sys instead of mounting sysfs";
  return `the container around this process covers parts of ${path}${covered}; it needs ${own}`;
}

/** How much of the ids of an ordinary user can be mapped. Root maps what it likes. */
function ranges(facts: HostFacts): Finding[] {
  if (!isOrdinary(facts)) return [];
  const { userName, uid, uidRanges, gidRanges, helpers, rangedMap, freeId } = facts;
  const name = "id ranges";
  const single = "files and processes of a container can have one owner only";
  const missing = (["uid", "gid"] as const).filter((kind) =>
    (kind === "uid" ? uidRanges : gidRanges).length === 0
  );
  const findings: Finding[] = [];
  if (missing.length > 0) {
    const files = missing.map((kind) => `/etc/sub${kind}`).join(" and ");
    const line = `${userName.startsWith("#") ? uid : userName}:${freeId}:65536`;
    const fix = `as root: echo ${line} | tee -a ${missing.map((kind) => `/etc/sub${kind}`).join(" ")}`;
    findings.push({ name, status: "limited", detail: `${userName} has none in ${files}: ${single}`, fix });
  } else {
    const detail = `${total(uidRanges)} uids in /etc/subuid, ${total(gidRanges)} gids in /etc/subgid`;
    findings.push({ name, status: "ok", detail });
  }
  findings.push(helperFinding("newuidmap", helpers.newuidmap), helperFinding("newgidmap", helpers.newgidmap));
  if (rangedMap !== undefined && rangedMap !== "ok") {
    findings.push({
      name: "range map",
      status: "limited",
      detail: `the ranges could not be mapped: ${rangedMap.reason}`,
      fix: facts.noNewPrivileges
        ? "no_new_privs is set for this process: set-uid programs have no power; start it without"
        : "the file system of newuidmap must not be mounted nosuid; subuid and subgid must list the ids",
    });
  } else if (rangedMap === "ok") {
    findings.push({ name: "range map", status: "ok", detail: "all ids of the ranges were mapped" });
  }
  return findings;
}

function helperFinding(name: "newuidmap" | "newgidmap", helper: Helper | undefined): Finding {
  if (helper === undefined) {
    const fix = "install uidmap (Debian, Ubuntu) or shadow-utils, and have it in PATH";
    return { name, status: "limited", detail: "not found in PATH: only the own id can be mapped", fix };
  }
  if (helper.privileged) return { name, status: "ok", detail: helper.path };
  const capability = name === "newuidmap" ? "cap_setuid" : "cap_setgid";
  return {
    name,
    status: "limited",
    detail: `${helper.path} has neither the set-uid bit nor the capability: only the own id can be mapped`,
    fix: `as root: chmod u+s ${helper.path}, or setcap ${capability}=ep ${helper.path}`,
  };
}

const total = (ranges: readonly IdRange[]): number => ranges.reduce((sum, { count }) => sum + count, 0);

function cgroup({ cgroup }: HostFacts): Finding {
  const { mode, controllers } = cgroup;
  const name = "cgroups";
  if (mode === "none") {
    const fix = "mount cgroup2 on /sys/fs/cgroup";
    return { name, status: "limited", detail: "none is mounted: no limits, no pause", fix };
  }
  const list = controllers.length === 0 ? "no controllers" : controllers.join(", ");
  return { name, status: "ok", detail: `${mode}: ${list}` };
}

function delegation(facts: HostFacts): Finding {
  const { mode, directory, refusal, delegated, needed } = facts.cgroup;
  const name = "cgroup delegation";
  if (mode === "none") return { name, status: "limited", detail: "there are no cgroups" };
  if (refusal !== undefined) {
    const detail = `no group can be made (${directory ?? "?"}: ${refusal}): no limits, no pause`;
    if (needed) {
      const fix = "mount /sys/fs/cgroup read-write for this container, or give --cgroup-manager disabled";
      return { name, status: "missing", detail, fix, required: true };
    }
    const fix = mode === "v2"
      ? "start it in a group of your own: systemd-run --user --scope -p Delegate=yes dunc …"
      : "cgroup v1 cannot be delegated safely: boot with systemd.unified_cgroup_hierarchy=1, or do without limits";
    return { name, status: "limited", detail, fix };
  }
  if (mode !== "v2") return { name, status: "ok", detail: "groups can be made" };
  if (delegated.length === 0) {
    const fix =
      "let the group above have controllers: systemd's Delegate=yes, or write to its cgroup.subtree_control";
    return { name, status: "limited", detail: "groups can be made, without controllers: no limits", fix };
  }
  return { name, status: "ok", detail: `groups can be made, with ${delegated.join(", ")}` };
}

function feature(name: string, outcome: Outcome, without: string, since: string): Finding {
  if (outcome === "ok") return { name, status: "ok", detail: "works" };
  return {
    name,
    status: "missing",
    detail: `${without} (${failure(outcome)})`,
    fix: `Linux ${since} or newer, and no seccomp filter that refuses it`,
  };
}

function intoCgroup({ trials: { cloneIntoCgroup: outcome }, cgroup }: HostFacts): Finding {
  const name = "clone into cgroup";
  if (outcome !== "ok" && outcome.errno === "EBADF") return { name, status: "ok", detail: "works" };
  const finding = feature(name, outcome, "a container cannot be born in its cgroup", "5.7");
  return cgroup.mode === "v2" ? finding : { ...finding, status: "limited" };
}

function idMappedMounts(facts: HostFacts): Finding {
  const name = "id-mapped mounts";
  if (facts.trials.mounts !== "ok") {
    return { name, status: "missing", detail: "mount_setattr does not work", fix: "mounts come first" };
  }
  if (!isOrdinary(facts)) {
    return { name, status: "ok", detail: "mount_setattr works; the file system must know them" };
  }
  const fix = "map ids with linux.uidMappings instead, or run as root";
  return { name, status: "limited", detail: "for root only: an ordinary user owns no file system", fix };
}

function seccomp({ seccompActions }: HostFacts): Finding {
  const name = "seccomp";
  if (seccompActions.length === 0) {
    const fix = "a kernel with CONFIG_SECCOMP_FILTER; leave linux.seccomp out until then";
    return { name, status: "missing", detail: "the kernel has no filters", fix };
  }
  return { name, status: "ok", detail: `actions ${seccompActions.join(", ")}` };
}

function securityModules({ securityModules }: HostFacts): Finding {
  const name = "security modules";
  if (securityModules.length > 0) return { name, status: "ok", detail: securityModules.join(", ") };
  const fix = "leave process.apparmorProfile and process.selinuxLabel out";
  return { name, status: "limited", detail: "neither AppArmor nor SELinux is on", fix };
}

/** What the runtime's own credentials keep from it. */
function privileges(facts: HostFacts): Finding[] {
  const findings: Finding[] = [];
  if (facts.noNewPrivileges) {
    findings.push({
      name: "no_new_privs",
      status: "limited",
      detail: "it is set: newuidmap and every other set-uid program have no power",
      fix: "start dunc from a process without it (systemd: NoNewPrivileges=no)",
    });
  } else findings.push({ name: "no_new_privs", status: "ok", detail: "it is not set" });
  if (isOrdinary(facts)) return findings;
  const lacking = LACKING.filter(([capability]) => !has(facts, capability));
  for (const [capability, loss] of lacking) {
    const fix = `give it to this process (docker --cap-add ${capability.slice(4)})`;
    findings.push({ name: capability, status: "limited", detail: `missing: ${loss}`, fix });
  }
  return findings;
}

const has = ({ capabilities }: HostFacts, name: string): boolean =>
  (capabilities >> BigInt(capabilityNumber(name)!) & 1n) === 1n;

/** What a root without a capability cannot do. */
const LACKING: readonly (readonly [name: string, loss: string])[] = [
  ["CAP_SYS_RESOURCE", "hard limits cannot be raised, oom_score_adj cannot be lowered"],
  ["CAP_MKNOD", "devices are bound from the host instead of made"],
  ["CAP_NET_ADMIN", "sysctls of the network and network devices cannot be set"],
  ["CAP_SETUID", "a process cannot have another user than root"],
  ["CAP_SETGID", "a process cannot have other groups"],
  ["CAP_SYS_PTRACE", "exec into a waiting container is not allowed"],
];
