import { replaceLimits } from "../cgroup/write.ts";
import { type CurrentUse, limitWrites } from "../cgroup/limits.ts";
import { type CgroupPaths, isV2 } from "../cgroup/paths.ts";
import { readIfThere } from "../cgroup/files.ts";
import { containerPids } from "../cgroup/pids.ts";
import { type IntelRdt, rdtWrites } from "../cgroup/resctrl.ts";
import {
  chooseRdtGroup,
  findResctrl,
  joinRdtGroup,
  makeRdtGroup,
  missingRdt,
  updateRdtGroup,
} from "../cgroup/resctrl_group.ts";
import { jsonText } from "../cgroup/stats_text.ts";
import { mergeResources } from "../cgroup/update.ts";
import { ContainerError, SpecError } from "../errors.ts";
import { Issues } from "../spec/issues.ts";
import { checkResources } from "../spec/resource_rules.ts";
import { parseResources, parseSpec } from "../spec/parse.ts";
import type { Resources } from "../spec/schema.ts";
import {
  type Folder,
  forgetExecs,
  loadConfig,
  loadResources,
  lockFolder,
  saveRecord,
  saveResources,
} from "../state/folder.ts";
import { type Container, loadContainer } from "./container.ts";
import { keepPlans } from "./kept.ts";
import type { Runtime } from "./options.ts";

/** What flags ask of resctrl. */
export type RdtUpdate = Pick<IntelRdt, "l3CacheSchema" | "memBwSchema">;

/**
 * `update`: change limits of a container that is created, running or paused; devices are left alone. A write that
 * fails takes back those before it.
 *
 * Throws SpecError for resources that no layout has, ContainerError `container not running`, or naming the field and
 * the file.
 */
export function updateContainer(runtime: Runtime, id: string, update: Resources, rdt: RdtUpdate = {}): void {
  checkUpdate(runtime, update);
  const lock = lockFolder(loadContainer(runtime, id).folder);
  try {
    const { folder, record, status } = loadContainer(runtime, id);
    if (status === "stopped" || status === "creating") throw new ContainerError("container not running");
    if (rdtWrites(rdt).length > 0) updateRdt(loadContainer(runtime, id), rdt);
    const before = storedResources(folder);
    const { stored, changed } = mergeResources(before, update);
    const writes = limitWrites(record.cgroupPaths, changed, currentUse(record.cgroupPaths));
    const apply = () => replaceLimits(record.cgroupPaths, writes);
    if (record.systemd === undefined) apply();
    else if (runtime.systemd !== undefined) runtime.systemd.updateScope(record, { before, changed }, apply);
    else throw new ContainerError("update", { reason: "the systemd driver is not loaded" });
    saveResources(folder, jsonText(stored));
  } finally {
    lock.release();
  }
}

function checkUpdate(runtime: Runtime, update: Resources): void {
  const issues = new Issues();
  checkResources(update, "linux.resources", issues);
  if (issues.errors.length > 0) throw new SpecError(issues.errors);
  for (const { path, message } of issues.warnings) runtime.log.warn(`${path}: ${message}`);
}

/**
 * Another schema for the container's group of resctrl. A container that has none gets one of its own and all of its
 * processes in it, as in runc.
 */
function updateRdt({ folder, record }: Container, rdt: RdtUpdate): void {
  const root = findResctrl();
  const missing = missingRdt(rdt, root);
  const lacks = (field: keyof RdtUpdate) =>
    (rdt[field] ?? "") !== "" &&
    missing.some(({ path }) => path === "linux.intelRdt" || path.endsWith(field));
  if (lacks("l3CacheSchema")) throw new ContainerError("Intel RDT/CAT: l3 cache schema is not enabled");
  if (lacks("memBwSchema")) {
    throw new ContainerError("Intel RDT/MBA: memory bandwidth schema is not enabled");
  }
  if (record.intelRdt !== undefined) return updateRdtGroup(record.intelRdt, rdt);
  const group = chooseRdtGroup(rdt, record.id, root!);
  const grown = { ...record, intelRdt: group };
  // Named before it is made; `delete` has more to do from now on.
  saveRecord(folder, grown);
  keepPlans(folder, grown, parseSpec(loadConfig(folder)));
  forgetExecs(folder);
  makeRdtGroup(rdt, group);
  const pids = Object.keys(record.cgroupPaths).length > 0
    ? containerPids(record.cgroupPaths)
    : [record.process!.pid];
  for (const pid of pids) joinRdtGroup(group, pid);
}

/** What the container's limits are meant to be: config.json's, or what the last update left. */
function storedResources(folder: Folder): Resources {
  const text = loadResources(folder);
  return text === undefined ? parseSpec(loadConfig(folder)).linux?.resources ?? {} : parseResources(text);
}

function currentUse(paths: CgroupPaths): CurrentUse {
  if (!isV2(paths)) return {};
  const text = readIfThere(`${paths[""]}/memory.current`);
  return { memory: text === undefined ? undefined : BigInt(text.trim()) };
}
