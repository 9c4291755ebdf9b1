import { replaceLimits } from "../cgroup/write.ts";
import { type CurrentUse, limitWrites } from "../cgroup/limits.ts";
import { type CgroupPaths, isV2 } from "../cgroup/paths.ts";
import { readIfThere } from "../cgroup/files.ts";
import { jsonText } from "../cgroup/stats_text.ts";
import { mergeResources } from "../cgroup/update.ts";
import { ContainerError, SpecError } from "../errors.ts";
import { Issues } from "../spec/issues.ts";
import { checkResources } from "../spec/resource_rules.ts";
import { parseResources, parseSpec } from "../spec/parse.ts";
import type { Resources } from "../spec/schema.ts";
import { type Folder, loadConfig, loadResources, lockFolder, saveResources } from "../state/folder.ts";
import { loadContainer } from "./container.ts";
import type { Runtime } from "./options.ts";

/**
 * `update`: change limits of a container that is created, running or paused; devices are left alone. A write that
 * fails takes back those before it.
 *
 * Throws SpecError for resources that no layout has, ContainerError `container not running`, or naming the field and
 * the file.
 */
export function updateContainer(runtime: Runtime, id: string, update: Resources): void {
  checkUpdate(runtime, update);
  const lock = lockFolder(loadContainer(runtime, id).folder);
  try {
    const { folder, record, status } = loadContainer(runtime, id);
    if (status === "stopped" || status === "creating") throw new ContainerError("container not running");
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
