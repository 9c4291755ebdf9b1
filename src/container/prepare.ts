import { kernelCalls } from "../../ffi/kernel.ts";
import type { CgroupRequest as CgroupCreation } from "../cgroup/apply.ts";
import { cgroupMounts } from "../cgroup/mount.ts";
import { type CgroupPaths, containerPaths, joinFiles, v2Directory } from "../cgroup/paths.ts";
import { readLayout } from "../cgroup/read_layout.ts";
import { chooseRdtGroup, findResctrl, missingRdt } from "../cgroup/resctrl_group.ts";
import type { CgroupLayout } from "../cgroup/layout.ts";
import { ContainerError, SpecError, type SpecIssue } from "../errors.ts";
import { bootId, planHost } from "../host/host.ts";
import { missingModules, missingMountLabels } from "../host/lsm.ts";
import { isInUserNamespace, ownTypes } from "../host/namespaces.ts";
import { buildCreatePlan } from "../plan/build.ts";
import { type CgroupRequest, pathInRoot, type SeccompRequest } from "../plan/frame.ts";
import { namespacesOf } from "../plan/namespaces.ts";
import type { NetDevice } from "../plan/net_devices.ts";
import type { Plan } from "../plan/plan.ts";
import { duplicateKeys } from "../spec/json.ts";
import { parseSpec } from "../spec/parse.ts";
import type { Spec } from "../spec/schema.ts";
import { hostSysctls } from "../spec/sysctl.ts";
import { validateSpec } from "../spec/validate.ts";
import { type Folder, folderOf, ioError } from "../state/folder.ts";
import type { ContainerRecord } from "../state/record.ts";
import { hookState } from "./hooks.ts";
import { withNotify } from "./notify.ts";
import { netDevicesOf } from "./net_devices.ts";
import type { CreateOptions, Log, Runtime } from "./options.ts";
import { seccompOf } from "./seccomp.ts";
import { connectAgent, type ListenerTaker } from "./seccomp_agent.ts";
import type { SystemdCgroup } from "./systemd.ts";
import { userNamespaceOf } from "./user_namespace.ts";
import { resourceWrites } from "./resources.ts";

/** Everything that is known before the first side effect. */
export interface Preparation {
  readonly spec: Spec;
  readonly configText: string;
  readonly folder: Folder;
  readonly record: ContainerRecord;
  /** The plan for a container in these cgroups: an ordinary user may not get all that were meant. */
  readonly planFor: (paths: CgroupPaths) => Plan;
  readonly netDevices: readonly NetDevice[];
  readonly barrier: boolean;
  readonly preserveFds: number;
  /** Connects to who gets the filter's listener, where it has one. */
  readonly connectListener: (() => ListenerTaker) | undefined;
  readonly cgroup: CgroupCreation | undefined;
  /** With the systemd driver: what systemd makes before the rest of `cgroup`, when there is a process. */
  readonly systemd: SystemdCgroup | undefined;
  /** Whether config.json was worth a warning. */
  readonly warned: boolean;
  /** The same for another container of the same bundle. */
  readonly another: (identity: Identity) => Preparation;
}

/** What tells a container from the next one of the same bundle. */
export interface Identity {
  readonly folder: Folder;
  /** 128 random bits in hexadecimal. */
  readonly incarnation: string;
  /** RFC 3339, UTC. */
  readonly created: string;
}

/**
 * Read a bundle, check it, decide everything and compile the plan. Nothing is changed.
 *
 * Throws SpecError with every fault of config.json, or ContainerError for a bundle, an id or flags that cannot be.
 */
