// Pure: no I/O in this file.
import { type CgroupLayout, type Hierarchy, ownDirectory } from "./layout.ts";
import { type CgroupPaths, v2Directory } from "./paths.ts";

/**
 * One mount (or link) that a config.json mount of type `cgroup` stands for. `target` is relative to the mount's
 * destination, "" being the destination itself; the directory `target` of a tmpfs has to be made.
 */
export type CgroupMount =
  /** `options` as for fsconfig(2): `key` or `key=value`. The attributes of the config.json mount apply, but `ro`
   * only after every later entry is in place. */
  | {
    readonly kind: "tmpfs";
    readonly target: "";
    readonly source: string;
    readonly options: readonly string[];
  }
  | {
    readonly kind: "cgroup";
    readonly target: string;
    readonly source: string;
    readonly options: readonly string[];
  }
  | {
    readonly kind: "cgroup2";
    readonly target: "";
    readonly source: string;
    readonly options: readonly string[];
    /** Mounting may be EPERM (user namespace without a cgroup namespace) or EBUSY: then a bind of this. */
    readonly fallback: string;
  }
  /** Recursive: groups of groups are mounts of their own in some containers. */
  | { readonly kind: "bind"; readonly target: string; readonly source: string }
  /** A link at `target` whose text is `source`; one that exists is left alone. */
  | { readonly kind: "symlink"; readonly target: string; readonly source: string };

/**
 * What a mount of type `cgroup` stands for.
 *
 * v2: one cgroup2 mount. v1 and hybrid: a tmpfs, and in it each v1 tree, named as the host names it: with a cgroup
 * namespace of the container's own as a mount (its root is the namespace's), without one as a bind of the
 * container's own directory, so that the host's groups are not shown; then a link for each controller of a tree
 * that has several. As with runc the v2 tree of a hybrid host is not shown.
 *
 * @param cgroupNamespace whether the container has a cgroup namespace that is not the host's
 * @param borrowed whether a container without a group of its own is shown the one it is in, the caller's: for an
 *   ordinary user, to whom it is as closed as on the host. Root's is left out, which may be the whole tree.
 */
export function cgroupMounts(
  layout: CgroupLayout,
  paths: CgroupPaths,
  cgroupNamespace: boolean,
  borrowed = false,
): CgroupMount[] {
  if (layout.mode === "none") return [];
  if (layout.mode === "v2") {
    const host = layout.unified!.mountpoint;
    const fallback = cgroupNamespace ? v2Directory(paths) ?? host : host;
    return [{ kind: "cgroup2", target: "", source: "cgroup", options: [], fallback }];
  }
  const mounts: CgroupMount[] = [{ kind: "tmpfs", target: "", source: "tmpfs", options: ["mode=755"] }];
  const links: CgroupMount[] = [];
  for (const hierarchy of layout.hierarchies) {
    const directory = paths[hierarchy.controllers[0]!] ?? (borrowed ? ownDirectory(hierarchy) : undefined);
    if (directory === undefined) continue;
    const target = baseName(hierarchy.mountpoint);
    if (cgroupNamespace) mounts.push({ kind: "cgroup", target, ...filesystemOf(hierarchy) });
    else mounts.push({ kind: "bind", target, source: directory });
    if (!target.includes(",")) continue;
    for (const controller of target.split(",")) {
      links.push({ kind: "symlink", target: controller, source: target });
    }
  }
  return [...mounts, ...links];
}

/** The file system of a v1 tree: an existing one is found by the same controllers or the same name. */
function filesystemOf({ controllers }: Hierarchy): { source: string; options: string[] } {
  const name = controllers[0]!.startsWith("name=") ? controllers[0]!.slice("name=".length) : undefined;
  return name === undefined
    ? { source: "cgroup", options: [...controllers] }
    : { source: name, options: ["none", `name=${name}`] };
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
