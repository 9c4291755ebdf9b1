import { close, connectUnix, pidfdOpen, sendDescriptor, waitExit } from "../../ffi/stub.ts";
import { cgroupKernel } from "../../ffi/cgroup_kernel.ts";
import {
  type CgroupRequest,
  createCgroup,
  type CreatedCgroup,
  delegateCgroup,
  refuseInUse,
} from "../cgroup/apply.ts";
import { deviceProgram } from "../cgroup/device_program.ts";
import { deviceList } from "../cgroup/devices.ts";
import { readOomKills } from "../cgroup/oom.ts";
import { directoriesOf, isV2, v2Directory } from "../cgroup/paths.ts";
import { thaw } from "../cgroup/freeze.ts";
import { killCgroup } from "../cgroup/kill.ts";
import { removeUnused } from "../cgroup/remove.ts";
import { joinRdtGroup, makeRdtGroup } from "../cgroup/resctrl_group.ts";
import { ContainerError } from "../errors.ts";
import { procCovers } from "../host/facts.ts";
import { readProcessStat } from "../host/process_stat.ts";
import { runConversation } from "../launch/conversation.ts";
import { type Mapper, writeIdMaps } from "../launch/id_maps.ts";
import { PROC_REFUSED } from "../launch/report.ts";
import { spawnPlan } from "../launch/spawn.ts";
import type { Plan } from "../plan/plan.ts";
import type { Spec } from "../spec/schema.ts";
import {
  type Folder,
  lockFolder,
  makeFolder,
  removeFolder,
  saveConfig,
  saveRecord,
} from "../state/folder.ts";
import type { ContainerRecord } from "../state/record.ts";
import { destroy } from "./delete.ts";
import { runHooks } from "./hooks.ts";
import { keepPlans } from "./kept.ts";
import { keepCreation } from "./kept_creation.ts";
import { makeNotifyFolder } from "./notify.ts";
import { type DeviceMover, deviceMover } from "./net_devices.ts";
import type { CreateOptions, Runtime } from "./options.ts";
import { writePidFile } from "./pid_file.ts";
import { type Preparation, prepare } from "./prepare.ts";
import { delegatedUser } from "./resources.ts";
import type { ListenerTaker } from "./seccomp_agent.ts";
import { traceEnd, tracePlan, traceReady } from "./trace.ts";
import { nestedMapsOf } from "./user_namespace.ts";
import { nested, startFailure } from "./verb.ts";

/** A container that has just been made, with its process still ours. */
export interface Created {
  readonly folder: Folder;
  readonly record: ContainerRecord;
  readonly pid: number;
  readonly pidfd: number;
  /** The master of its terminal, when there is no console socket. */
  readonly master: number | undefined;
}

/**
 * `create`: make a container whose process waits at the barrier for `start`.
 *
 * Throws SpecError for a config.json that cannot be carried out, and ContainerError for everything else; what had
 * been made until then is taken away again.
 */
export function createContainer(runtime: Runtime, options: CreateOptions): void {
  const prepared = prepare(runtime, options, { barrier: true, detach: true });
  const created = launch(runtime, options, prepared);
  close(created.pidfd);
  keepCreation(runtime, options, prepared, created.record);
}

/**
 * Carry out what was prepared. The caller closes `pidfd` (and `master`). `begin` is called right before the process is
 * made, when its state folder is there.
 */
export function launch(
  runtime: Runtime,
  options: CreateOptions,
  prepared: Preparation,
  begin: (folder: Folder) => void = () => {},
): Created {
  const { folder } = prepared;
  const console = options.consoleSocket === undefined
    ? undefined
    : connectUnix(options.consoleSocket, "connect to the console socket");
  let taker: ListenerTaker | undefined;
  try {
    taker = prepared.connectListener?.();
    // Before the first side effect: a document that no plan can be made of is refused here.
    const plan = prepared.planFor(prepared.record.cgroupPaths);
    tracePlan(runtime.log, plan);
    makeFolder(runtime.root, folder);
    const lock = lockNew(folder);
    try {
      return makeContainer(runtime, options, prepared, { console, taker, begin }, plan);
    } finally {
      lock.release();
    }
  } finally {
    if (console !== undefined) close(console);
    taker?.close();
  }
}

/** Connections that were made before anything else, and what is to be made with the state folder. */
interface Connections {
  readonly console: number | undefined;
  readonly taker: ListenerTaker | undefined;
  readonly begin: (folder: Folder) => void;
}

