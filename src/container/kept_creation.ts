import { artefact } from "../../ffi/artefacts.ts";
import { kernelCalls } from "../../ffi/kernel.ts";
import { fileIdentity } from "../../ffi/stub.ts";
import type { FileWrite } from "../cgroup/file_write.ts";
import { deviceProgram } from "../cgroup/device_program.ts";
import { deviceList } from "../cgroup/devices.ts";
import { freezeFile } from "../cgroup/freeze.ts";
import { type CgroupPaths, directoriesOf, isV2 } from "../cgroup/paths.ts";
import { readLayoutText } from "../cgroup/read_layout.ts";
import { directoryOf, standIn } from "../cgroup/write.ts";
import { errnoNumber } from "../errors.ts";
import { type CreationGroup, creationPlans, type CreationWrite } from "../plan/creation.ts";
import { creationName, encodeCreation, HOLES, isHoleless } from "../plan/kept_creation.ts";
import type { Plan } from "../plan/plan.ts";
import { WORDS } from "../plan/schema.ts";
import type { Spec } from "../spec/schema.ts";
import { files, saveCreation } from "../state/folder.ts";
import { type ContainerRecord, recordText } from "../state/record.ts";
import { engineVerbs, verbsFile } from "./kept.ts";
import type { CreateOptions, Runtime } from "./options.ts";
import type { Preparation } from "./prepare.ts";
import { delegatedUser } from "./resources.ts";

/**
 * Keep a creation that has just gone well, so that the first stage carries it out alone when the same bundle comes
 * again with another id. What needs the engine, or came with flags that the first stage does not know, is not kept.
 *
 * `record` is the container's: its cgroups are those that could be made.
 */
export function keepCreation(
  runtime: Runtime,
  options: CreateOptions,
  prepared: Preparation,
  record: ContainerRecord,
): void {
  if (!isPlainCall(runtime, options) || !isPlainSpec(prepared, record)) return;
  try {
    const bytes = creationFile(runtime.root, options.bundle, prepared, record);
    const name = creationName(options.bundle, prepared.configText, prepared.barrier);
    if (bytes !== undefined) saveCreation(runtime.root, name, bytes);
  } catch (error) {
    // The container is made. That the next one starts more slowly is no failure of this one.
    runtime.log.debug(`keep the creation: ${error instanceof Error ? error.message : error}`);
  }
}

function creationFile(
  root: string,
  bundle: string,
  prepared: Preparation,
  record: ContainerRecord,
): Uint8Array<ArrayBuffer> | undefined {
  const { barrier, configText } = prepared;
  const another = prepared.another({
    folder: { id: HOLES.id, path: `${root}/${HOLES.id}` },
    incarnation: HOLES.incarnation,
    created: HOLES.created,
  });
  const paths = onlyThoseOf(record.cgroupPaths, another.record.cgroupPaths);
  const init = another.planFor(paths);
  const withoutProcess = { ...another.record, cgroupPaths: paths };
  const withProcess = { ...withoutProcess, process: { pid: HOLES.pid, startTime: HOLES.startTime } };
  const verbs = verbsFile(another.folder, withProcess, prepared.spec);
  const identity = rootfsIdentity(prepared.spec, bundle);
  if (!isPlainPlan(init) || verbs === undefined || identity === undefined) return undefined;
  return encodeCreation({
    barrier,
    terminal: prepared.spec.process?.terminal === true,
    bundle,
    config: configText,
    rootfs: identity.path,
    rootfsIdentity: identity.identity,
    layout: readLayoutText(),
    init,
    verbs,
    host: creationPlans({
      id: HOLES.id,
      creating: recordText(withoutProcess),
      created: recordText(withProcess),
      config: configText,
      verbs,
      groups: groupsOf(prepared.spec, paths, another.cgroup?.writes ?? []),
      writes: writesOf(paths, record.cgroupPaths, another.cgroup?.writes ?? []),
      files: files(),
    }),
  }, { bootId: record.bootId, uid: Deno.uid() ?? 0, buildId: artefact("program-id") });
}

