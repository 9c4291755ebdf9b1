import { OCI_VERSION } from "./version.ts";

/** What the default document depends on. */
export interface DefaultsHost {
  /** The host has cgroup v2 alone: a container gets a cgroup namespace. */
  readonly cgroup2: boolean;
  /** Write the document of an ordinary user, whose ids these are. */
  readonly rootless?: { readonly uid: number; readonly gid: number } | undefined;
  /** Directories of the host that the container shows, read-only; its root file system is its own then, to be written. */
  readonly bound?: readonly string[];
}

const CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];

interface DefaultMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options?: readonly string[];
}

const MOUNTS: readonly DefaultMount[] = [
  { destination: "/proc", type: "proc", source: "proc" },
  {
    destination: "/dev",
    type: "tmpfs",
    source: "tmpfs",
    options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
  },
  {
    destination: "/dev/pts",
    type: "devpts",
    source: "devpts",
    options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
  },
  {
    destination: "/dev/shm",
    type: "tmpfs",
    source: "shm",
    options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
  },
  { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
  { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
  {
    destination: "/sys/fs/cgroup",
    type: "cgroup",
    source: "cgroup",
    options: ["nosuid", "noexec", "nodev", "relatime", "ro"],
  },
];

const MASKED = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/sys/firmware",
  "/proc/scsi",
];

const READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/** The document that `spec` writes: runc's, key by key (its `specconv` example), without inheritable and ambient sets. */
export function defaultSpec({ cgroup2, rootless, bound = [] }: DefaultsHost): Record<string, unknown> {
  const mounts = rootless === undefined ? MOUNTS : MOUNTS.map(rootlessMount);
  return {
    ociVersion: OCI_VERSION,
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ["sh"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: bound.length === 0 },
    hostname: "runc",
    mounts: [...mounts, ...bound.map(boundMount)],
    linux: linuxSection(cgroup2, rootless),
  };
}

function linuxSection(cgroup2: boolean, rootless: DefaultsHost["rootless"]): Record<string, unknown> {
  const types = ["pid", rootless === undefined ? "network" : undefined, "ipc", "uts", "mount"];
  const namespaces = types.filter((type) => type !== undefined).map((type) => ({ type }));
  if (rootless !== undefined) namespaces.push({ type: "user" });
  if (cgroup2) namespaces.push({ type: "cgroup" });
  const paths = { namespaces, maskedPaths: MASKED, readonlyPaths: READONLY };
  if (rootless === undefined) return { resources: { devices: [{ allow: false, access: "rwm" }] }, ...paths };
  return {
    uidMappings: [{ containerID: 0, hostID: rootless.uid, size: 1 }],
    gidMappings: [{ containerID: 0, hostID: rootless.gid, size: 1 }],
    ...paths,
  };
}

/** An ordinary user cannot mount a sysfs without a network namespace, and has no other id mapped than its own. */
function rootlessMount(mount: DefaultMount): DefaultMount {
  if (mount.destination === "/sys") {
    return {
      destination: "/sys",
      type: "none",
      source: "/sys",
      options: ["rbind", "nosuid", "noexec", "nodev", "ro"],
    };
  }
  const options = mount.options?.filter((option) => !option.startsWith("uid=") && !option.startsWith("gid="));
  return options === undefined ? mount : { ...mount, options };
}

/** What is mounted below it comes with it, and is as little to be written to. */
function boundMount(path: string): DefaultMount {
  return { destination: path, type: "bind", source: path, options: ["rbind", "rro", "nosuid", "nodev"] };
}

/** The text that `spec` writes: tabs, no newline at the end, as runc's. */
export function defaultSpecText(host: DefaultsHost): string {
  return JSON.stringify(defaultSpec(host), null, "\t");
}
