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
  const found: Mount[] = [];
  const needle = ` ${CGROUP_ROOT}`;
  // Hosts with many containers have thousands of mounts: only lines that name the tree are taken apart.
  for (let at = mountinfo.indexOf(needle); at >= 0;) {
    const start = mountinfo.lastIndexOf("\n", at) + 1;
    const end = mountinfo.indexOf("\n", at);
    const line = mountinfo.slice(start, end < 0 ? mountinfo.length : end);
    const mount = parseMount(line);
    if (mount !== undefined) found.push(mount);
    at = end < 0 ? -1 : mountinfo.indexOf(needle, end);
  }
  const hiddenTops = new Set<string>();
  for (const { mountpoint, parent } of found) if (mountpoint === CGROUP_ROOT) hiddenTops.add(parent);
  const top = found.find(({ mountpoint, id }) => mountpoint === CGROUP_ROOT && !hiddenTops.has(id));
  const mounts = new Map<string, Mount>();
  const visible = new Set<string>();
  for (const mount of found) {
    const shown = top === undefined || mount === top || mount.parent === top.id || visible.has(mount.parent);
    if (!shown || (mount !== top && mount.mountpoint === CGROUP_ROOT)) continue;
    visible.add(mount.id);
    mounts.set(mount.mountpoint, mount);
  }
  return mounts;
}

function parseMount(line: string): Mount | undefined {
  const fields = line.split(" ");
  const separator = fields.indexOf("-", 6);
  const [id, parent, , root, mountpoint] = fields;
  const type = fields[separator + 1];
  if (separator < 0 || id === undefined || parent === undefined || type === undefined) return undefined;
  if (root === undefined || mountpoint === undefined) return undefined;
  if (mountpoint !== CGROUP_ROOT && !mountpoint.startsWith(CGROUP_ROOT + "/")) return undefined;
  return {
    id,
    parent,
    root: unescape(root),
    mountpoint: unescape(mountpoint),
    type,
    options: (fields[separator + 3] ?? "").split(","),
  };
}

/** The kernel writes space, tab, newline and backslash of a path as `\040` and so on. */
function unescape(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
