import { ContainerError, errnoText, originText } from "../errors.ts";
import type { FileWrite } from "./file_write.ts";
import { exists, readIfThere, tryWrite } from "./files.ts";
import { type CgroupPaths, isV2 } from "./paths.ts";
import { restoringTexts } from "./restore.ts";

/**
 * Carry out writes in their order. The first that fails ends it; nothing is taken back here.
 *
 * @param rootless refused device rules are left out, as an ordinary user may not change them
 * @throws ContainerError naming the field, the file and the errno
 */
export function applyWrites(paths: CgroupPaths, writes: readonly FileWrite[], rootless: boolean): void {
  const again: FileWrite[] = [];
  for (const write of writes) {
    if (rootless && write.controller === "devices" && paths.devices === undefined) continue;
    const directory = directoryOf(paths, write);
    const { errno, done } = writeOne(directory, write);
    if (errno === undefined) checkClamped(directory, done);
    else if (done.retry?.includes(errno)) again.push(done);
    else if (!(rootless && done.controller === "devices")) throw failure(paths, directory, done, errno);
  }
  for (const write of again) {
    const directory = directoryOf(paths, write);
    const errno = tryWrite(`${directory}/${write.file}`, write.text);
    if (errno !== undefined) throw failure(paths, directory, write, errno);
  }
}

/**
 * Carry out the writes of an update. When one fails, every file gets back what it said before, as far as the
 * kernel takes it, and the failure is thrown on.
 */
export function replaceLimits(paths: CgroupPaths, writes: readonly FileWrite[]): void {
  const before = new Map<
    string,
    { readonly file: string; readonly text: string; readonly written: string[] }
  >();
  for (const write of writes) {
    const directory = directoryOf(paths, write);
    const { file, text } = standIn(directory, write);
    const path = `${directory}/${file}`;
    const old = before.get(path) ?? { file, text: readIfThere(path) ?? "", written: [] };
    old.written.push(text);
    before.set(path, old);
  }
  try {
    applyWrites(paths, writes, false);
  } catch (error) {
    const back = [...before].reverse().flatMap(([path, { file, text, written }]) =>
      restoringTexts(file, text, written).map((each) => [path, each] as const)
    );
    // Twice, because of values that fit only in one order.
    for (const [path, text] of [...back, ...back]) tryWrite(path, text);
    throw error;
  }
}

/** The write itself, or the one that stands for it where its file is missing. */
export function standIn(directory: string, write: FileWrite): FileWrite {
  if (write.otherwise === undefined || exists(`${directory}/${write.file}`)) return write;
  return standIn(directory, write.otherwise);
}

/** Write, or write what is meant for a host where the file is missing; tells which of them it was. */
function writeOne(directory: string, write: FileWrite): { errno: string | undefined; done: FileWrite } {
  const errno = tryWrite(`${directory}/${write.file}`, write.text);
  if (errno === "ENOENT" && write.otherwise !== undefined) return writeOne(directory, write.otherwise);
  const tolerated = errno !== undefined && write.tolerate?.includes(errno);
  return { errno: tolerated ? undefined : errno, done: write };
}

export function directoryOf(paths: CgroupPaths, { controller, file, origin }: FileWrite): string {
  const directory = paths[controller] ?? (isV2(paths) ? paths[""] : undefined);
  if (directory !== undefined) return directory;
  const name = controller === "" ? file.slice(0, file.indexOf(".")) : controller;
  throw new ContainerError(`cannot set ${name} limit`, {
    reason: "container could not join or create cgroup",
    hint: `${originText(origin)} needs the ${controller} controller; \`dunc check\` tells which can be had`,
  });
}

function checkClamped(directory: string, { file, text, clamped }: FileWrite): void {
  if (clamped === undefined) return;
  const got = BigInt((readIfThere(`${directory}/${file}`) ?? text).trim());
  const wanted = BigInt(text);
  if (wanted === got) return;
  const bound = wanted > got ? "maximum" : "minimum";
  throw new ContainerError(`error setting cgroup config: the ${bound} allowed ${clamped} is ${got}`);
}

function failure(paths: CgroupPaths, directory: string, write: FileWrite, errno: string): ContainerError {
  const file = `${directory}/${write.file}`;
  const known = unifiedReason(paths, directory, write, errno) ?? memoryReason(directory, write, errno);
  return new ContainerError(`error setting cgroup config: ${originText(write.origin)}`, {
    reason: known === undefined
      ? `failed to write ${JSON.stringify(write.text)}: write ${file}: ${errnoText(errno)}`
      : `${file}: ${known}`,
    hint: hintOf(paths, directory, write, errno),
  });
}

/** What runc says when a key of `unified` belongs to a controller that the group does not have. */
function unifiedReason(
  paths: CgroupPaths,
  directory: string,
  write: FileWrite,
  errno: string,
): string | undefined {
  if (!write.origin.includes("unified") || !isV2(paths)) return undefined;
  const key = JSON.stringify(write.file);
  const missing = errno === "ENOENT" && write.controller !== "cgroup" &&
    !enabledControllers(directory).includes(write.controller);
  return missing
    ? `unified resource ${key} can't be set: controller ${JSON.stringify(write.controller)} not available`
    : `unable to set unified resource ${key}: ${errnoText(errno)}`;
}

/** EBUSY on v1's memory limit: the group uses more than that and the kernel could not reclaim it. */
function memoryReason(directory: string, { file, text }: FileWrite, errno: string): string | undefined {
  if (errno !== "EBUSY" || file !== "memory.limit_in_bytes") return undefined;
  const usage = readIfThere(`${directory}/memory.usage_in_bytes`)?.trim();
  const peak = readIfThere(`${directory}/memory.max_usage_in_bytes`)?.trim();
  return `unable to set memory limit to ${text} (current usage: ${usage}, peak usage: ${peak})`;
}

function hintOf(
  paths: CgroupPaths,
  directory: string,
  { controller, file, origin }: FileWrite,
  errno: string,
): string | undefined {
  // devcgroup_update_access() in security/device_cgroup.c: taking rights away is the host's root's alone.
  if (errno === "EPERM" && file === "devices.deny") {
    return "this takes CAP_SYS_ADMIN, as most of a container does; `dunc check` tells what is allowed here";
  }
  if (errno === "ENOENT" && controller === "") {
    return "no v1 tree has this controller, and the v2 tree has it not, or not below a group with processes";
  }
  if (errno !== "ENOENT" || !isV2(paths) || origin.includes("unified")) return undefined;
  if (enabledControllers(directory).includes(controller)) return "this kernel has no such file";
  return `the ${controller} controller is not enabled here: a group above has processes of its own, or was not ` +
    "given it; see `dunc check`";
}

function enabledControllers(directory: string): string[] {
  return (readIfThere(`${directory}/cgroup.controllers`) ?? "").trim().split(" ");
}
