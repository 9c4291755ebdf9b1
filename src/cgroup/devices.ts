// Pure: no I/O in this file.
import { ContainerError, type Origin, originText } from "../errors.ts";
import type { FileWrite } from "./file_write.ts";
import type { DeviceRule } from "./resources.ts";

/** Access bits as a device program sees them (`BPF_DEVCG_ACC_*` of linux/bpf.h). */
export const MKNOD = 1;
export const READ = 2;
export const WRITE = 4;

/** Devices of one type and number, null meaning every number. */
export interface DeviceException {
  readonly type: "b" | "c";
  readonly major: number | null;
  readonly minor: number | null;
  readonly access: number;
  readonly origin: Origin;
}

/**
 * What a list of rules comes to once the kernel has taken it in, one rule after the other
 * (security/device_cgroup.c, `devcgroup_update_access`): everything is allowed, or nothing, but for the exceptions.
 */
export interface DeviceList {
  readonly allowByDefault: boolean;
  readonly exceptions: readonly DeviceException[];
}

const ORIGIN: Origin = ["linux", "resources", "devices"];

/**
 * What runc lets every container do on top of its own rules, and no rule can take away: make any node, and use
 * null, full, zero, tty, urandom, random, terminals, ptmx and tun.
 */
const DEFAULT_RULES: readonly (readonly [type: "b" | "c", major: number, minor: number, access: string])[] = [
  ["c", -1, -1, "m"],
  ["b", -1, -1, "m"],
  ["c", 1, 3, "rwm"],
  ["c", 1, 8, "rwm"],
  ["c", 1, 7, "rwm"],
  ["c", 5, 0, "rwm"],
  ["c", 1, 5, "rwm"],
  ["c", 1, 9, "rwm"],
  ["c", 136, -1, "rwm"],
  ["c", 5, 2, "rwm"],
  ["c", 10, 200, "rwm"],
];

/**
 * Take in a container's rules and after them the default ones. Where there are none at all, nothing is allowed but
 * the default ones: a container without rules is no container with every device.
 *
 * As in the kernel, a rule of type `a` forgets all before it, whatever its numbers and access; another rule
 * changes the exception with exactly its numbers, and none that only overlaps.
 *
 * @throws ContainerError for a type other than a, b, c, a number below -1 or an access without r, w or m
 */
export function deviceList(rules: readonly DeviceRule[]): DeviceList {
  let allowByDefault = false;
  const exceptions = new Map<string, DeviceException>();
  const take = (allow: boolean, exception: DeviceException) => {
    const key = `${exception.type} ${exception.major}:${exception.minor}`;
    const had = exceptions.get(key)?.access ?? 0;
    const access = allow === allowByDefault ? had & ~exception.access : had | exception.access;
    if (access === 0) exceptions.delete(key);
    else {exceptions.set(key, {
        ...exception,
        access,
        origin: exceptions.get(key)?.origin ?? exception.origin,
      });}
  };
  for (const [index, rule] of rules.entries()) {
    const origin = [...ORIGIN, index];
    const access = accessBits(rule.access ?? "", origin);
    const type = rule.type === undefined || rule.type === "" ? "a" : rule.type;
    if (type === "a") {
      allowByDefault = rule.allow;
      exceptions.clear();
    } else if (type === "b" || type === "c") {
      const major = deviceNumber(rule.major, [...origin, "major"]);
      const minor = deviceNumber(rule.minor, [...origin, "minor"]);
      take(rule.allow, { type, major, minor, access, origin });
    } else throw refuse([...origin, "type"], `invalid cgroup device type ${JSON.stringify(type)}`);
  }
  for (const [type, major, minor, access] of DEFAULT_RULES) {
    take(true, {
      type,
      major: major < 0 ? null : major,
      minor: minor < 0 ? null : minor,
      access: accessBits(access, ORIGIN),
      origin: ORIGIN,
    });
  }
  return { allowByDefault, exceptions: [...exceptions.values()] };
}

/**
 * The writes that make a v1 group's list equal to `list`, whatever it was before. A group can be given nothing
 * that its parent lacks: the kernel then answers EPERM.
 */
export function deviceWrites(list: DeviceList): FileWrite[] {
  const everything = list.allowByDefault ? "devices.allow" : "devices.deny";
  const exceptional = list.allowByDefault ? "devices.deny" : "devices.allow";
  return [
    { controller: "devices", file: everything, text: "a", origin: ORIGIN },
    ...list.exceptions.map(({ type, major, minor, access, origin }) => ({
      controller: "devices",
      file: exceptional,
      text: `${type} ${major ?? "*"}:${minor ?? "*"} ${accessText(access)}`,
      origin,
    })),
  ];
}

/** The letters that are none count for nothing, as in runc. */
function accessBits(text: string, origin: Origin): number {
  let bits = 0;
  for (const letter of text) {
    if (letter === "r") bits |= READ;
    else if (letter === "w") bits |= WRITE;
    else if (letter === "m") bits |= MKNOD;
  }
  if (bits === 0) {
    throw refuse([...origin, "access"], `device access at ${origin.at(-1)} field cannot be empty`);
  }
  return bits;
}

function accessText(bits: number): string {
  return (bits & READ ? "r" : "") + (bits & WRITE ? "w" : "") + (bits & MKNOD ? "m" : "");
}

/** A number of 32 bits, or null for every number. v1's list takes 2^32 - 1 for every number too, so that is none. */
function deviceNumber(number: number | undefined, origin: Origin): number | null {
  if (number === undefined || number === -1) return null;
  if (Number.isInteger(number) && number >= 0 && number < 0xffff_ffff) return number;
  throw refuse(origin, `${number} is no device number`);
}

function refuse(origin: Origin, reason: string): ContainerError {
  return new ContainerError("compile the device rules", { place: originText(origin), reason });
}
