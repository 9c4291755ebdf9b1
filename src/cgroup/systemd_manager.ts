import { BusError, ContainerError } from "../errors.ts";
import type { Bus, BusMethod, BusValue, Variant } from "./systemd_bus.ts";
import type { UnitProperty } from "./systemd_properties.ts";

/** What a manager says of itself. */
export interface ManagerFacts {
  /** The number of its version: 252; 0 when it tells none. */
  readonly version: number;
  /** The group that its units are below: "" for the system's own, as a rule. */
  readonly controlGroup: string;
}

const MANAGER = {
  destination: "org.freedesktop.systemd1",
  path: "/org/freedesktop/systemd1",
  interface: "org.freedesktop.systemd1.Manager",
};

/** How long a unit may take to start or to stop, as runc has it. */
const JOB_TIMEOUT_MS = 30_000;

/** Ask a manager what it is. @throws ContainerError when systemd does not answer */
export function managerFacts(bus: Bus): ManagerFacts {
  try {
    const version = /\d+/.exec(bus.property(MANAGER, "Version", "s") as string)?.[0] ?? "0";
    const controlGroup = bus.property(MANAGER, "ControlGroup", "s") as string;
    return { version: Number(version), controlGroup: controlGroup.replace(/\/$/, "") };
  } catch (error) {
    throw unavailable(error);
  }
}

/**
 * Refuse a systemd that numbers processes otherwise than we do: it would move somebody else's.
 *
 * @param own our process as we number it
 * @throws ContainerError when it is in another pid namespace
 */
export function checkNumbering(bus: Bus, own: number): void {
  if (!bus.hasBroker) return;
  let seen: BusValue;
  try {
    [seen = 0n] = bus.call({ ...BROKER(), member: "GetConnectionUnixProcessID" }, [text(bus.name())], "u");
  } catch (error) {
    throw unavailable(error);
  }
  if (seen === BigInt(own)) return;
  throw new ContainerError("--systemd-cgroup", {
    reason: `systemd is in another pid namespace: it sees process ${own} as ${seen}`,
    hint: "it could not be told which process to put into the container's unit",
  });
}

/** What runc says without systemd, with the bus's own words behind it. */
export function unavailable(error: unknown): unknown {
  if (!(error instanceof BusError)) return error;
  return new ContainerError(
    "systemd cgroup flag passed, but systemd support for managing cgroups is not available",
    { place: "--systemd-cgroup", reason: error.message, hint: "is systemd running, and its D-Bus?" },
  );
}

/**
 * Start a transient unit and wait until it is there. A unit of that name that has failed is forgotten first; a slice
 * that is there already is fine.
 *
 * @throws ContainerError naming the unit, with systemd's words
 */
export function startUnit(bus: Bus, name: string, properties: readonly UnitProperty[]): void {
  const operation = `start systemd unit ${name}`;
  try {
    watchJobs(bus);
    const start = () =>
      call(bus, "StartTransientUnit", [text(name), text("replace"), ...transient(properties)], "o");
    let job: BusValue[];
    try {
      job = start();
    } catch (error) {
      if (!isNamed(error, "UnitExists")) throw error;
      if (name.endsWith(".slice")) return;
      resetFailedUnit(bus, name);
      job = start();
    }
    awaitStart(bus, name, job[0] as string, operation);
  } catch (error) {
    throw inWords(error, operation);
  }
}

/** A unit of ours that does not get there is taken away again. */
function awaitStart(bus: Bus, name: string, job: string, operation: string): void {
  try {
    const result = awaitJob(bus, job, operation);
    if (result === "done") return;
    throw new ContainerError(`error creating systemd unit ${name}`, { reason: `got \`${result}\`` });
  } catch (error) {
    try {
      call(bus, "StopUnit", [text(name), text("replace")], "o");
      resetFailedUnit(bus, name);
    } catch (second) {
      // The first failure is told; a unit that did not start is gone.
      if (!(second instanceof BusError)) throw second;
    }
    throw error;
  }
}

/**
 * Stop a unit, wait for that, and have systemd forget a failure of it. A unit that is gone is fine.
 *
 * @throws ContainerError naming the unit
 */
