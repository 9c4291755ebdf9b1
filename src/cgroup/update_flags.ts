// Pure: no I/O in this file.
import { ContainerError } from "../errors.ts";
import type { Resources } from "./resources.ts";

/** How the value of a flag reads. Sizes take a unit to the base of 1024: `10M`, `1.5g`, `-1`. */
type Kind = "text" | "number" | "signed" | "unsigned" | "size";

/** Flags of `update`, without their dashes, and the field of `linux.resources` that each of them sets. */
export const UPDATE_FLAGS: Readonly<
  Record<string, readonly [part: keyof Resources, field: string, kind: Kind]>
> = {
  "blkio-weight": ["blockIO", "weight", "number"],
  "cpu-period": ["cpu", "period", "unsigned"],
  "cpu-quota": ["cpu", "quota", "signed"],
  "cpu-burst": ["cpu", "burst", "unsigned"],
  "cpu-share": ["cpu", "shares", "unsigned"],
  "cpu-rt-period": ["cpu", "realtimePeriod", "unsigned"],
  "cpu-rt-runtime": ["cpu", "realtimeRuntime", "signed"],
  "cpu-idle": ["cpu", "idle", "number"],
  "cpuset-cpus": ["cpu", "cpus", "text"],
  "cpuset-mems": ["cpu", "mems", "text"],
  "memory": ["memory", "limit", "size"],
  "memory-reservation": ["memory", "reservation", "size"],
  "memory-swap": ["memory", "swap", "size"],
  "pids-limit": ["pids", "limit", "signed"],
  "kernel-memory": ["memory", "kernel", "size"],
  "kernel-memory-tcp": ["memory", "kernelTCP", "size"],
};

/**
 * The update that flags ask for. An empty value counts as not given.
 *
 * @param values by the names of UPDATE_FLAGS; other names are left alone
 * @throws ContainerError `invalid value for OPT: …`
 */
export function resourcesOfFlags(values: Readonly<Record<string, string>>): Resources {
  const resources: Record<string, Record<string, unknown>> = {};
  for (const [name, [part, field, kind]] of Object.entries(UPDATE_FLAGS)) {
    const text = values[name];
    if (text === undefined || text === "") continue;
    (resources[part] ??= {})[field] = valueOf(name, text, kind);
  }
  return resources as Resources;
}

/** Largest value by kind: what the field's type in config.json holds. */
const LIMITS = {
  number: 0xffffn,
  signed: (1n << 63n) - 1n,
  unsigned: (1n << 64n) - 1n,
  size: (1n << 63n) - 1n,
};

function valueOf(name: string, text: string, kind: Kind): string | number | bigint {
  if (kind === "text") return text;
  const value = kind === "size" ? sizeOf(text) : /^[-+]?\d+$/.test(text) ? BigInt(text) : undefined;
  const lowest = kind === "unsigned" ? 0n : -LIMITS[kind];
  if (value === undefined) {
    throw refuse(
      name,
      kind === "size" ? `invalid size: '${text}'` : `${JSON.stringify(text)} is no whole number`,
    );
  }
  if (value > LIMITS[kind] || value < lowest) throw refuse(name, `${text} is out of range`);
  return kind === "number" ? Number(value) : value;
}

/** Bytes of `512`, `64k`, `1.5 GiB`; -1 stands for unlimited. */
function sizeOf(text: string): bigint | undefined {
  if (text === "-1") return -1n;
  const [, whole, fraction, unit = ""] = /^(\d+)(?:\.(\d+))? ?([kmgtp])?(?:i?b)?$/i.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const factor = 1n << BigInt(10 * ("kmgtp".indexOf(unit.toLowerCase()) + 1));
  if (unit === "") return fraction === undefined ? BigInt(whole) : undefined;
  const part = fraction === undefined ? 0n : BigInt(fraction) * factor / 10n ** BigInt(fraction.length);
  return BigInt(whole) * factor + part;
}

function refuse(name: string, reason: string): ContainerError {
  return new ContainerError(`invalid value for ${name}`, { reason });
}