/** Lock a folder that has just been made. Where there is no room for the lock, the folder goes again. */
function lockNew(folder: Folder): ReturnType<typeof lockFolder> {
  try {
    return lockFolder(folder);
  } catch (error) {
    removeFolder(folder);
    throw error;
  }
}

/** A record that names a group in use would let `delete --force` kill whoever is in it: there is none yet. */
function refuseOccupied(folder: Folder, { paths }: CgroupRequest): void {
  try {
    refuseInUse(paths, new Set());
  } catch (error) {
    removeFolder(folder);
    throw startFailure(error);
  }
}

function makeContainer(
  runtime: Runtime,
  options: CreateOptions,
  prepared: Preparation,
  { console, taker, begin }: Connections,
  firstPlan: Plan,
): Created {
  const { folder, cgroup, systemd } = prepared;
  if (cgroup !== undefined) refuseOccupied(folder, cgroup);
  // Groups are not ours to clean up before they are made, and a unit of that name may be another's.
  let record: ContainerRecord = { ...prepared.record, cgroupPaths: {}, systemd: undefined };
  let made: readonly string[] = [];
  let plan = firstPlan;
  const mover = deviceMover(prepared.spec, prepared.netDevices);
  let started = false;
  try {
    // Named before it is made: `delete --force` finds everything after a kill -9 at any point.
    saveRecord(folder, prepared.record);
    saveConfig(folder, prepared.configText);
    makeNotifyFolder(folder);
    begin(folder);
    if (cgroup !== undefined && systemd === undefined) {
      const created = makeGroups(prepared, cgroup);
      record = prepared.record;
      made = created.made;
      if (Object.keys(created.paths).length < Object.keys(cgroup.paths).length) {
        record = { ...record, cgroupPaths: created.paths };
        plan = prepared.planFor(created.paths);
        saveRecord(folder, record);
      }
    }
    if (record.intelRdt !== undefined) {
      record = { ...record, intelRdt: makeRdtGroup(prepared.spec.linux!.intelRdt!, record.intelRdt) };
      saveRecord(folder, record);
    }
    const given = console === undefined ? [] : [console];
    const child = spawnPlan(plan, { given, preserveFds: prepared.preserveFds });
    const outcome = runConversation(child, {
      isContainer: true,
      cgroup: (inhabitant) => {
        runtime.systemd!.startScope(systemd!, inhabitant);
        record = prepared.record;
        made = directoriesOf(record.cgroupPaths);
        runtime.systemd!.settleScope(systemd!);
        const writes = cgroup!.writes.filter((write) => !runtime.systemd!.isTight(write));
        makeGroups(prepared, { ...cgroup!, writes, inhabitant });
      },
      maps: (pid) => writeIdMaps(pid, nestedMapsOf(prepared.spec).outer, mapper()),
      devices: (pid) => mover?.move(pid),
      hooks: (pid) => {
        const container = { record, status: "creating" } as const;
        const { prestart = [], createRuntime = [] } = prepared.spec.hooks ?? {};
        nested("error during container init", () => {
          runHooks("prestart", prestart, container, pid);
          runHooks("createRuntime", createRuntime, container, pid);
        });
      },
      ready: (pid) => {
        const stat = readProcessStat(pid);
        if (stat === undefined) throw new ContainerError("find the container's process", { errno: "ESRCH" });
        traceReady(runtime.log, pid);
        if (systemd !== undefined) runtime.systemd!.tightenScope(systemd, cgroup!.writes);
        if (record.intelRdt !== undefined) joinRdtGroup(record.intelRdt, pid);
        record = { ...record, process: { pid, startTime: stat.startTime } };
        saveRecord(folder, record);
        keepPlans(folder, record, prepared.spec);
      },
      listener: taker &&
        ((pid, descriptor) => taker.take(descriptor, pid, { record, status: "creating", pid })),
    });
    traceEnd(runtime.log, "create");
    started = true;
    return handOver(options, prepared, { ...outcome, folder, record });
  } catch (error) {
    const cause = oomKilled(record, made) ?? withCovers(error);
    bringBack(runtime, mover);
    takeAway(runtime, { folder, record }, made);
    throw started ? cause : startFailure(cause);
  } finally {
    mover?.close();
  }
}

/** Network devices go back while there is a namespace to take them from. */
function bringBack(runtime: Runtime, mover: DeviceMover | undefined): void {
  try {
    mover?.restore();
  } catch (error) {
    runtime.log.warn(`clean up: ${error instanceof Error ? error.message : error}`);
  }
}

