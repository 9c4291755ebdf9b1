import { ContainerError, originText } from "../errors.ts";
import type { FileWrite } from "./file_write.ts";
import { errnoOf, readIfThere, tryWrite, writeFile } from "./files.ts";
import { type CgroupLayout, type Hierarchy, ownDirectory } from "./layout.ts";
import { type CgroupPaths, directoriesOf } from "./paths.ts";
import { listPids } from "./pids.ts";
import { removeUnused } from "./remove.ts";
import { applyWrites } from "./write.ts";

/** What createCgroup() is to make. */
export interface CgroupRequest {
  readonly layout: CgroupLayout;
  readonly paths: CgroupPaths;
  readonly writes: readonly FileWrite[];
  /** Whether to go on without the groups that an ordinary user may not make. */
  readonly rootless: boolean;
  /** Whether config.json names a `cgroupsPath`: then being refused is an error for an ordinary user too. */
  readonly explicit: boolean;
  /** A process that systemd has put there before: the container's first, so the group is not somebody else's. */
  readonly inhabitant?: number | undefined;
}

/** What createCgroup() made. */
export interface CreatedCgroup {
  /** The groups the container has; those an ordinary user could not make are left out. */
  readonly paths: CgroupPaths;
  /** Directories that were not there before, those above a container's own included; parents first. */
  readonly made: readonly string[];
}

/**
 * Make a container's groups and set its limits. No process joins here: the container's first process does that
 * itself (joinFiles(), v2Directory()). When anything fails, the directories that were made are removed again.
 *
 * @throws ContainerError when a directory cannot be made, a group that was there has processes in it or is frozen,
 *   or a limit cannot be set
 */
export function createCgroup(request: CgroupRequest): CreatedCgroup {
  const made: string[] = [];
  try {
    const paths = request.layout.mode === "v2" ? makeV2(request, made) : makeV1(request, made);
    refuseInUse(paths, new Set(made), request.inhabitant);
    if (paths.cpuset !== undefined) inheritCpuset(request, paths.cpuset);
    applyWrites(paths, request.writes, request.rootless);
    return { paths, made };
  } catch (error) {
    removeUnused(made);
    throw error;
  }
}

/**
 * Give a container's v2 group to the user that is root inside, so that it can make groups of its own (cgroups(7),
 * "Cgroup delegation"): the directory and the files that the kernel lists for it.
 *
 * @param rootless an ordinary user gives nothing to others: then the group stays with the user who made it
 * @throws ContainerError naming the file
 */
export function delegateCgroup(directory: string, uid: number, rootless = false): void {
  const listed = readIfThere("/sys/kernel/cgroup/delegate")?.trim().split("\n");
  const files = listed ?? ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"];
  for (const path of [directory, ...files.map((file) => `${directory}/${file}`)]) {
    try {
      Deno.chownSync(path, uid, null);
    } catch (error) {
      const errno = errnoOf(error);
      // The list is of everything that the kernel knows; files of controllers that are not enabled are missing.
      if (errno === "ENOENT" || (rootless && errno === "EPERM")) continue;
      throw new ContainerError("delegate cgroup", { place: path, errno });
    }
  }
}

function makeV1(request: CgroupRequest, made: string[]): CgroupPaths {
  const { layout, paths, writes, rootless, explicit } = request;
  const kept: Record<string, string> = { ...paths };
  // In the v2 tree of a hybrid host a user may be able to make a group and yet not to enter it.
  const wanted = writes.some(({ controller }) => controller === "");
  if (rootless && !wanted && kept[""] !== undefined && !mayMoveTo(layout.unified!, kept[""])) delete kept[""];
  for (const directory of directoriesOf(kept)) {
    const errno = makeDirectory(directory, made);
    if (errno === undefined) continue;
    const controllers = Object.keys(paths).filter((controller) => paths[controller] === directory);
    // Named trees and the v2 tree of a hybrid host limit nothing: a container can do without.
    const spare = controllers.every((controller) => controller === "" || controller.startsWith("name="));
    if (!spare && !(rootless && !explicit && isRefusal(errno))) throw cannotMake(directory, errno);
    for (const controller of controllers) delete kept[controller];
  }
  enableInHybrid(request, kept);
  return kept;
}

