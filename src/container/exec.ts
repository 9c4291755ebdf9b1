import { kernelCalls } from "../../ffi/kernel.ts";
import {
  catchSignals,
  close,
  connectUnix,
  pidfdOpen,
  pidfdSignal,
  relay,
  sendDescriptor,
  setSubreaper,
  waitExit,
} from "../../ffi/stub.ts";
import { v2Directory } from "../cgroup/paths.ts";
import { joinRdtGroup } from "../cgroup/resctrl_group.ts";
import { ContainerError, SpecError } from "../errors.ts";
import { mapsOf, maySetGroups, ownNamespaces } from "../host/namespaces.ts";
import { CLONE_NEWUSER } from "../linux/constants.gen.ts";
import { missingModules } from "../host/lsm.ts";
import { type Handlers, runConversation } from "../launch/conversation.ts";
import { spawnPlan } from "../launch/spawn.ts";
import { buildExecPlan } from "../plan/build_exec.ts";
import { isMapped } from "../spec/id_mapping_rules.ts";
import type { Maps } from "../spec/nested_maps.ts";
import { parseProcess, parseSpec } from "../spec/parse.ts";
import type { Process, Spec } from "../spec/schema.ts";
import { checkMappedUser, checkProcess, Issues } from "../spec/validate.ts";
import { loadConfig } from "../state/folder.ts";
import { type Container, loadContainer, processOf } from "./container.ts";
import { execCgroup } from "./exec_cgroup.ts";
import { execProcess } from "./exec_process.ts";
import { keepExec } from "./kept.ts";
import type { ExecOptions, Log, Runtime } from "./options.ts";
import { writePidFile } from "./pid_file.ts";
import { inheritedDescriptors } from "./prepare.ts";
import { seccompOf } from "./seccomp.ts";
import type { ContainerRecord } from "../state/record.ts";
import { connectAgent } from "./seccomp_agent.ts";
import { traceEnd, tracePlan, traceReady } from "./trace.ts";
import { identify, startFailure } from "./verb.ts";

/**
 * `exec`: one more process in a container that is created or running. Returns its exit code (128 + N for signal N),
 * or 0 when detached.
 *
 * Throws ContainerError; the command's exit code is 255 then, so that it is told apart from the program's.
 */
export function execContainer(runtime: Runtime, options: ExecOptions): number {
  const container = loadContainer(runtime, options.id);
  checkStatus(container, options);
  const spec = currentSpec(container);
  const maps = mapsOf(processOf(container).pid);
  const { process, origin } = processFor(withMaps(spec, maps), options, runtime);
  checkConsole(process, options);
  // A pidfd that was checked against the record: every later look goes through it.
  const target = identify(processOf(container));
  if (target === undefined) throw new ContainerError("cannot exec in a stopped container");
  try {
    const { pid } = processOf(container);
    const namespaces = ownNamespaces(pid);
    const preserveFds = options.preserveFds + inheritedDescriptors();
    const seccomp = seccompOf(spec, runtime.log);
    const { attached, ...groups } = execCgroup(container, options.cgroups);
    const plan = buildExecPlan({
      process,
      origin,
      id: container.record.id,
      pid,
      namespaces,
      userNamespace: (namespaces & CLONE_NEWUSER) !== 0,
      // The container is set up by a root: where its process knows none, that one is in the namespace around it.
      nestedUser: !isMapped(maps.uidMappings, 0) || !isMapped(maps.gidMappings, 0),
      setgroups: maySetGroups(pid),
      noNewKeyring: false,
      preserveFds,
      consoleSocket: options.consoleSocket !== undefined,
      ...groups,
      asked: attached !== undefined,
      seccomp,
      linux: spec.linux,
      kernel: kernelCalls(),
    });
    // What else the runtime does for an exec is not in its plan.
    const inOwnGroup = groups.cgroupDirectory === v2Directory(container.record.cgroupPaths);
    const plain = preserveFds === 0 && inOwnGroup && container.record.intelRdt === undefined &&
      seccomp?.notify !== true;
    const keep = plain ? () => keepExec(container, options, plan, configOf(container)) : () => {};
    const { intelRdt } = container.record;
    const join = (process: number) => intelRdt === undefined ? undefined : joinRdtGroup(intelRdt, process);
    const attach = (first: number) => attachByUnit(runtime, container.record, attached ?? "", first);
    const taker = seccomp?.notify === true
      ? connectAgent(spec.linux!.seccomp!, container.record.bundle)
      : undefined;
    try {
      const pass = taker &&
        ((process: number, descriptor: number) => taker.take(descriptor, process, { ...container, pid }));
      tracePlan(runtime.log, plan);
      return launchExec(options, plan, { log: runtime.log, target, preserveFds, keep, pass, join, attach });
    } finally {
      taker?.close();
    }
  } finally {
    close(target);
  }
}

function attachByUnit({ systemd }: Runtime, record: ContainerRecord, below: string, pid: number): void {
  if (systemd === undefined) throw new ContainerError("exec", { reason: "the systemd driver is not loaded" });
  systemd.attachToScope(record, below, pid);
}

function checkStatus({ status }: Container, options: ExecOptions): void {
  if (status === "stopped") throw new ContainerError("cannot exec in a stopped container");
  if (status === "creating") {
    throw new ContainerError("cannot exec in a container that is still being created");
  }
  if (status === "paused" && !options.ignorePaused) {
    throw new ContainerError("cannot exec in a paused container (use --ignore-paused to override)");
  }
}

