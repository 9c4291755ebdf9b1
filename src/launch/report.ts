import { signalNumber, signalText } from "../linux/signals.ts";
import { ContainerError, errnoName, errnoText, type Origin, originText } from "../errors.ts";
import type { Plan, Step } from "../plan/plan.ts";
import type { Op } from "../plan/schema.ts";
import type { Report } from "./conversation.ts";

/**
 * Put an init's report into words: `mounts[3] (/dev/shm, tmpfs): operation not permitted`, and a hint where one is
 * known. What clients match on keeps runc's words (the program that is not found, the hook that failed).
 */
export function reportToError(report: Report, plan: Plan): ContainerError {
  const step = plan.steps[report.opIndex];
  const errno = errnoName(report.errno);
  if (step === undefined) {
    return new ContainerError("start the container's init", { place: "plan", errno });
  }
  const special = SPECIAL[step.op.op]?.(step, report, errno);
  if (special !== undefined) return special;
  const detail = describeOp(step.op);
  const place = originText(step.origin);
  const hint = hintFor(step, errno);
  return new ContainerError(detail === "" ? `${place}: ${step.op.op}` : `${place} (${detail})`, {
    reason: report.text === "" ? errnoText(errno) : `${errnoText(errno)}: ${report.text.trim()}`,
    errno,
    hint,
  });
}

/** Keys of `process` that an init carries out last, behind the point where runc calls the container made. */
const LAST_OF_PROCESS: readonly unknown[] = ["args", "cwd", "capabilities", "user"];

/**
 * Nest the failure of a new container's init as runc does: all that precedes the process's last steps is
 * `error during container init: …`; the program that is not found, the user, the directory are told plainly.
 */
export function initError(error: ContainerError, origin: Origin): ContainerError {
  const last = origin[0] === "process" && LAST_OF_PROCESS.includes(origin[1]);
  return last ? error : error.within("error during container init");
}

/** Operations whose failures clients know by runc's words. */
const SPECIAL: Partial<
  Record<Op["op"], (step: Step, report: Report, errno: string) => ContainerError | undefined>
> = {
  find_program: (step, _report, errno) => {
    if (step.op.op !== "find_program") return undefined;
    const name = JSON.stringify(step.op.name);
    if (!step.op.name.includes("/")) {
      return new ContainerError(`exec: ${name}: executable file not found in $PATH`);
    }
    const what = errno === "EACCES" ? "" : `stat ${step.op.name}: `;
    return new ContainerError(`exec: ${name}: ${what}${errnoText(errno)}`);
  },
  execve: (step, _report, errno) => {
    if (step.op.op !== "execve") return undefined;
    return new ContainerError(`exec ${step.op.argv[0]}`, { errno });
  },
  check_cwd: (step) => {
    return new ContainerError("current working directory is outside of container mount namespace root", {
      reason: "possible container breakout detected",
      place: originText(step.origin),
    });
  },
  open: (step, _report, errno) => {
    if (step.op.op === "open" && step.origin[0] === "--cgroup") return joinError(step.op.path, "open", errno);
    // Only /proc and /sys are opened as the destination of a mount: they must be there as plain directories.
    if (step.op.op !== "open" || step.origin.at(-1) !== "destination") return undefined;
    if (errno !== "ENOTDIR" && errno !== "ELOOP") return undefined;
    return new ContainerError(originText(step.origin), {
      reason: `${JSON.stringify(`/${step.op.path}`)} must be mounted on ordinary directory`,
    });
  },
  require_fstype: (step, _report, errno) => {
    if (step.op.op !== "require_fstype" || errno !== "EXDEV") return undefined;
    const [end, reason] = step.op.negate === 1
      ? ["destination", "inside /proc"]
      : ["source", "not of type proc"];
    return new ContainerError(originText([...step.origin, end]), {
      reason: `cannot be mounted because it is ${reason}`,
    });
  },
  require_other: ({ origin }, _report, errno) => {
    if (errno !== "ELOOP") return undefined;
    return new ContainerError(originText(origin), {
      reason: "a mount may not cover the root itself: a symbolic link leads there",
    });
  },
  require_device: (step, _report, errno) => {
    if (errno !== "ENODEV") return undefined;
    return new ContainerError(originText(step.origin), {
      reason: "/dev/null of the container is not the null device (character device 1:3)",
    });
  },
  mount_setattr: ({ op, origin }, _report, errno) => {
    if (op.op !== "mount_setattr" || op.userns === null) return undefined;
    return new ContainerError(`${originText(origin)}: failed to set MOUNT_ATTR_IDMAP`, {
      errno,
      hint: IDMAP_HINTS[errno],
    });
  },
  absent_link: ({ op, origin }, _report, errno) => {
    if (op.op !== "absent_link" || errno !== "EEXIST") return undefined;
    return new ContainerError(originText(origin), {
      reason: `the container's network namespace has a device ${op.name} already`,
      hint: "give it another name by `name`, or a template with %d",
    });
  },
  netlink: ({ op, origin }, _report, errno) => {
    if (op.op !== "netlink") return undefined;
    const what = op.netns !== null
      ? "move network device"
      : op.message[4] === RTM_NEWADDR
      ? "add an address to network device"
      : "name and set up network device";
    const hint = op.netns !== null && errno === "EINVAL"
      ? "a device like lo cannot leave its namespace"
      : undefined;
    return new ContainerError(`fail to ${what}`, { place: originText(origin), errno, hint });
  },
  write_slot: (step, _report, errno) =>
    step.origin[0] === "--cgroup" ? joinError("its cgroup", "write", errno) : undefined,
  run_hook: (step, report, errno) => hookError(step.origin, report, errno, step.op),
};

