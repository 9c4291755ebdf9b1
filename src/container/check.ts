import { hasAttribute } from "../../ffi/attributes.ts";
import { kernelCalls } from "../../ffi/kernel.ts";
import { type CgroupLayout, ownDirectory } from "../cgroup/layout.ts";
import { containerPaths, directoriesOf, v2Directory } from "../cgroup/paths.ts";
import { readLayout } from "../cgroup/read_layout.ts";
import { ContainerError, errnoName } from "../errors.ts";
import { type FileFacts, readFileFacts } from "../host/facts.ts";
import {
  type Finding,
  findingsOf,
  type Helper,
  type HostFacts,
  isUsable,
  type Outcome,
} from "../host/findings.ts";
import type { IdRange } from "../host/subids.ts";
import { runConversation } from "../launch/conversation.ts";
import { findHelper, type IdMaps, writeIdMaps } from "../launch/id_maps.ts";
import { spawnPlan } from "../launch/spawn.ts";
import { trialPlan, TRIALS } from "../plan/trials.ts";
import type { TrialName } from "../plan/trials.ts";
import type { IdMapping } from "../spec/schema.ts";
import { folderOf, makeFolder, removeFolder } from "../state/folder.ts";
import type { Runtime } from "./options.ts";

/** What `check` found. */
export interface CheckResult {
  readonly user: string;
  readonly usable: boolean;
  readonly findings: readonly Finding[];
}

/**
 * `check`: find out what this host allows to the calling user, by trying it and by reading what explains a failure.
 * What is made on the way (namespaces, a group, a folder) is gone when it returns.
 */
export function checkHost(runtime: Runtime): CheckResult {
  const facts = readFacts(runtime);
  const findings = findingsOf(facts);
  return { user: facts.userName, usable: isUsable(findings), findings };
}

function readFacts(runtime: Runtime): HostFacts {
  const read = readFileFacts();
  const own: IdMaps = {
    uidMappings: [{ containerID: 0, hostID: read.uid, size: 1 }],
    gidMappings: [{ containerID: 0, hostID: read.gid, size: 1 }],
  };
  const trials = Object.fromEntries(TRIALS.map((name) => [name, tryOut(name, own, read)]));
  const helpers = { newuidmap: helper("newuidmap"), newgidmap: helper("newgidmap") };
  return {
    ...read,
    trials: trials as Record<TrialName, Outcome>,
    helpers,
    rangedMap: tryRanges(read, helpers),
    cgroup: cgroupFacts(!runtime.rootless && runtime.cgroupManager !== "disabled"),
    stateFolder: { path: runtime.root, refusal: tryFolder(runtime.root) },
    calls: kernelCalls(),
    runtimeDirectory: Deno.env.get("XDG_RUNTIME_DIR") || undefined,
  };
}

/** Carry out a trial's plan. */
function tryOut(name: TrialName, maps: IdMaps, { uid, gid }: FileFacts): Outcome {
  let failed: Outcome | undefined;
  try {
    const child = spawnPlan(trialPlan(name, uid !== 0), { given: [], preserveFds: 0 });
    const mapsWanted = child.plan.steps.some(({ op }) => op.op === "setresuid");
    const write = (pid: number) => writeIdMaps(pid, maps, { uid, gid, privileged: uid === 0 });
    runConversation(child, {
      ...(mapsWanted ? { maps: write } : {}),
      inWords: ({ opIndex, errno }, { steps }) => {
        failed = { op: steps[opIndex]?.op.op ?? "init", errno: errnoName(errno) };
        return new ContainerError(name);
      },
    });
    return "ok";
  } catch (error) {
    if (!(error instanceof ContainerError)) throw error;
    return failed ?? { op: error.operation, errno: error.detail.errno ?? error.detail.reason ?? "unknown" };
  }
}

/** Map the own id and all subordinate ones, where there are any and somebody who may write the map. */
function tryRanges(read: FileFacts, helpers: HostFacts["helpers"]): HostFacts["rangedMap"] {
  const { uid, gid, uidRanges, gidRanges } = read;
  if (uid === 0 || uidRanges.length === 0 || gidRanges.length === 0) return undefined;
  if (helpers.newuidmap === undefined || helpers.newgidmap === undefined) return undefined;
  const maps = { uidMappings: wholeMap(uid, uidRanges), gidMappings: wholeMap(gid, gidRanges) };
  const outcome = tryOut("userNamespace", maps, read);
  return outcome === "ok" ? "ok" : { reason: `${outcome.op}: ${outcome.errno}` };
}

function wholeMap(id: number, ranges: readonly IdRange[]): IdMapping[] {
  const map: IdMapping[] = [{ containerID: 0, hostID: id, size: 1 }];
  let next = 1;
  for (const { first, count } of ranges) {
    map.push({ containerID: next, hostID: first, size: count });
    next += count;
  }
  return map;
}

function helper(name: "newuidmap" | "newgidmap"): Helper | undefined {
  const path = findHelper(name);
  if (path === undefined) return undefined;
  const { mode, uid } = Deno.statSync(path);
  const setUid = uid === 0 && (mode! & 0o4000) !== 0;
  return { path, privileged: setUid || hasAttribute(path, "security.capability") };
}

function cgroupFacts(needed: boolean): HostFacts["cgroup"] {
  const layout = readLayout();
  const { mode } = layout;
  const controllers = mode === "v2"
    ? words(`${layout.unified!.mountpoint}/cgroup.controllers`)
    : layout.hierarchies.flatMap((hierarchy) => hierarchy.controllers);
  const none = { mode, controllers, directory: undefined, refusal: undefined, needed, delegated: [] };
  if (mode === "none") return none;
  try {
    const paths = containerPaths(layout, undefined, `dunc-check-${Deno.pid}`);
    for (const directory of directoriesOf(paths)) {
      const refusal = tryDirectory(directory);
      if (refusal !== undefined) return { ...none, directory, refusal };
    }
    return { ...none, delegated: mode === "v2" ? delegated(v2Directory(paths)!) : [] };
  } catch (error) {
    if (!(error instanceof ContainerError)) throw error;
    return { ...none, directory: ownGroup(layout), refusal: error.message };
  }
}

const ownGroup = (layout: CgroupLayout): string | undefined =>
  layout.unified === undefined ? undefined : ownDirectory(layout.unified) ?? layout.unified.own;

/** Controllers that a group at `directory` would have: those of the one above, if they may be handed down. */
function delegated(directory: string): string[] {
  const parent = directory.slice(0, directory.lastIndexOf("/"));
  const file = `${parent}/cgroup.subtree_control`;
  try {
    Deno.openSync(file, { write: true }).close();
    return words(`${parent}/cgroup.controllers`);
  } catch {
    return words(file);
  }
}

function words(file: string): string[] {
  try {
    return Deno.readTextFileSync(file).split(/\s+/).filter((word) => word !== "");
  } catch {
    return [];
  }
}

/** Make a directory and remove it again; the errno's name when that fails. */
function tryDirectory(directory: string): string | undefined {
  try {
    Deno.mkdirSync(directory);
    Deno.removeSync(directory);
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

/** Make a container's folder and remove it again, and the root folder when it was not there before. */
function tryFolder(root: string): string | undefined {
  const folder = folderOf(root, `dunc-check-${Deno.pid}`);
  const there = isThere(root);
  try {
    makeFolder(root, folder);
    removeFolder(folder);
    if (!there) Deno.removeSync(root);
    return undefined;
  } catch (error) {
    if (!(error instanceof ContainerError)) throw error;
    return error.detail.reason ?? error.detail.errno ?? error.message;
  }
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
