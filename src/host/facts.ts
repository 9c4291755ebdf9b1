import { isInUserNamespace } from "./namespaces.ts";
import { type IdRange, readFreeId, readRanges } from "./subids.ts";
import { userName } from "./user_name.ts";

/** The sysctls that allow or forbid what containers are made of. */
export const SYSCTLS = [
  "user.max_user_namespaces",
  "user.max_mnt_namespaces",
  "kernel.unprivileged_userns_clone",
  "kernel.apparmor_restrict_unprivileged_userns",
  "vm.memfd_noexec",
] as const;

export type SysctlName = typeof SYSCTLS[number];

/** What files say about this process and the host it is on. */
export interface FileFacts {
  readonly kernel: string;
  readonly uid: number;
  readonly gid: number;
  readonly userName: string;
  /** Not the host's own user namespace: a container, or `unshare --user`. */
  readonly insideUserNamespace: boolean;
  /** The effective set. */
  readonly capabilities: bigint;
  readonly noNewPrivileges: boolean;
  readonly sysctls: Readonly<Partial<Record<SysctlName, string>>>;
  readonly uidRanges: readonly IdRange[];
  readonly gidRanges: readonly IdRange[];
  /** Where another range could begin. */
  readonly freeId: number;
  /** What covers parts of /proc: the kernel then lets no user namespace mount a fresh one. */
  readonly procMasks: readonly string[];
  readonly sysMasks: readonly string[];
  readonly seccompActions: readonly string[];
  /** Security modules that are on. */
  readonly securityModules: readonly string[];
  readonly timeNamespaces: boolean;
}

/** Read them. What cannot be read counts as not there. */
export function readFileFacts(): FileFacts {
  const uid = Deno.uid() ?? 0;
  const name = userName(uid);
  const status = read("/proc/self/status");
  const field = (key: string) => new RegExp(`^${key}:\\s*(\\S+)`, "m").exec(status)?.[1] ?? "0";
  const mountinfo = read("/proc/self/mountinfo");
  return {
    kernel: read("/proc/sys/kernel/osrelease").trim(),
    uid,
    gid: Deno.gid() ?? 0,
    userName: name,
    insideUserNamespace: isInUserNamespace(),
    capabilities: BigInt(`0x${field("CapEff")}`),
    noNewPrivileges: field("NoNewPrivs") === "1",
    sysctls: Object.fromEntries(
      SYSCTLS.map((name) => [name, read(`/proc/sys/${name.replaceAll(".", "/")}`).trim()] as const)
        .filter(([, value]) => value !== ""),
    ),
    uidRanges: readRanges("uid", name, uid),
    gidRanges: readRanges("gid", name, uid),
    freeId: readFreeId(),
    procMasks: procCovers(),
    sysMasks: mountsBelow(mountinfo, "/sys").filter((path) => !path.startsWith("/sys/fs/")),
    seccompActions: words(read("/proc/sys/kernel/seccomp/actions_avail")),
    securityModules: securityModules(),
    timeNamespaces: exists("/proc/self/ns/time"),
  };
}

/** What covers parts of this process's /proc, as far as it matters: an empty directory may be covered. */
export function procCovers(): string[] {
  return mountsBelow(read("/proc/self/mountinfo"), "/proc")
    .filter((path) => path !== "/proc/sys/fs/binfmt_misc" && path !== "/proc/fs/nfsd");
}

/** Mount points below a directory (proc(5), /proc/PID/mountinfo). */
export function mountsBelow(mountinfo: string, directory: string): string[] {
  const points = mountinfo.split("\n").map((line) => line.split(" ")[4] ?? "");
  return [...new Set(points)].filter((point) => point.startsWith(`${directory}/`));
}

function securityModules(): string[] {
  const listed = read("/sys/kernel/security/lsm").trim();
  if (listed !== "") return listed.split(",");
  return [
    ...(read("/sys/module/apparmor/parameters/enabled").startsWith("Y") ? ["apparmor"] : []),
    ...(read("/sys/fs/selinux/enforce") !== "" ? ["selinux"] : []),
  ];
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== "");

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
