/**
 * Writes src/linux/constants.gen.ts: the kernel's numbers, read from its own headers by a small C program.
 * With --check it writes nothing and fails when the file is behind. Both need gcc; the numbers of aarch64 are
 * compared where its cross compiler is installed, and the script says when it is not.
 */

const HEADERS = [
  "linux/errno.h",
  "linux/fcntl.h",
  "linux/openat2.h",
  "linux/mount.h",
  "linux/sched.h",
  "linux/prctl.h",
  "linux/stat.h",
  "linux/magic.h",
  "linux/seccomp.h",
  "linux/personality.h",
  "linux/mempolicy.h",
  "linux/ioprio.h",
];

/** A name whose number differs between the architectures is refused, but for those of `X86_64`. */
const NAMES = [
  ..."EPERM ENOENT ESRCH EINTR EIO ENXIO EBADF EAGAIN ENOMEM EACCES EBUSY EEXIST EXDEV ENODEV ENOTDIR EINVAL"
    .split(" "),
  ..."ENOSPC EROFS ENOSYS ELOOP ETIME EPROTO ETIMEDOUT EOPNOTSUPP EDQUOT ECANCELED".split(" "),
  ..."AT_FDCWD AT_EMPTY_PATH AT_RECURSIVE O_RDONLY O_WRONLY O_RDWR O_CLOEXEC O_PATH O_NONBLOCK O_CREAT O_EXCL"
    .split(" "),
  ..."RESOLVE_BENEATH RESOLVE_IN_ROOT RESOLVE_NO_MAGICLINKS RESOLVE_NO_SYMLINKS RESOLVE_NO_XDEV".split(" "),
  ..."MS_RDONLY MS_NOSUID MS_NODEV MS_NOEXEC MS_SYNCHRONOUS MS_REMOUNT MS_MANDLOCK MS_DIRSYNC MS_NOSYMFOLLOW"
    .split(" "),
  ..."MS_NOATIME MS_NODIRATIME MS_BIND MS_MOVE MS_REC MS_SILENT MS_UNBINDABLE MS_PRIVATE MS_SLAVE MS_SHARED"
    .split(" "),
  ..."MS_RELATIME MS_I_VERSION MS_STRICTATIME MS_LAZYTIME".split(" "),
  ..."MOUNT_ATTR_RDONLY MOUNT_ATTR_NOSUID MOUNT_ATTR_NODEV MOUNT_ATTR_NOEXEC MOUNT_ATTR__ATIME".split(" "),
  ..."MOUNT_ATTR_RELATIME MOUNT_ATTR_NOATIME MOUNT_ATTR_STRICTATIME MOUNT_ATTR_NODIRATIME".split(" "),
  ..."MOUNT_ATTR_IDMAP MOUNT_ATTR_NOSYMFOLLOW".split(" "),
  ..."CLONE_NEWNS CLONE_NEWCGROUP CLONE_NEWUTS CLONE_NEWIPC CLONE_NEWUSER CLONE_NEWPID CLONE_NEWNET CLONE_NEWTIME"
    .split(" "),
  ..."PR_SET_DUMPABLE PR_SET_KEEPCAPS PR_SET_NO_NEW_PRIVS PR_CAP_AMBIENT PR_CAP_AMBIENT_RAISE".split(" "),
  ..."PR_CAP_AMBIENT_CLEAR_ALL PR_SET_CHILD_SUBREAPER".split(" "),
  ..."S_IFMT S_IFDIR S_IFREG S_IFCHR S_IFBLK S_IFIFO S_IFLNK".split(" "),
  ..."PROC_SUPER_MAGIC CGROUP2_SUPER_MAGIC TMPFS_MAGIC".split(" "),
  ..."SECCOMP_FILTER_FLAG_LOG SECCOMP_FILTER_FLAG_SPEC_ALLOW SECCOMP_FILTER_FLAG_NEW_LISTENER".split(" "),
  ..."PER_LINUX PER_LINUX32 MPOL_DEFAULT MPOL_PREFERRED MPOL_BIND MPOL_INTERLEAVE MPOL_LOCAL".split(" "),
  ..."MPOL_PREFERRED_MANY MPOL_F_STATIC_NODES MPOL_F_RELATIVE_NODES MPOL_F_NUMA_BALANCING".split(" "),
  ..."IOPRIO_CLASS_RT IOPRIO_CLASS_BE IOPRIO_CLASS_IDLE IOPRIO_CLASS_SHIFT".split(" "),
  ..."SCHED_NORMAL SCHED_FIFO SCHED_RR SCHED_BATCH SCHED_IDLE SCHED_DEADLINE".split(" "),
  ..."SCHED_FLAG_RESET_ON_FORK SCHED_FLAG_RECLAIM SCHED_FLAG_DL_OVERRUN SCHED_FLAG_KEEP_POLICY".split(" "),
  ..."SCHED_FLAG_KEEP_PARAMS SCHED_FLAG_UTIL_CLAMP_MIN SCHED_FLAG_UTIL_CLAMP_MAX".split(" "),
];

