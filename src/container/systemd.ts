import { cgroupKernel } from "../../ffi/cgroup_kernel.ts";
import { openBus } from "../../ffi/systemd.ts";
import type { FileWrite } from "../cgroup/file_write.ts";
import { exists } from "../cgroup/files.ts";
import { freeze, isFrozen, thaw } from "../cgroup/freeze.ts";
import { type CgroupLayout, parseMembership } from "../cgroup/layout.ts";
import { type CgroupPaths, isV2 } from "../cgroup/paths.ts";
import type { Resources } from "../cgroup/resources.ts";
import { annotationProperties } from "../cgroup/systemd_annotations.ts";
import type { Bus } from "../cgroup/systemd_bus.ts";
import {
  attachProcess,
  checkNumbering,
  managerFacts,
  setUnitProperties,
  startUnit,
  stopUnit,
  unavailable,
} from "../cgroup/systemd_manager.ts";
import {
  deviceProperties,
  ioWeightProperties,
  limitProperties,
  restoringProperties,
  startProperties,
  type UnitProperty,
} from "../cgroup/systemd_properties.ts";
import { systemdPaths, type SystemdUnit, systemdUnit } from "../cgroup/systemd_unit.ts";
import { applyWrites } from "../cgroup/write.ts";
import { ContainerError } from "../errors.ts";
import type { Spec } from "../spec/schema.ts";
import type { ContainerRecord } from "../state/record.ts";

/** A container's unit before it is made. */
export interface SystemdCgroup {
  readonly id: string;
  readonly unit: SystemdUnit;
  /** Whether the user's own manager makes it, and not the system's. */
  readonly user: boolean;
  readonly paths: CgroupPaths;
  readonly properties: readonly UnitProperty[];
  readonly resources: Resources;
  /** Whether it may have a single process: see tightenScope(). */
  readonly tight: boolean;
}

/**
 * Decide on a container's unit, and where its groups will be. Nothing is changed; systemd is asked what it is.
 *
 * @throws ContainerError for a cgroupsPath of another form, an annotation that cannot be read, or without systemd
 */
export function systemdCgroup(
  { layout, spec, id, rootless }: {
    readonly layout: CgroupLayout;
    readonly spec: Spec;
    readonly id: string;
    readonly rootless: boolean;
  },
): SystemdCgroup {
  const v2 = layout.mode === "v2";
  // A user's manager has no groups of its own on v1.
  const user = v2 && rootless;
  const unit = systemdUnit(spec.linux?.cgroupsPath, id, user);
  const annotated = annotationProperties(spec.annotations ?? {});
  const { version, controlGroup } = withBus(user, (bus) => {
    checkNumbering(bus, Deno.pid);
    return managerFacts(bus);
  });
  const resources = spec.linux?.resources ?? {};
  const paths = systemdPaths(layout, unit, user ? controlGroup : "", v2 ? new Map() : membershipOf("1"));
  const properties = [
    ...deviceProperties(resources.devices ?? [], version),
    ...limitProperties(resources, v2, version),
    ...annotated,
  ];
  const isOne = ({ name, value }: UnitProperty) => name === ONE_TASK.name && value === 1n;
  return {
    id,
    unit,
    user,
    paths,
    properties: properties.map((property) => isOne(property) ? { ...property, value: 2n } : property),
    resources,
    tight: properties.some(isOne),
  };
}

/**
 * Have systemd make the unit and move a process into it.
 *
 * @throws ContainerError naming the unit, with systemd's words
 */
export function startScope({ id, unit, user, paths, properties }: SystemdCgroup, pid: number): void {
  const start = startProperties(unit, id, [pid], isV2(paths));
  withBus(user, (bus) => startUnit(bus, unit.name, [...start, ...properties]));
  if (unit.name.endsWith(".slice")) return;
  // An annotation may have named another slice, and systemd may count from another root than we do.
  const tree = isV2(paths) ? "" : "name=systemd";
  const group = membershipOf(`${pid}`).get(tree);
  if (group?.endsWith(`/${unit.name}`) === true && paths[tree]?.endsWith(group) === true) return;
  withBus(user, (bus) => stopUnit(bus, unit.name));
  throw new ContainerError(`start systemd unit ${unit.name}`, {
    reason: `process ${pid} was not moved to ${paths[tree]}, but is in ${group ?? "no group of systemd's"}`,
  });
}