export function prepare(
  runtime: Runtime,
  options: CreateOptions,
  form: { readonly barrier: boolean; readonly detach: boolean },
  filterOf: (spec: Spec, log: Log) => SeccompRequest | undefined = seccompOf,
): Preparation {
  const folder = folderOf(runtime.root, options.id);
  const configText = readConfig(options.bundle);
  const inherited = inheritedDescriptors();
  const checked = checkedSpec(configText, runtime);
  const spec = withNotify(withListenDescriptors(checked.spec, inherited), folder);
  checkConsole(spec, options, form.detach);
  checkPropagation(spec, options);
  const rootfs = findRootfs(spec, options.bundle);
  const namespaces = namespacesOf(spec);
  const layout = readLayout();
  const seccomp = filterOf(spec, runtime.log);
  const preserveFds = options.preserveFds + inherited;
  const rdt = spec.linux?.intelRdt;
  const userNamespace = userNamespaceOf(spec, rootfs, runtime);
  const host = planHost({
    userNamespace: namespaces.has("user") || isInUserNamespace(),
    noPivot: options.noPivot,
  });
  const kernel = kernelCalls();

  const preparationOf = (identity: Identity): Preparation => {
    const { id, path: stateDirectory } = identity.folder;
    const systemd = systemdOf(runtime, layout, spec, id);
    const paths = systemd?.paths ??
      (runtime.cgroupManager === "disabled" || layout.mode === "none"
        ? {}
        : containerPaths(layout, spec.linux?.cgroupsPath, id));
    const record: ContainerRecord = {
      version: 1,
      id,
      incarnation: identity.incarnation,
      bundle: options.bundle,
      rootfs,
      created: identity.created,
      annotations: spec.annotations ?? {},
      bootId: bootId(),
      cgroupPaths: paths,
      cgroupManager: runtime.cgroupManager,
      ...(systemd === undefined ? {} : { systemd: { unit: systemd.unit.name, user: systemd.user } }),
      ...(rdt === undefined ? {} : { intelRdt: chooseRdtGroup(rdt, id, findResctrl()!) }),
      rootless: runtime.rootless,
      ownPidNamespace: namespaces.isNew("pid"),
      ownMountNamespace: namespaces.has("mount"),
    };
    const netDevices = Object.keys(spec.linux?.netDevices ?? {}).length === 0
      ? []
      : netDevicesOf(spec, record.incarnation);
    const planFor = (paths: CgroupPaths) =>
      buildCreatePlan({
        spec,
        id,
        bundle: options.bundle,
        rootfs,
        stateDirectory,
        barrier: form.barrier,
        noPivot: options.noPivot,
        noNewKeyring: options.noNewKeyring,
        preserveFds,
        consoleSocket: options.consoleSocket !== undefined,
        cgroup: {
          ...cgroupRequest(layout, paths, namespaces.has("cgroup"), runtime.rootless),
          asked: systemd !== undefined,
        },
        userNamespace,
        seccomp,
        netDevices,
        hookState: { creating: hookState(record, "creating"), created: hookState(record, "created") },
        host,
        kernel,
      });
    return {
      spec,
      configText,
      warned: checked.warned,
      folder: identity.folder,
      record,
      planFor,
      netDevices,
      barrier: form.barrier,
      preserveFds,
      connectListener: seccomp?.notify === true
        ? () => connectAgent(spec.linux!.seccomp!, options.bundle)
        : undefined,
      cgroup: Object.keys(paths).length === 0 ? undefined : {
        layout,
        paths,
        writes: resourceWrites(spec, paths),
        rootless: runtime.rootless,
        explicit: systemd !== undefined || spec.linux?.cgroupsPath !== undefined,
      },
      systemd,
      another: preparationOf,
    };
  };
  return preparationOf({
    folder,
    incarnation: crypto.randomUUID().replaceAll("-", ""),
    created: new Date().toISOString(),
  });
}

/** The unit that systemd is to make, if it is to make one. */
function systemdOf(
  { cgroupManager, systemd, rootless }: Runtime,
  layout: CgroupLayout,
  spec: Spec,
  id: string,
): SystemdCgroup | undefined {
  if (cgroupManager !== "systemd") return undefined;
  if (systemd === undefined) {
    throw new ContainerError("--systemd-cgroup", { reason: "the driver is not loaded" });
  }
  if (layout.mode === "none") {
    throw new ContainerError("--systemd-cgroup", {
      place: "/sys/fs/cgroup",
      reason: "no cgroups are mounted",
    });
  }
  return systemd.systemdCgroup({ layout, spec, id, rootless });
}