/** Plans travel with x86_64's numbers of these; the C side translates (c/sys.h, `open_flags`). */
const X86_64 = { O_DIRECTORY: 0o200000, O_NOFOLLOW: 0o400000 };

/** Newer than Debian 12's headers (6.1), stable numbers of the kernel's interface. */
const NEWER = { MPOL_WEIGHTED_INTERLEAVE: 6, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 32 };

function valuesOf(compiler: string): Map<string, number> | undefined {
  const names = NAMES;
  const source = [
    ...HEADERS.map((header) => `#include <${header}>`),
    ...names.map((name) => `@${name} ${name}`),
  ];
  // Each value as a constant array's size: readable from the assembly without running the program.
  const program = source.map((line) =>
    line.startsWith("@")
      ? `long long v_${line.slice(1).split(" ")[0]} = (long long)(${line.split(" ")[1]});`
      : line
  ).join("\n");
  let output: Deno.CommandOutput;
  try {
    const file = Deno.makeTempFileSync({ suffix: ".c" });
    Deno.writeTextFileSync(file, program);
    output = new Deno.Command(compiler, { args: ["-S", "-O0", "-o", "-", file] }).outputSync();
    Deno.removeSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  if (!output.success) throw new Error(new TextDecoder().decode(output.stderr));
  const values = new Map<string, number>();
  const text = new TextDecoder().decode(output.stdout);
  for (const name of names) {
    const match = new RegExp(`^v_${name}:\\n\\s+\\.(quad|xword|zero)\\s+(-?\\d+)`, "m").exec(text);
    if (match === null) throw new Error(`${compiler}: no value for ${name}`);
    values.set(name, match[1] === "zero" ? 0 : Number(match[2]));
  }
  return values;
}

function moduleText(): string {
  const native = valuesOf("gcc");
  if (native === undefined) throw new Error("gcc is not installed");
  const arm = valuesOf("aarch64-linux-gnu-gcc");
  if (arm === undefined) {
    console.error("gen_constants: aarch64 is not compared: aarch64-linux-gnu-gcc is not installed");
  }
  const lines = [
    "// Written by scripts/gen_constants.ts from the kernel's headers: do not edit.",
    "// deno-lint-ignore-file",
  ];
  for (const name of NAMES) {
    if (arm !== undefined && arm.get(name) !== native.get(name)) {
      throw new Error(`${name} differs on aarch64: name it in X86_64`);
    }
    lines.push(`export const ${name} = ${native.get(name)};`);
  }
  for (const [name, value] of Object.entries({ ...X86_64, ...NEWER })) {
    lines.push(`export const ${name} = ${value};`);
  }
  return [...lines, ""].join("\n");
}

if (import.meta.main) {
  const path = new URL("../src/linux/constants.gen.ts", import.meta.url);
  const text = moduleText();
  if (Deno.args[0] !== "--check") Deno.writeTextFileSync(path, text);
  else if (Deno.readTextFileSync(path) !== text) {
    console.error(
      "src/linux/constants.gen.ts is behind scripts/gen_constants.ts: run `deno task gen` and commit it",
    );
    Deno.exit(1);
  }
}