/** What could not be said before there was a group: the weights of block IO, in the scale of the file that it has. */
export function settleScope({ unit, user, paths, resources }: SystemdCgroup): void {
  const weights = weightsOf(paths, resources);
  if (weights.length > 0) withBus(user, (bus) => setUnitProperties(bus, unit.name, weights));
}

function weightsOf(paths: CgroupPaths, resources: Resources): UnitProperty[] {
  return isV2(paths) ? ioWeightProperties(resources, exists(`${paths[""]}/io.bfq.weight`)) : [];
}

/**
 * The limit on processes of a container that may have one alone: while it is made there are two, the first stage
 * and what that clones. To be called when there is one.
 */
export function tightenScope(
  { unit, user, tight, paths }: SystemdCgroup,
  writes: readonly FileWrite[],
): void {
  if (!tight) return;
  withBus(user, (bus) => setUnitProperties(bus, unit.name, [{ ...ONE_TASK, value: 1n }]));
  applyWrites(paths, writes.filter(isTight), user);
}

const ONE_TASK = { name: "TasksMax", signature: "t" };

/** Whether a write is tightenScope()'s. */
export function isTight({ file, text }: FileWrite): boolean {
  return file === "pids.max" && text === "1";
}

/** Have a process moved into a group of the container's unit. @throws ContainerError with systemd's words */
export function attachToScope({ systemd }: ContainerRecord, below: string, pid: number): void {
  withBus(systemd!.user, (bus) => {
    checkNumbering(bus, Deno.pid);
    attachProcess(bus, systemd!.unit, below, pid);
  });
}

/** Take a container's unit away. One that is gone is fine. @throws ContainerError when systemd does not do it */
export function stopScope({ systemd }: ContainerRecord): void {
  if (systemd !== undefined) withBus(systemd.user, (bus) => stopUnit(bus, systemd.unit));
}

/**
 * Tell systemd of changed limits, so that it does not take them back. `apply` writes them to the files; when that
 * fails, systemd gets back what it knew.
 */
export function updateScope(
  { systemd, cgroupPaths }: ContainerRecord,
  { before, changed }: { readonly before: Resources; readonly changed: Resources },
  apply: () => void,
): void {
  if (systemd === undefined) return apply();
  const v2 = isV2(cgroupPaths);
  const write = (bus: Bus) => {
    const { version } = managerFacts(bus);
    const properties = [...limitProperties(changed, v2, version), ...weightsOf(cgroupPaths, changed)];
    setUnitProperties(bus, systemd.unit, properties);
    try {
      apply();
    } catch (error) {
      const old = [...limitProperties(before, v2, version), ...weightsOf(cgroupPaths, before)];
      setUnitProperties(bus, systemd.unit, restoringProperties(properties, old));
      throw error;
    }
  };
  withBus(systemd.user, (bus) => v2 ? write(bus) : whileFrozen(cgroupPaths, () => write(bus)));
}

/**
 * v1's systemd writes a unit's device list anew with whatever property is set: everything is denied for a moment, and
 * a program that opens /dev/null then fails. So nothing runs meanwhile, as in runc.
 */
function whileFrozen(paths: CgroupPaths, work: () => void): void {
  if (isFrozen(paths)) return work();
  freeze(paths, cgroupKernel());
  try {
    work();
  } finally {
    thaw(paths);
  }
}

function withBus<T>(user: boolean, use: (bus: Bus) => T): T {
  const bus = connect(user);
  try {
    return use(bus);
  } finally {
    bus.close();
  }
}

/** As root without a D-Bus daemon, unless another bus is named: to systemd's own socket, as runc does. */
function connect(user: boolean): Bus {
  try {
    return openBus(user ? "user" : "system");
  } catch (error) {
    if (user || Deno.uid() !== 0 || Deno.env.has("DBUS_SYSTEM_BUS_ADDRESS")) throw unavailable(error);
    try {
      return openBus("direct");
    } catch {
      throw unavailable(error);
    }
  }
}

function membershipOf(pid: string): Map<string, string> {
  return parseMembership(Deno.readTextFileSync(`/proc/${pid}/cgroup`));
}
