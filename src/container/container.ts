import { isFrozen } from "../cgroup/freeze.ts";
import { ContainerError } from "../errors.ts";
import { readProcessStat } from "../host/process_stat.ts";
import { checkFolder, type Folder, folderOf, hasBarrier, loadRecord } from "../state/folder.ts";
import type { ContainerRecord } from "../state/record.ts";
import type { Runtime, StateDocument, Status } from "./options.ts";

/** A container as its record and the kernel show it at this moment. */
export interface Container {
  readonly folder: Folder;
  readonly record: ContainerRecord;
  readonly status: Status;
}

/**
 * Load a container to do something to it. Throws ContainerError `container does not exist`, says how its state is
 * damaged, or refuses folders that somebody else could have arranged.
 */
export function loadContainer(runtime: Runtime, id: string): Container {
  checkFolder(runtime.root, folderOf(runtime.root, id));
  return lookAtContainer(runtime, id);
}

/** Load a container only to tell of it: root may look at the containers of others. Throws as loadContainer() else. */
export function lookAtContainer(runtime: Runtime, id: string): Container {
  const folder = folderOf(runtime.root, id);
  const record = loadRecord(folder);
  return { folder, record, status: statusOf(folder, record) };
}

/**
 * runc's derivation: frozen is paused; a process that is gone, a zombie or another one with the same number is
 * stopped; a barrier that stands is created; else running. A container whose creator has not got to a process yet
 * is creating.
 */
export function statusOf(folder: Folder, record: ContainerRecord): Status {
  if (record.process === undefined) return "creating";
  if (!isAlive(record)) return "stopped";
  if (Object.keys(record.cgroupPaths).length > 0 && isFrozen(record.cgroupPaths)) return "paused";
  return hasBarrier(folder) ? "created" : "running";
}

function isAlive({ process, bootId }: ContainerRecord): boolean {
  const stat = readProcessStat(process!.pid);
  if (stat === undefined || stat.startTime !== process!.startTime) return false;
  return stat.state !== "Z" && stat.state !== "X" && bootId !== "";
}

/** The process of a container that has one. Throws `container not running` for one that is being created. */
export function processOf({ record }: Container): { readonly pid: number; readonly startTime: number } {
  if (record.process === undefined) throw new ContainerError("container not running");
  return record.process;
}

/** The state document of a container (runtime-spec, runtime.md "State"). `owner` is filled by `list` only. */
export function stateDocument({ record, status }: Container, owner: string): StateDocument {
  return {
    ociVersion: "1.3.0",
    id: record.id,
    pid: status === "stopped" || record.process === undefined ? 0 : record.process.pid,
    status,
    bundle: record.bundle,
    rootfs: record.rootfs,
    created: record.created,
    ...(Object.keys(record.annotations).length === 0 ? {} : { annotations: record.annotations }),
    owner,
  };
}