const RTM_NEWADDR = 20;

/** Why the kernel maps no ids of a mount (`can_idmap_mount`). */
const IDMAP_HINTS: Record<string, string> = {
  EINVAL: "maybe the filesystem used doesn't support idmap mounts on this kernel?",
  EPERM: "is the source id-mapped already, or a file system that this user namespace does not own?",
  ENOSYS: "id-mapped mounts need Linux 5.12",
};

/** A process of `exec` that does not get into its group writes itself there: 0 is its own number. */
function joinError(path: string, what: string, errno: string): ContainerError {
  return new ContainerError(`error adding pid 0 to cgroups: failed to write 0: ${what} ${path}`, { errno });
}

function hookError(origin: Origin, report: Report, errno: string, op: Op): ContainerError {
  const [, kind, index] = origin;
  const prefix = `error running ${kind} hook #${index}`;
  if (errno === "ETIME" && op.op === "run_hook") {
    return new ContainerError(
      `${prefix}: hook ran past specified timeout of ${Number(op.timeoutMs) / 1000}.0s`,
    );
  }
  const match = /^(\d+) (\d+) ([^]*)$/.exec(report.text);
  if (errno !== "ECANCELED" || match === null) {
    return new ContainerError(`${prefix}: fork/exec ${op.op === "run_hook" ? op.path : ""}`, { errno });
  }
  const stdout = match[3]!.slice(0, Number(match[2]));
  const stderr = match[3]!.slice(Number(match[2]));
  const status = Number(match[1]);
  return new ContainerError(
    `${prefix}: ${statusText(status)}, stdout: ${stdout}, stderr: ${stderr}`,
    { hint: (status & 0x7f) === signalNumber("SYS") ? FILTERED_HOOK : undefined },
  );
}

/** With the words of runc 1.1, which its own test of this case looks for. */
const FILTERED_HOOK = "a startContainer hook runs under linux.seccomp, which must allow what it calls; " +
  'in runc 1.1 this is "error running hook"';

/** A wait status as Go prints it. */
export function statusText(status: number): string {
  const signal = status & 0x7f;
  if (signal === 0) return `exit status ${status >> 8}`;
  return `signal: ${signalText(signal)}${(status & 0x80) === 0 ? "" : " (core dumped)"}`;
}

/** What an operation is about, in one or two words of config.json. */
function describeOp(op: Op): string {
  switch (op.op) {
    case "fsmount":
      return op.fstype;
    case "open":
    case "open_tree":
    case "make_mountpoint":
    case "mknod":
    case "symlink":
    case "unlink":
    case "umount":
    case "mask_path":
    case "readonly_path":
    case "write_proc":
    case "check_proc":
    case "chdir":
      return op.path;
    case "sethostname":
    case "setdomainname":
      return op.name;
    default:
      return "";
  }
}

interface Hint {
  readonly op: Op["op"];
  readonly errno: string;
  readonly hint: string;
  /** Only for steps that come from this part of `linux`. */
  readonly from?: string;
  /** Only for this file system. */
  readonly fstype?: string;
}

/** Why a user namespace may mount no procfs (kernel: mount_too_revealing()). `create` adds what covers /proc. */
export const PROC_REFUSED =
  "a proc needs a pid namespace of the user namespace's own, and a /proc around it that nothing covers; " +
  "else bind /proc (type none, options rbind); `dunc check` tells";

