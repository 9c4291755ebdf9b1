// Pure: no I/O in this file.
/** Where the tree of control groups is mounted; like runc, nothing outside of it counts. */
export const CGROUP_ROOT = "/sys/fs/cgroup";

/** One mounted tree of control groups and where this process is in it. */
export interface Hierarchy {
  /** v1: controllers in the kernel's order; a named hierarchy is its own `name=systemd`. v2: empty. */
  readonly controllers: readonly string[];
  readonly mountpoint: string;
  /** The directory of the tree that the mount shows (fourth field of mountinfo). */
  readonly root: string;
  /** This process's group, counted from the tree's own root (or from that of its cgroup namespace). */
  readonly own: string;
}

/**
 * What the host has. `v1`: trees by controller; `hybrid`: the same and a v2 tree beside them; `v2`: only that,
 * mounted on /sys/fs/cgroup itself; `none`: nothing mounted.
 */
export interface CgroupLayout {
  readonly mode: "v1" | "hybrid" | "v2" | "none";
  /** The v1 trees, in mount order; empty on v2. */
  readonly hierarchies: readonly Hierarchy[];
  readonly unified?: Hierarchy;
}

interface Mount {
  readonly id: string;
  readonly parent: string;
  readonly root: string;
  readonly mountpoint: string;
  readonly type: string;
  /** Of the file system: on v1 they name the controllers. */
  readonly options: readonly string[];
}

/**
 * Find the trees of control groups.
 *
 * @param mountinfo text of /proc/self/mountinfo (proc(5))
 * @param membership text of /proc/self/cgroup (cgroups(7)): `number:controllers:path` a line
 */
export function parseLayout(mountinfo: string, membership: string): CgroupLayout {
  const mounts = visibleMounts(mountinfo);
  const own = parseMembership(membership);
  const top = mounts.get(CGROUP_ROOT);
  if (top?.type === "cgroup2") {
    return { mode: "v2", hierarchies: [], unified: hierarchyOf(top, [], own.get("") ?? "/") };
  }
  const hierarchies: Hierarchy[] = [];
  const seen = new Set<string>();
  let unified: Hierarchy | undefined;
  for (const mount of mounts.values()) {
    if (mount.type === "cgroup2") unified ??= hierarchyOf(mount, [], own.get("") ?? "/");
    if (mount.type !== "cgroup") continue;
    const controllers = mount.options.filter((option) => own.has(option) && !seen.has(option));
    if (controllers.length === 0) continue;
    for (const controller of controllers) seen.add(controller);
    hierarchies.push(hierarchyOf(mount, controllers, own.get(controllers[0]!)!));
  }
  if (hierarchies.length === 0) {
    // Without any v1 tree, a v2 tree that is not on /sys/fs/cgroup itself is not what runc calls unified.
    return { mode: "none", hierarchies };
  }
  return unified === undefined ? { mode: "v1", hierarchies } : { mode: "hybrid", hierarchies, unified };
}

/**
 * The lines of /proc/PID/cgroup as a map: controller (or `name=systemd`, or "" for v2) → path. Controllers that
 * are mounted together lead to the same path.
 */
export function parseMembership(text: string): Map<string, string> {
  const paths = new Map<string, string>();
  for (const line of text.split("\n")) {
    const first = line.indexOf(":");
    const second = line.indexOf(":", first + 1);
    if (first < 0 || second < 0) continue;
    const path = line.slice(second + 1);
    for (const controller of line.slice(first + 1, second).split(",")) paths.set(controller, path);
  }
  return paths;
}

/**
 * The directory in which this process's own group of a tree can be reached, for example
 * `/sys/fs/cgroup/memory/user.slice`; undefined when the mount does not show it.
 */
export function ownDirectory(hierarchy: Hierarchy): string | undefined {
  const { root, own, mountpoint } = hierarchy;
  if (own.startsWith("/..")) return undefined;
  if (root === "/") return own === "/" ? mountpoint : mountpoint + own;
  if (own === root) return mountpoint;
  return own.startsWith(root + "/") ? mountpoint + own.slice(root.length) : undefined;
}

function hierarchyOf(mount: Mount, controllers: readonly string[], own: string): Hierarchy {
  return { controllers, mountpoint: mount.mountpoint, root: mount.root, own };
}

/** The mounts on and below /sys/fs/cgroup that no later mount hides, by mount point, in mount order. */
function visibleMounts(mountinfo: string): Map<string, Mount> {
  const found = mountsBelow(mountinfo);
  let top: Mount | undefined;
  // The last one that is mounted on the very root, each later one on top of the one before.
  for (const mount of found) {
    if (mount.mountpoint === CGROUP_ROOT && (top === undefined || mount.parent === top.id)) top = mount;
  }
  const mounts = new Map<string, Mount>();
  for (const mount of found) {
    // What is on a mount that is shown itself is shown: several on one mount point, the last one on top.
    let shown = top === undefined || mount === top;
    if (mount.mountpoint !== CGROUP_ROOT && !shown) {
      shown = mount.parent === top!.id || mounts.get(mount.mountpoint)?.id === mount.parent;
    }
    if (shown) mounts.set(mount.mountpoint, mount);
  }
  return mounts;
}

/** Hosts with many containers have thousands of mounts: only lines that name the tree are taken apart. */
function mountsBelow(mountinfo: string): Mount[] {
  const found: Mount[] = [];
  for (let at = mountinfo.indexOf(NEEDLE); at >= 0;) {
    const start = mountinfo.lastIndexOf("\n", at) + 1;
    const end = mountinfo.indexOf("\n", at);
    const fields = mountinfo.slice(start, end < 0 ? mountinfo.length : end).split(" ");
    // ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS TAG… - TYPE SOURCE OPTIONS
    const dash = fields.indexOf("-", 6);
    const mountpoint = unescape(fields[4]!);
    if (dash >= 0 && (mountpoint === CGROUP_ROOT || mountpoint.startsWith(BELOW_ROOT))) {
      const root = unescape(fields[3]!);
      const options = fields[dash + 3]!.split(",");
      found.push({ id: fields[0]!, parent: fields[1]!, root, mountpoint, type: fields[dash + 1]!, options });
    }
    at = end < 0 ? -1 : mountinfo.indexOf(NEEDLE, end);
  }
  return found;
}

const NEEDLE = ` ${CGROUP_ROOT}`;
const BELOW_ROOT = `${CGROUP_ROOT}/`;

/** The kernel writes space, tab, newline and backslash of a path as `\040` and so on. */
function unescape(text: string): string {
  if (text.indexOf("\\") < 0) return text;
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