/** What a hybrid host has in its v2 tree is enabled there as on v2, when a limit asks for it. */
function enableInHybrid({ layout, writes }: CgroupRequest, paths: CgroupPaths): void {
  const directory = paths[""];
  if (directory === undefined || !writes.some(({ controller }) => controller === "")) return;
  const { mountpoint } = layout.unified!;
  const available = words(`${mountpoint}/cgroup.controllers`);
  for (const ancestor of ancestorsBetween(mountpoint, directory)) {
    enableControllers(ancestor, available, false);
  }
}

/**
 * Whether this process may put one into `directory` of a v2 tree: that takes the right to write to the nearest group
 * above both it and its own (cgroups(7), "Cgroup delegation containment").
 */
function mayMoveTo(tree: Hierarchy, directory: string): boolean {
  const own = ownDirectory(tree);
  if (own === undefined) return false;
  const parts = own.split("/");
  const there = directory.split("/");
  const common = parts.findIndex((part, index) => part !== there[index]);
  const ancestor = (common < 0 ? parts : parts.slice(0, common)).join("/");
  try {
    Deno.openSync(`${ancestor}/cgroup.procs`, { write: true }).close();
    return true;
  } catch {
    return false;
  }
}

function makeV2(request: CgroupRequest, made: string[]): CgroupPaths {
  const { paths, layout, writes, rootless, explicit } = request;
  const mountpoint = layout.unified!.mountpoint;
  const directory = paths[""]!;
  const available = words(`${mountpoint}/cgroup.controllers`);
  const needing = writes.find(({ controller }) => DOMAIN_CONTROLLERS.includes(controller));
  for (const ancestor of ancestorsBetween(mountpoint, directory)) {
    const errno = ancestor === mountpoint ? undefined : makeDirectory(ancestor, made);
    if (errno !== undefined) return withoutGroup(ancestor, errno);
    enableControllers(ancestor, available, needing === undefined);
  }
  const errno = makeDirectory(directory, made);
  if (errno !== undefined) return withoutGroup(directory, errno);
  checkType(mountpoint, directory, needing);
  return paths;

  function withoutGroup(refused: string, errno: string): CgroupPaths {
    if (!rootless || explicit) throw cannotMake(refused, errno);
    const needed = writes.some(({ controller }) => available.includes(controller));
    if (!needed && isRefusal(errno)) return {};
    throw new ContainerError(
      "unable to apply cgroup configuration: rootless needs no limits + no cgrouppath when no permission is " +
        "granted for cgroups: mkdir",
      { place: refused, errno, hint: DELEGATION },
    );
  }
}

/** Directories from the mount point down to the parent of `directory`. */
function ancestorsBetween(mountpoint: string, directory: string): string[] {
  const ancestors = [mountpoint];
  for (let at = directory.indexOf("/", mountpoint.length + 1); at >= 0; at = directory.indexOf("/", at + 1)) {
    ancestors.push(directory.slice(0, at));
  }
  return ancestors;
}

/**
 * Let the groups below `directory` have every controller that the host has. What is refused (the group has
 * processes of its own, or was not given the controller) is left out: only a limit that needs it fails, later.
 *
 * @param threaded whether a group with processes of its own may become threaded for it: where a limit cannot be had
 *   that way, somebody else's group stays what it is
 */
function enableControllers(directory: string, available: readonly string[], threaded: boolean): void {
  const file = `${directory}/cgroup.subtree_control`;
  const enabled = words(file);
  const missing = available.filter((controller) => !enabled.includes(controller)).map((name) => `+${name}`);
  if (missing.length === 0) return;
  const errno = tryWrite(file, missing.join(" "));
  if (errno === undefined || (errno === "EBUSY" && !threaded)) return;
  for (const one of missing) tryWrite(file, one);
}

/** Controllers that a group in threaded mode cannot have (cgroups(7), "Thread mode"). */
const DOMAIN_CONTROLLERS = ["memory", "io", "hugetlb", "cpu"];

/**
 * A group below one that has both processes and domain controllers is "domain invalid" and takes no process.
 * It can only become threaded, from the top down, and then has no domain controllers.
 */