export function stopUnit(bus: Bus, name: string): void {
  const operation = `stop systemd unit ${name}`;
  try {
    watchJobs(bus);
    const [job] = call(bus, "StopUnit", [text(name), text("replace")], "o");
    awaitJob(bus, job as string, operation);
    resetFailedUnit(bus, name);
  } catch (error) {
    if (!isNamed(error, "NoSuchUnit")) throw inWords(error, operation);
  }
}

/**
 * Have a process moved into a group of a unit, `below` its own (`/sub`, "" for itself).
 *
 * @throws ContainerError naming the unit, with systemd's words
 */
export function attachProcess(bus: Bus, name: string, below: string, pid: number): void {
  try {
    call(bus, "AttachProcessesToUnit", [
      text(name),
      text(below),
      { signature: "au", value: [BigInt(pid)] },
    ], "");
  } catch (error) {
    throw inWords(error, `join systemd unit ${name}`);
  }
}

/** Change properties of a unit until the next boot. @throws ContainerError naming the unit, with systemd's words */
export function setUnitProperties(bus: Bus, name: string, properties: readonly UnitProperty[]): void {
  if (properties.length === 0) return;
  try {
    call(bus, "SetUnitProperties", [
      text(name),
      { signature: "b", value: true },
      { signature: "a(sv)", value: pairs(properties) },
    ], "");
  } catch (error) {
    throw inWords(error, `set properties of systemd unit ${name}`);
  }
}

function call(bus: Bus, member: string, args: readonly Variant[], reply: string): BusValue[] {
  return bus.call({ ...MANAGER, member }, args, reply);
}

function text(value: string): Variant {
  return { signature: "s", value };
}

function pairs(properties: readonly UnitProperty[]): BusValue[] {
  return properties.map(({ name, signature, value }) => [name, { signature, value }]);
}

/** The properties, and no auxiliary units. */
function transient(properties: readonly UnitProperty[]): Variant[] {
  return [{ signature: "a(sv)", value: pairs(properties) }, { signature: "a(sa(sv))", value: [] }];
}

/** The bus itself. */
const BROKER = (): Omit<BusMethod, "member"> => ({
  destination: "org.freedesktop.DBus",
  path: "/org/freedesktop/DBus",
  interface: "org.freedesktop.DBus",
});

/** Have the end of jobs told. Before a job is asked for, so that none is missed. */
function watchJobs(bus: Bus): void {
  const rule =
    `type='signal',sender='${MANAGER.destination}',interface='${MANAGER.interface}',member='JobRemoved'`;
  if (bus.hasBroker) bus.call({ ...BROKER(), member: "AddMatch" }, [text(rule)], "");
  try {
    call(bus, "Subscribe", [], "");
  } catch (error) {
    if (!isNamed(error, "AlreadySubscribed")) throw error;
  }
}

/** The result of a job: `done`, `failed`, `canceled`, `timeout`, `dependency`, `skipped`. */
function awaitJob(bus: Bus, job: string, operation: string): string {
  const deadline = performance.now() + JOB_TIMEOUT_MS;
  for (;;) {
    const leftMs = deadline - performance.now();
    const removed = leftMs <= 0
      ? undefined
      : bus.signal({ interface: MANAGER.interface, member: "JobRemoved" }, "uoss", leftMs);
    if (removed === undefined) {
      throw new ContainerError(operation, { reason: `no word of its end in ${JOB_TIMEOUT_MS / 1000} s` });
    }
    if (removed[1] === job) return removed[3] as string;
  }
}

function resetFailedUnit(bus: Bus, name: string): void {
  try {
    call(bus, "ResetFailedUnit", [text(name)], "");
  } catch (error) {
    // Most have not failed, and one that was stopped is gone.
    if (!(error instanceof BusError)) throw error;
  }
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof BusError && error.dbusName === `org.freedesktop.systemd1.${name}`;
}

function inWords(error: unknown, operation: string): unknown {
  return error instanceof BusError ? new ContainerError(operation, { reason: error.message }) : error;
}