/** What createCgroup() does, and on v2 the devices: v1 has its list among the writes. */
function makeGroups({ spec }: Preparation, request: CgroupRequest): CreatedCgroup {
  const created = createCgroup(request);
  if (isV2(created.paths)) {
    try {
      const directory = v2Directory(created.paths)!;
      holdDevices(spec, directory, request.rootless);
      const user = delegatedUser(spec);
      if (user !== undefined) delegateCgroup(directory, user, request.rootless);
    } catch (error) {
      removeUnused(created.made);
      throw error;
    }
  }
  return created;
}

/** Whether the kernel killed the init for want of memory: then that is the failure, whatever else was seen of it. */
function oomKilled({ cgroupPaths }: ContainerRecord, made: readonly string[]): ContainerError | undefined {
  // A group that was there before has counted others.
  const own = made.includes(cgroupPaths[isV2(cgroupPaths) ? "" : "memory"] ?? "");
  return own && (readOomKills(cgroupPaths) ?? 0n) > 0n
    ? new ContainerError("container init was OOM-killed (memory limit too low?)", {
      place: "linux.resources.memory.limit",
    })
    : undefined;
}

/** Name what covers /proc, where that keeps the container from having its own. */
function withCovers(error: unknown): unknown {
  if (!(error instanceof ContainerError) || error.detail.hint !== PROC_REFUSED) return error;
  const covers = procCovers();
  if (covers.length === 0) return error;
  const hint = `${covers.join(", ")} cover${covers.length === 1 ? "s" : ""} parts of /proc: ${PROC_REFUSED}`;
  return new ContainerError(error.operation, { ...error.detail, hint });
}

/** Put the device program in place. An ordinary user may load none, and can make no device (as in runc). */
function holdDevices({ linux }: Spec, directory: string, rootless: boolean): void {
  const rules = deviceList(linux?.resources?.devices ?? []);
  try {
    cgroupKernel().attachDeviceProgram(directory, deviceProgram(rules));
  } catch (error) {
    if (!(rootless && error instanceof ContainerError && error.detail.errno === "EPERM")) throw error;
  }
}

function mapper(): Mapper {
  const uid = Deno.uid() ?? 0;
  return { uid, gid: Deno.gid() ?? 0, privileged: uid === 0 };
}

/** What the caller was promised: the pid file and the pidfd, of a process that is there. */
function handOver(options: CreateOptions, prepared: Preparation, created: Omit<Created, "pidfd">): Created {
  const pidfd = pidfdOpen(created.pid);
  if (pidfd === undefined) throw new ContainerError("find the container's process", { errno: "ESRCH" });
  try {
    const ended = prepared.barrier ? waitExit(pidfd, { wait: false, reap: true }) : undefined;
    if (ended !== undefined) throw deathOf(ended);
    if (options.pidfdSocket !== undefined) {
      const socket = connectUnix(options.pidfdSocket, "connect to the pidfd socket");
      sendDescriptor(socket, "standard", pidfd);
      close(socket);
    }
    if (options.pidFile !== undefined) writePidFile(options.pidFile, created.pid);
    return { ...created, pidfd };
  } catch (error) {
    close(pidfd);
    throw error;
  }
}

function deathOf(ended: { readonly code?: number; readonly signal?: number }): ContainerError {
  const SIGSYS = 31;
  const reason = ended.signal === undefined
    ? `it ended with status ${ended.code ?? "unknown"}`
    : `it was killed by signal ${ended.signal}`;
  return new ContainerError("container init died before it could wait for start", {
    reason,
    hint: ended.signal === SIGSYS
      ? "linux.seccomp must allow read, close and execve"
      : "memory limit too low? see linux.resources.memory.limit",
  });
}

/** A creation that failed leaves nothing behind. What cannot be taken away is a warning: the first error is told. */
function takeAway(
  runtime: Runtime,
  made: { readonly folder: Folder; readonly record: ContainerRecord },
  directories: readonly string[],
): void {
  try {
    // A container process that was not recorded yet ends by itself when its conversation ends: its group says when.
    const paths = made.record.cgroupPaths;
    if (Object.keys(paths).length > 0 && directories.length > 0) {
      thaw(paths);
      killCgroup(paths, cgroupKernel());
    }
    destroy(runtime, { ...made, status: "creating" });
    removeUnused(directories);
  } catch (error) {
    runtime.log.warn(`clean up: ${error instanceof Error ? error.message : error}`);
  }
}