/** Likely causes, by operation and errno. */
const HINTS: readonly Hint[] = [
  {
    op: "setns",
    errno: "EINVAL",
    hint: "a path must lead to a namespace of the entry's type, and not to dunc's own user namespace; " +
      "`readlink PATH` or `lsns` tells",
  },
  {
    op: "setns",
    errno: "EPERM",
    hint:
      "only who has power over its user namespace may join it: give that one's path too, or run as root; " +
      "`dunc check` tells",
  },
  {
    op: "open",
    errno: "ENOENT",
    from: "namespaces",
    hint: "what held the namespace is gone: start it again, or leave the path out for a new one",
  },
  {
    op: "open",
    errno: "EACCES",
    from: "namespaces",
    hint: "its process is somebody else's: only your own namespaces, or root's with root, can be joined",
  },
  { op: "fsmount", errno: "EPERM", fstype: "proc", hint: PROC_REFUSED },
  {
    op: "fsmount",
    errno: "EPERM",
    fstype: "sysfs",
    hint: "a sysfs needs a network namespace of the user namespace's own: add one, or bind /sys as " +
      "`dunc spec --rootless` does; `dunc check` tells",
  },
  {
    op: "fsmount",
    errno: "EPERM",
    fstype: "mqueue",
    hint: "an mqueue needs an ipc namespace of the user namespace's own: add one; `dunc check` tells",
  },
  {
    op: "fsmount",
    errno: "EPERM",
    hint: "is this file system allowed in this user namespace? `dunc check` tells",
  },
  { op: "fsmount", errno: "ENODEV", hint: "does the kernel know this file system? see /proc/filesystems" },
  { op: "fsmount", errno: "EINVAL", hint: "does this file system know all of the mount's options?" },
  { op: "open_tree", errno: "ENOENT", hint: "the mount's source does not exist" },
  { op: "open_tree", errno: "EINVAL", hint: "a bind of a tree with mounts below it needs rbind here" },
  {
    op: "move_mount",
    errno: "EINVAL",
    hint: "source and destination must both be directories or both be files",
  },
  { op: "open", errno: "ELOOP", hint: "the path leads through a symbolic link that is not allowed here" },
  {
    op: "clone",
    errno: "EPERM",
    hint: "is CAP_SYS_ADMIN there, or are user namespaces allowed? `dunc check` tells",
  },
  { op: "clone", errno: "EAGAIN", hint: "a limit on processes was reached: pids.max or RLIMIT_NPROC" },
  {
    op: "clone",
    errno: "ENOSPC",
    hint: "a limit on namespaces was reached, see /proc/sys/user; `dunc check` tells",
  },
  { op: "setns", errno: "ESRCH", hint: "the container has ended meanwhile" },
  { op: "prlimit", errno: "EPERM", hint: "raising a hard limit needs CAP_SYS_RESOURCE; `dunc check` tells" },
  {
    op: "open_proc",
    errno: "EPERM",
    hint:
      "the container around this process covers parts of /proc, or gave no CAP_SYS_ADMIN; `dunc check` tells",
  },
  { op: "unshare", errno: "EPERM", hint: "is CAP_SYS_ADMIN there, or is it forbidden? `dunc check` tells" },
  {
    op: "setgroups",
    errno: "EPERM",
    hint: "setgroups is denied in this user namespace: map a range of gids, see `dunc check`",
  },
  {
    op: "setresuid",
    errno: "EINVAL",
    hint: "this uid is not mapped in the user namespace, see `dunc check`",
  },
  {
    op: "setresgid",
    errno: "EINVAL",
    hint: "this gid is not mapped in the user namespace, see `dunc check`",
  },
  {
    op: "seccomp",
    errno: "EBUSY",
    hint:
      "SCMP_ACT_NOTIFY: the runtime itself stands under a filter with a listener, and there can be one only",
  },
  {
    op: "seccomp",
    errno: "EINVAL",
    hint:
      "does this kernel know the flags of linux.seccomp.flags, and SCMP_ACT_NOTIFY where it is used (5.7)?",
  },
  { op: "open_pty", errno: "ENOENT", hint: "mounts needs a devpts at /dev/pts" },
  { op: "mknod", errno: "EEXIST", hint: "something that is not this device stands at the path" },
];

function hintFor(step: Step, errno: string): string | undefined {
  return HINTS.find(({ op, errno: expected, from, fstype }) =>
    op === step.op.op && expected === errno && (from === undefined || step.origin[1] === from) &&
    (fstype === undefined || (step.op.op === "fsmount" && step.op.fstype === fstype))
  )?.hint;
}
