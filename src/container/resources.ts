import { deviceList, deviceWrites } from "../cgroup/devices.ts";
import type { FileWrite } from "../cgroup/file_write.ts";
import { limitWrites } from "../cgroup/limits.ts";
import type { CgroupPaths } from "../cgroup/paths.ts";
import type { Mount, Spec } from "../spec/schema.ts";

/** The files to write for what a config.json asks of a new container's cgroups, v1's device list first. */
export function resourceWrites(spec: Spec, paths: CgroupPaths): FileWrite[] {
  const resources = spec.linux?.resources ?? {};
  const devices = paths.devices === undefined ? [] : deviceWrites(deviceList(resources.devices ?? []));
  return [...devices, ...limitWrites(paths, resources)];
}

/**
 * Whom a container's v2 group is given to, so that it can make groups of its own: the user of its process as the host
 * sees it, when it has a cgroup namespace of its own and the tree is mounted read-write (runc's rule).
 *
 * Returns undefined where nothing is to be given away, or the user has no id on the host.
 */
export function delegatedUser({ linux, mounts, process }: Spec): number | undefined {
  const namespaces = linux?.namespaces ?? [];
  const own = namespaces.some(({ type, path = "" }) => type === "cgroup" && path === "");
  if (!own || !(mounts ?? []).some(isWritableTree)) return undefined;
  const uid = process?.user?.uid ?? 0;
  if (!namespaces.some(({ type }) => type === "user")) return uid === 0 ? undefined : uid;
  const range = (linux?.uidMappings ?? []).find(({ containerID, size }) =>
    uid >= containerID && uid < containerID + size
  );
  return range === undefined ? undefined : range.hostID + uid - range.containerID;
}

function isWritableTree({ destination, type, options = [] }: Mount): boolean {
  const isTree = (type === "cgroup" || type === "cgroup2") && /^\/sys\/fs\/cgroup\/*$/.test(destination);
  return isTree && options.findLast((option) => option === "ro" || option === "rw") !== "ro";
}
