import { deviceList, deviceWrites } from "../cgroup/devices.ts";
import type { FileWrite } from "../cgroup/file_write.ts";
import { limitWrites } from "../cgroup/limits.ts";
import type { CgroupPaths } from "../cgroup/paths.ts";
import type { Spec } from "../spec/schema.ts";

/** The files to write for what a config.json asks of a new container's cgroups, v1's device list first. */
export function resourceWrites(spec: Spec, paths: CgroupPaths): FileWrite[] {
  const resources = spec.linux?.resources ?? {};
  const devices = paths.devices === undefined ? [] : deviceWrites(deviceList(resources.devices ?? []));
  return [...devices, ...limitWrites(paths, resources)];
}