function checkType(mountpoint: string, directory: string, needing: FileWrite | undefined): void {
  if (isDomain(directory)) return;
  for (const group of [...ancestorsBetween(mountpoint, directory).slice(1), directory]) {
    const type = readIfThere(`${group}/cgroup.type`)?.trim() ?? "domain";
    if (type === "domain") continue;
    if (needing !== undefined) {
      throw new ContainerError("unable to apply cgroup configuration", {
        place: originText(needing.origin),
        reason: `cannot enter cgroupv2 ${JSON.stringify(group)} with domain controllers -- it is in ` +
          (type === "domain invalid" ? "an invalid state" : `${type} mode`),
        hint: "a group above it has processes of its own",
      });
    }
    if (type === "domain invalid") tryWrite(`${group}/cgroup.type`, "threaded");
  }
}

function isDomain(directory: string): boolean {
  return (readIfThere(`${directory}/cgroup.type`) ?? "domain").trim() === "domain";
}

/** mkdir(2) with the parents that are missing; the errno when that fails. A directory that is there is fine. */
function makeDirectory(directory: string, made: string[]): string | undefined {
  // Bounded: a parent may be removed by another container's end between our two calls, but not forever.
  for (let round = 0;; round++) {
    try {
      Deno.mkdirSync(directory, { mode: 0o755 });
      made.push(directory);
      return undefined;
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === "EEXIST") return undefined;
      if (errno !== "ENOENT" || round === 8) return errno;
    }
    const errno = makeDirectory(directory.slice(0, directory.lastIndexOf("/")), made);
    if (errno !== undefined) return errno;
  }
}

/**
 * runc's two refusals: a container must start in a group of its own, and in one that lets it run. Groups in `made`
 * are nobody else's.
 *
 * @throws ContainerError `container's cgroup is not empty: …` or `… unexpectedly frozen`
 */
export function refuseInUse(
  paths: CgroupPaths,
  made: ReadonlySet<string>,
  inhabitant?: number | undefined,
): void {
  const pids = new Set<number>();
  for (const directory of directoriesOf(paths)) {
    if (!made.has(directory)) { for (const pid of listPids(directory)) pids.add(pid); }
  }
  if (inhabitant !== undefined) pids.delete(inhabitant);
  if (pids.size > 0) {
    throw new ContainerError(`container's cgroup is not empty: ${pids.size} process(es) found`);
  }
  const { freezer, "": unified } = paths;
  // A new group too: one inside a frozen group is frozen from the start.
  const frozen = freezer === undefined
    ? unified !== undefined && (readIfThere(`${unified}/cgroup.events`) ?? "").includes("frozen 1")
    : (readIfThere(`${freezer}/freezer.state`) ?? "THAWED").trim() !== "THAWED";
  if (frozen) throw new ContainerError("container's cgroup unexpectedly frozen");
}

/**
 * A v1 cpuset without CPUs or memory nodes takes no process (ENOSPC), and a new one has neither: fill those above
 * it from the next one that has some, and its own, except for what the container's resources set.
 */
function inheritCpuset({ writes }: CgroupRequest, directory: string): void {
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    const set = writes.some((write) => write.controller === "cpuset" && write.file === file);
    const parent = directory.slice(0, directory.lastIndexOf("/"));
    fillCpuset(set ? parent : directory, file);
  }
}

/** The value of `file` at `directory`, after taking it from above where it was empty. */
function fillCpuset(directory: string, file: string): string {
  const text = readIfThere(`${directory}/${file}`);
  if (text === undefined) {
    throw new ContainerError("inherit cpuset", { place: `${directory}/${file}`, errno: "ENOENT" });
  }
  const value = text.trim();
  if (value !== "") return value;
  const inherited = fillCpuset(directory.slice(0, directory.lastIndexOf("/")), file);
  writeFile(`${directory}/${file}`, inherited);
  return inherited;
}

function cannotMake(directory: string, errno: string): ContainerError {
  const hint = errno === "EROFS"
    ? "is /sys/fs/cgroup mounted read-only?"
    : isRefusal(errno)
    ? DELEGATION
    : undefined;
  return new ContainerError("unable to apply cgroup configuration: mkdir", { place: directory, errno, hint });
}

const DELEGATION = "`dunc check` tells which groups may be made";

function isRefusal(errno: string): boolean {
  return errno === "EPERM" || errno === "EACCES" || errno === "EROFS";
}

function words(path: string): string[] {
  const text = readIfThere(path)?.trim() ?? "";
  return text === "" ? [] : text.split(" ");
}