/**
 * The config.json that was kept at create, with `process` as the bundle has it now, as in runc. Nothing else of the
 * bundle counts: its filter is the container's, whoever writes to the bundle.
 */
function currentSpec({ folder, record }: Container): Spec {
  const kept = loadConfig(folder);
  const spec = parseSpec(kept);
  const text = bundleText(record);
  if (text === undefined || text === kept) return spec;
  const { process: _, ...others } = spec;
  const { process } = parseSpec(text);
  return process === undefined ? others : { ...others, process };
}

/** Undefined where the bundle is gone. */
function bundleText(record: Container["record"]): string | undefined {
  try {
    return Deno.readTextFileSync(configOf({ record }));
  } catch {
    return undefined;
  }
}

const configOf = ({ record }: Pick<Container, "record">): string => `${record.bundle}/config.json`;

/** The document with the maps that its process has now: those that `exec` can be somebody in. */
function withMaps(spec: Spec, maps: Maps): Spec {
  return maps.uidMappings.length === 0 ? spec : { ...spec, linux: { ...spec.linux, ...maps } };
}

function processFor(spec: Spec, options: ExecOptions, runtime: Runtime) {
  const issues = new Issues();
  if (options.processFile === undefined) {
    if (options.args.length === 0) throw new ContainerError("exec args cannot be empty");
    if (spec.process === undefined) throw new ContainerError("process property must not be empty");
    const process = execProcess(spec.process, options);
    checkProcess(process, "process", issues);
    checkMappedUser(process, spec.linux ?? {}, "process", issues);
    refuse(issues, process, "process", runtime);
    return { process, origin: ["process"] };
  }
  const process = parseProcess(readProcess(options.processFile));
  checkProcess(process, "--process", issues);
  checkMappedUser(process, spec.linux ?? {}, "--process", issues);
  refuse(issues, process, "--process", runtime);
  return { process: options.tty ? { ...process, terminal: true } : process, origin: ["--process"] };
}

function readProcess(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    const errno = (error as { code?: string }).code;
    throw new ContainerError(`--process: open ${path}`, { errno });
  }
}

function refuse(issues: Issues, process: Process, origin: string, runtime: Runtime): void {
  const errors = [...issues.errors, ...missingModules(process, origin)];
  if (errors.length > 0) throw new SpecError(errors);
  for (const { path, message } of issues.warnings) runtime.log.warn(`${path}: ${message}`);
}

function checkConsole(process: Process, options: ExecOptions): void {
  const terminal = process.terminal === true;
  if (options.detach && terminal && options.consoleSocket === undefined) {
    throw new ContainerError("cannot allocate tty if runc will detach without setting console socket");
  }
  if (options.consoleSocket !== undefined && !(options.detach && terminal)) {
    throw new ContainerError("cannot use console socket if runc will not detach or allocate tty");
  }
}

/** What goes with the plan of an exec. */
interface Launch {
  readonly log: Log;
  /** A pidfd of the container's process. */
  readonly target: number;
  readonly preserveFds: number;
  /** Keeps the plan for the next time. */
  readonly keep: () => void;
  /** Puts the process where the container's are, beyond cgroups. */
  readonly join: (pid: number) => void;
  /** Has the first stage put into the group, where we may not do it. */
  readonly attach: (first: number) => void;
  /** Passes the filter's listener on, where it has one. */
  readonly pass: Handlers["listener"];
}

function launchExec(
  options: ExecOptions,
  plan: ReturnType<typeof buildExecPlan>,
  { log, target, preserveFds, keep, pass, join, attach }: Launch,
): number {
  const console = options.consoleSocket === undefined
    ? undefined
    : connectUnix(options.consoleSocket, "connect to the console socket");
  if (!options.detach) {
    setSubreaper();
    catchSignals();
  }
  let pidfd: number | undefined;
  let master: number | undefined;
  try {
    const given = console === undefined ? [target] : [target, console];
    const outcome = begin(() =>
      runConversation(spawnPlan(plan, { given, preserveFds }), {
        cgroup: attach,
        ready: (pid) => {
          traceReady(log, pid);
          // Before the program runs: it may have ended by the time the conversation has.
          pidfd = pidfdOpen(pid);
          join(pid);
        },
        listener: pass,
      })
    );
    traceEnd(log, "exec");
    master = outcome.master;
    if (pidfd === undefined) throw new ContainerError("find the new process", { errno: "ESRCH" });
    handOver(options, pidfd, outcome.pid);
    keep();
    return options.detach ? 0 : relay(pidfd, outcome.pid, master);
  } finally {
    for (const fd of [console, pidfd, master]) if (fd !== undefined) close(fd);
  }
}

function begin<T>(start: () => T): T {
  try {
    return start();
  } catch (error) {
    throw startFailure(error);
  }
}

/** What the caller was promised. A process that cannot be handed over is killed (runc, `exec`). */
function handOver(options: ExecOptions, pidfd: number, pid: number): void {
  try {
    if (options.pidfdSocket !== undefined) {
      const socket = connectUnix(options.pidfdSocket, "connect to the pidfd socket");
      sendDescriptor(socket, "setns", pidfd);
      close(socket);
    }
    if (options.pidFile !== undefined) writePidFile(options.pidFile, pid);
  } catch (error) {
    const SIGKILL = 9;
    pidfdSignal(pidfd, SIGKILL);
    waitExit(pidfd, { wait: true, reap: true });
    throw error;
  }
}