function readConfig(bundle: string): string {
  try {
    return Deno.readTextFileSync(`${bundle}/config.json`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      if (!isThere(bundle)) throw ioError(`chdir ${bundle}`, "", error);
      throw new ContainerError("JSON specification file config.json not found", {
        place: `${bundle}/config.json`,
      });
    }
    throw ioError(`${bundle}/config.json: read config.json`, "", error);
  }
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function checkedSpec(text: string, runtime: Runtime): { readonly spec: Spec; readonly warned: boolean } {
  const spec = parseSpec(text);
  if (runtime.log.debugEnabled) {
    for (const { path, message } of duplicateKeys(text)) runtime.log.warn(`${path}: ${message}`);
  }
  const { errors, warnings } = validateSpec(spec, { ordinaryUser: Deno.uid() !== 0 });
  const issues = [
    ...errors,
    ...missingModules(spec.process, "process"),
    ...missingMountLabels(spec.linux),
    ...(spec.linux?.intelRdt === undefined ? [] : missingRdt(spec.linux.intelRdt, findResctrl())),
    ...sysctlsOfHost(spec),
  ];
  if (issues.length > 0) throw new SpecError(issues);
  for (const { path, message } of warnings) runtime.log.warn(path === "" ? message : `${path}: ${message}`);
  return { spec, warned: warnings.length > 0 };
}

function sysctlsOfHost({ linux = {} }: Spec): readonly SpecIssue[] {
  return linux.sysctl === undefined ? [] : hostSysctls(linux, ownTypes(linux.namespaces ?? []));
}

function checkConsole(spec: Spec, options: CreateOptions, detach: boolean): void {
  const terminal = spec.process?.terminal === true;
  if (detach && terminal && options.consoleSocket === undefined) {
    throw new ContainerError("cannot allocate tty if runc will detach without setting console socket");
  }
  if (options.consoleSocket !== undefined && !(detach && terminal)) {
    throw new ContainerError("cannot use console socket if runc will not detach or allocate tty");
  }
}

/** runc's rule: MS_MOVE leaves the host's tree in the namespace, and private mounts would pin what the host unmounts. */
function checkPropagation({ linux }: Spec, { noPivot }: CreateOptions): void {
  if (!noPivot || !/^r?private$/.test(linux?.rootfsPropagation ?? "")) return;
  const message = "rootfsPropagation of [r]private is not safe without pivot_root";
  throw new SpecError([{ path: "linux.rootfsPropagation", message }]);
}

/**
 * The root file system: a directory, and like in runc no link on the way to it, so that nobody swaps one later. The
 * way to the bundle may have some: it counts from where the bundle is.
 */
function findRootfs(spec: Spec, bundle: string): string {
  const named = spec.root!.path!;
  const path = named.startsWith("/") ? named : `${bundle}/${named}`;
  try {
    const real = Deno.realPathSync(path);
    const clean = pathInRoot(named.startsWith("/") ? named : `${Deno.realPathSync(bundle)}/${named}`);
    if (real !== `/${clean}`) {
      throw new ContainerError("invalid rootfs: not an absolute path, or a symlink", {
        place: "root.path",
        hint: `use ${real}`,
      });
    }
    if (Deno.statSync(real).isDirectory) return real;
  } catch (error) {
    if (error instanceof ContainerError) throw error;
    throw ioError(`root.path: invalid rootfs: stat ${path}`, "", error);
  }
  throw new ContainerError(`root.path: invalid rootfs: ${path}`, { errno: "ENOTDIR" });
}

function cgroupRequest(
  layout: CgroupLayout,
  paths: CgroupPaths,
  ownNamespace: boolean,
  rootless: boolean,
): CgroupRequest {
  return {
    joinFiles: joinFiles(paths),
    directory: v2Directory(paths),
    mounts: cgroupMounts(layout, paths, ownNamespace, rootless),
  };
}

/** Tell the program of its descriptors (sd_listen_fds(3)): it is the first process of the container. */
function withListenDescriptors(spec: Spec, count: number): Spec {
  if (count === 0) return spec;
  const env = [...spec.process?.env ?? [], `LISTEN_FDS=${count}`, "LISTEN_PID=1"];
  return { ...spec, process: { ...spec.process, env } };
}

/** Descriptors of socket activation (sd_listen_fds(3)): LISTEN_FDS counts when LISTEN_PID is us. */
export function inheritedDescriptors(): number {
  if (Deno.env.get("LISTEN_PID") !== String(Deno.pid)) return 0;
  const count = Number(Deno.env.get("LISTEN_FDS"));
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
}
