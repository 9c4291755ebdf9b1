// Pure: no I/O in this file.
import { ContainerError } from "../errors.ts";
import { type CgroupLayout, type Hierarchy, ownDirectory } from "./layout.ts";

/**
 * A container's directories: controller (`memory`, `name=systemd`) → absolute directory. The key "" is the v2
 * tree's: the only one on v2, one of many on hybrid. Controllers that are mounted together name the same
 * directory. This is also what `state.json` keeps as `cgroup_paths`.
 */
export type CgroupPaths = Readonly<Record<string, string>>;

/** Whether a container is on a host with v2 alone. */
export function isV2(paths: CgroupPaths): boolean {
  const keys = Object.keys(paths);
  return keys.length === 1 && keys[0] === "";
}

/** Every directory once, v1 first, in the order of the controllers. */
export function directoriesOf(paths: CgroupPaths): string[] {
  const { "": unified, ...v1 } = paths;
  const directories = new Set(Object.values(v1));
  if (unified !== undefined) directories.add(unified);
  return [...directories];
}

/** The v2 directory, for CLONE_INTO_CGROUP: the container's only one on v2, its further one on hybrid. */
export function v2Directory(paths: CgroupPaths): string | undefined {
  return paths[""];
}

/**
 * The files into which a single-threaded process writes "0" to join the v1 trees. `tasks`, not `cgroup.procs`:
 * the latter takes a lock over all thread groups, whose first taker waits for an RCU grace period (13 ms).
 */
export function joinFiles(paths: CgroupPaths): string[] {
  const { "": _unified, ...v1 } = paths;
  return [...new Set(Object.values(v1))].map((directory) => `${directory}/tasks`);
}

/**
 * Decide where a container's groups are, by runc's rules.
 *
 * Absolute `cgroupsPath`: below the root of each tree. Relative or unset (then the container's id): below the
 * group this process is in; on v2 below the parent of that group, because a group with processes in it cannot
 * have children with controllers.
 *
 * @throws ContainerError when the path has a `..`, names a tree's root, or the own group is out of reach
 */
export function containerPaths(
  layout: CgroupLayout,
  cgroupsPath: string | undefined,
  id: string,
): CgroupPaths {
  const inner = normalize(cgroupsPath ?? "");
  const named = inner === "" ? id : inner;
  const paths: Record<string, string> = {};
  if (layout.mode === "v2") {
    paths[""] = below(layout.unified!, named, parentOf);
    return paths;
  }
  for (const hierarchy of layout.hierarchies) {
    const directory = below(hierarchy, named, same);
    for (const controller of hierarchy.controllers) paths[controller] = directory;
  }
  if (layout.unified !== undefined) paths[""] = below(layout.unified, named, same);
  return paths;
}

function below(hierarchy: Hierarchy, inner: string, base: (own: string, mount: string) => string): string {
  if (inner.startsWith("/")) return hierarchy.mountpoint + inner;
  const own = ownDirectory(hierarchy);
  if (own === undefined) {
    throw new ContainerError("find the container's cgroup", {
      place: "linux.cgroupsPath",
      reason: `this process's own group ${
        JSON.stringify(hierarchy.own)
      } is not visible in ${hierarchy.mountpoint}`,
      hint: "give an absolute cgroupsPath",
    });
  }
  return `${base(own, hierarchy.mountpoint)}/${inner}`;
}

function same(own: string): string {
  return own;
}

function parentOf(own: string, mountpoint: string): string {
  return own === mountpoint ? own : own.slice(0, own.lastIndexOf("/"));
}

/** `//a/./b/` → `/a/b`; "" for nothing. */
function normalize(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  const refuse = (reason: string) =>
    new ContainerError("find the container's cgroup", { place: "linux.cgroupsPath", reason });
  if (parts.includes("..")) throw refuse(`${JSON.stringify(path)} must not contain ".."`);
  if (/[\0\n]/.test(path)) throw refuse(`${JSON.stringify(path)} must not contain NUL or newline`);
  if (parts.length === 0) {
    if (path !== "" && path.startsWith("/")) {
      throw refuse(`${JSON.stringify(path)} names the root of the tree`);
    }
    return "";
  }
  return (path.startsWith("/") ? "/" : "") + parts.join("/");
}
