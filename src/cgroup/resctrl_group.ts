import { ContainerError, type SpecIssue } from "../errors.ts";
import { childDirectories, errnoOf, exists, readIfThere, tryWrite } from "./files.ts";
import {
  type IntelRdt,
  joinedSchema,
  mustBeThere,
  type RdtGroup,
  rdtGroupOf,
  rdtWrites,
  resctrlMount,
  schemaMismatch,
} from "./resctrl.ts";
import { type RdtStats, rdtStats } from "./resctrl_stats.ts";

/** Where this host's resctrl is mounted; undefined where it is not. */
export function findResctrl(): string | undefined {
  return resctrlMount(Deno.readTextFileSync("/proc/self/mountinfo"));
}

/** What `linux.intelRdt` asks for and the host does not have, in runc's words. `root`: where resctrl is mounted. */
export function missingRdt(intelRdt: IntelRdt, root: string | undefined): SpecIssue[] {
  const issue = (field: string, message: string): SpecIssue => ({ path: `linux.intelRdt${field}`, message });
  const specified = "is specified in config, but Intel RDT";
  if (root === undefined || !exists(`${root}/schemata`)) {
    return [issue("", `intelRdt ${specified} is not supported or enabled (is resctrl mounted?)`)];
  }
  const has = (...names: string[]) => names.some((name) => exists(`${root}/info/${name}`));
  const issues: SpecIssue[] = [];
  if ((intelRdt.l3CacheSchema ?? "") !== "" && !has("L3", "L3CODE")) {
    issues.push(issue(".l3CacheSchema", `intelRdt.l3CacheSchema ${specified}/CAT is not enabled`));
  }
  if ((intelRdt.memBwSchema ?? "") !== "" && !has("MB")) {
    issues.push(issue(".memBwSchema", `intelRdt.memBwSchema ${specified}/MBA is not enabled`));
  }
  if (intelRdt.enableMonitoring === true && !has("L3_MON")) {
    issues.push(
      issue(".enableMonitoring", `intelRdt.enableMonitoring ${specified} monitoring is not enabled`),
    );
  }
  return issues;
}

/**
 * Decide on a container's group. Nothing is changed.
 *
 * Throws ContainerError for a class that should be there and is not, or that is another one than described.
 */
export function chooseRdtGroup(intelRdt: IntelRdt, id: string, root: string): RdtGroup {
  const group = rdtGroupOf(intelRdt, id, root, exists);
  if (group.made && mustBeThere(intelRdt)) {
    throw new ContainerError("clos dir not accessible", {
      place: group.directory,
      errno: "ENOENT",
      hint: "must be pre-created when l3CacheSchema, schemata and memBwSchema are empty",
    });
  }
  if (!group.made) checkSchema(intelRdt, group);
  return group;
}

/** A class that is there already may have other containers: its l3CacheSchema and memBwSchema must be the same. */
function checkSchema(intelRdt: IntelRdt, { directory }: RdtGroup): void {
  const wanted = joinedSchema(intelRdt);
  if (wanted === undefined) return;
  const line = schemaMismatch(wanted, readIfThere(`${directory}/schemata`) ?? "");
  if (line === undefined) return;
  throw new ContainerError("linux.intelRdt: the class exists with another schema", {
    place: `${directory}/schemata`,
    reason: `${JSON.stringify(line)} is not in it`,
  });
}

/** Make what there is not yet and describe it. Returns the group as it came to be. */
export function makeRdtGroup(intelRdt: IntelRdt, group: RdtGroup): RdtGroup {
  const made = group.made && makeDirectory(group.directory, group.root);
  if (group.made && !made) checkSchema(intelRdt, group);
  const { schemata = [] } = intelRdt;
  const texts = made ? rdtWrites(intelRdt) : rdtWrites({ schemata });
  for (const text of texts) write(`${group.directory}/schemata`, text, group.root);
  if (group.monitoring !== undefined) makeDirectory(group.monitoring, group.root);
  return { ...group, made };
}

/** Put a process into the container's groups; its children are born there. */
export function joinRdtGroup({ root, directory, monitoring }: RdtGroup, pid: number): void {
  write(`${directory}/tasks`, String(pid), root);
  // Within the group of control, never before it.
  if (monitoring !== undefined) write(`${monitoring}/tasks`, String(pid), root);
}

/** `update`: another schema for the container's group. */
export function updateRdtGroup({ root, directory }: RdtGroup, intelRdt: IntelRdt): void {
  for (const text of rdtWrites(intelRdt)) write(`${directory}/schemata`, text, root);
}

/**
 * Take away what was made for a container. A class with a name of its own stays while it has tasks: the kernel would
 * move them to the root's class.
 */
export function removeRdtGroup({ directory, made, shared, monitoring }: RdtGroup): void {
  if (monitoring !== undefined) removeDirectory(monitoring);
  if (!made) return;
  if (shared && (readIfThere(`${directory}/tasks`) ?? "") !== "") return;
  removeDirectory(directory);
}

/** What `events` tells of a container's group. */
export function readRdtStats(group: RdtGroup): RdtStats {
  const domains = childDirectories(`${group.monitoring ?? group.directory}/mon_data`).sort();
  return rdtStats(group, domains.filter((name) => name.startsWith("mon_L3_")), (path) => readIfThere(path));
}

/** False: it was there. */
function makeDirectory(path: string, root: string): boolean {
  try {
    Deno.mkdirSync(path, { mode: 0o755 });
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "EEXIST") return false;
    throw failure("make a group of resctrl", path, errno, root);
  }
}

function write(path: string, text: string, root: string): void {
  const errno = tryWrite(path, text);
  if (errno !== undefined) throw failure(`write ${JSON.stringify(text.trim())}`, path, errno, root);
}

/** The kernel says in a file of its own what it did not like. */
function failure(operation: string, place: string, errno: string, root: string): ContainerError {
  const status = readIfThere(`${root}/info/last_cmd_status`)?.trim() ?? "";
  const hint = status === "" || status === "ok" ? undefined : `last_cmd_status: ${status}`;
  return new ContainerError(`linux.intelRdt: ${operation}`, { place, errno, hint });
}

function removeDirectory(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== "ENOENT") throw new ContainerError("remove a group of resctrl", { place: path, errno });
  }
}
