import { ContainerError } from "../errors.ts";

/** What `ROOT/ID/state.json` holds. Written before the first side effect, so that everything made can be found again. */
export interface ContainerRecord {
  readonly version: 1;
  readonly id: string;
  /** 128 random bits in hexadecimal: tells this container from a later one of the same name. */
  readonly incarnation: string;
  readonly bundle: string;
  readonly rootfs: string;
  /** RFC 3339, UTC. */
  readonly created: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** The container process; absent while the container is being created. */
  readonly process?: ProcessIdentity;
  readonly bootId: string;
  /** Controller to directory, as cgroup/paths.ts made them; empty without cgroups. */
  readonly cgroupPaths: Readonly<Record<string, string>>;
  readonly cgroupManager: "cgroupfs" | "systemd" | "disabled";
  /** The unit that systemd made for it, and whether the user's own manager did. */
  readonly systemd?: { readonly unit: string; readonly user: boolean } | undefined;
  /** Its group of resctrl (cgroup/resctrl.ts), where it has one. */
  readonly intelRdt?: {
    readonly root: string;
    readonly directory: string;
    readonly made: boolean;
    readonly shared: boolean;
    readonly monitoring?: string;
  };
  readonly rootless: boolean;
  /** The container has a pid namespace of its own: the end of its process is the end of all. */
  readonly ownPidNamespace: boolean;
  /** The container has a mount namespace of its own: otherwise its mounts are taken away at delete. */
  readonly ownMountNamespace: boolean;
}

/** A process that cannot be mistaken for another one that got the same number later. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat, clock ticks since boot. */
  readonly startTime: number;
}

/**
 * Read a record's text. Throws ContainerError when it is damaged: `load container ID: …`.
 */
export function parseRecord(text: string, id: string): ContainerRecord {
  const damaged = (reason: string) =>
    new ContainerError(`load container ${id}`, {
      place: "state.json",
      reason,
      hint: "`delete --force` cleans up what a damaged state leaves",
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged("not JSON");
  }
  if (typeof value !== "object" || value === null) throw damaged("not an object");
  const record = value as Record<string, unknown>;
  if (record.version !== 1) throw damaged(`unknown version ${JSON.stringify(record.version)}`);
  for (const key of ["id", "incarnation", "bundle", "rootfs", "created", "bootId", "cgroupManager"]) {
    if (typeof record[key] !== "string") throw damaged(`no ${key}`);
  }
  if (record.id !== id) throw damaged(`belongs to container ${JSON.stringify(record.id)}`);
  for (const key of ["annotations", "cgroupPaths"]) {
    const map = record[key];
    if (typeof map !== "object" || map === null) throw damaged(`no ${key}`);
    if (Object.values(map).some((entry) => typeof entry !== "string")) throw damaged(`${key} holds no text`);
  }
  const process = record.process as Record<string, unknown> | undefined;
  if (process !== undefined && !(isCount(process?.pid) && isCount(process?.startTime))) {
    throw damaged("no process");
  }
  const systemd = record.systemd as Record<string, unknown> | null | undefined;
  if (systemd !== undefined && (typeof systemd?.unit !== "string" || typeof systemd.user !== "boolean")) {
    throw damaged("no systemd unit");
  }
  const rdt = record.intelRdt as Record<string, unknown> | null | undefined;
  if (rdt !== undefined && !(typeof rdt?.root === "string" && typeof rdt?.directory === "string")) {
    throw damaged("no intelRdt");
  }
  return value as ContainerRecord;
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0;

/** The text of a record. */
export function recordText(record: ContainerRecord): string {
  return JSON.stringify(record);
}