/** Whether the call is one that the first stage reads (c/front.c, parse_creation). */
function isPlainCall(runtime: Runtime, options: CreateOptions): boolean {
  const { noPivot, noNewKeyring, preserveFds, consoleSocket, pidfdSocket, bundle, id } = options;
  return runtime.keepsCreations === true && Deno.uid() === 0 && !runtime.rootless &&
    runtime.cgroupManager === "cgroupfs" &&
    !runtime.log.debugEnabled && !noPivot && !noNewKeyring && preserveFds === 0 &&
    consoleSocket === undefined && pidfdSocket === undefined &&
    Deno.env.get("LISTEN_FDS") === undefined && Deno.env.get("NOTIFY_SOCKET") === undefined &&
    // The classic mounts are for where nothing else is allowed: not to be carried over to where it is.
    kernelCalls().mountApi && !isForOne(bundle, id);
}

/** Engines make a bundle for each container, in a folder of its long id: it does not come again. */
function isForOne(bundle: string, id: string): boolean {
  return id.length >= 32 && bundle.split("/").includes(id);
}

/**
 * Whether nothing of a document wants the engine or may be otherwise next time: hooks, namespaces named by path,
 * a user namespace whose maps are to be written or devices moved from the host.
 */
function isPlainSpec(prepared: Preparation, record: ContainerRecord): boolean {
  const { spec, warned, configText, preserveFds, folder, connectListener, systemd } = prepared;
  const { linux = {}, hooks = {} } = spec;
  const namespaces = linux.namespaces ?? [];
  return !warned && preserveFds === 0 &&
    Object.values(hooks).every((list) => (list ?? []).length === 0) &&
    namespaces.every(({ type, path }) => type !== "user" && (path ?? "") === "") &&
    linux.netDevices === undefined && linux.intelRdt === undefined &&
    connectListener === undefined && systemd === undefined &&
    // The group would have to be given away each time.
    delegatedUser(spec) === undefined &&
    // Who runs it is told when it dies of that.
    (prepared.barrier || (linux.resources?.memory?.limit ?? -1n) <= 0n) &&
    engineVerbs(record, spec).length === 0 &&
    [configText, record.bundle, record.rootfs, folder.path.slice(0, -folder.id.length)].every(isHoleless);
}

/** Whether a plan asks nothing of the runtime but to save the process. */
function isPlainPlan({ given, steps }: Plan): boolean {
  return given === 0 && steps.every(({ op }) => op.op !== "sync" || op.word === WORDS.ready);
}

/** `paths` without the trees in which the container could have no group. */
function onlyThoseOf(had: CgroupPaths, paths: CgroupPaths): CgroupPaths {
  return Object.fromEntries(Object.entries(paths).filter(([controller]) => controller in had));
}

function groupsOf(spec: Spec, paths: CgroupPaths, writes: readonly FileWrite[]): CreationGroup[] {
  const freezer = freezeFile(paths);
  // v1 has its list among the writes.
  const program = isV2(paths) ? deviceProgram(deviceList(spec.linux?.resources?.devices ?? [])) : undefined;
  return directoriesOf(paths).map((directory) => ({
    directory,
    program,
    freezer: freezer?.path.startsWith(`${directory}/`) === true ? freezer : undefined,
    inherited: directory !== paths.cpuset
      ? []
      : ["cpuset.cpus", "cpuset.mems"].filter((file) =>
        !writes.some((write) => write.controller === "cpuset" && write.file === file)
      ),
  }));
}

/**
 * The limits in the form that this host took. One that the kernel takes only after another comes a second time, as
 * it did when it was refused at first.
 */
function writesOf(paths: CgroupPaths, made: CgroupPaths, writes: readonly FileWrite[]): CreationWrite[] {
  const asMade = writes.map((write) => standIn(directoryOf(made, write), write));
  const form = (write: FileWrite, tolerate: readonly string[]): CreationWrite => ({
    path: `${directoryOf(paths, write)}/${write.file}`,
    text: write.text,
    origin: write.origin,
    tolerate: tolerate.map(errnoNumber),
  });
  return [
    ...asMade.map((write) => form(write, [...write.tolerate ?? [], ...write.retry ?? []])),
    ...asMade.filter(({ retry }) => retry !== undefined).map((write) => form(write, write.tolerate ?? [])),
  ];
}

function rootfsIdentity(spec: Spec, bundle: string) {
  const named = spec.root!.path!;
  const path = named.startsWith("/") ? named : `${bundle}/${named}`;
  const identity = fileIdentity(path);
  return identity === undefined ? undefined : { path, identity: [identity[0]!, identity[1]!] as const };
}
