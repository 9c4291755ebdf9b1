// Pure: no I/O in this file.
import type { Linux } from "../spec/schema.ts";

export type IntelRdt = NonNullable<Linux["intelRdt"]>;

/** A container's group of resctrl, as its record names it. */
export interface RdtGroup {
  /** Where the file system is mounted. */
  readonly root: string;
  /** The group's directory: `root` itself for the root's class. */
  readonly directory: string;
  /** It was not there before the container. */
  readonly made: boolean;
  /** It has a name that others may use too (closID). */
  readonly shared: boolean;
  /** The directory of a monitoring group of the container's own. */
  readonly monitoring?: string;
}

/** Where resctrl is mounted: the last such mount of /proc/self/mountinfo. Undefined where there is none. */
export function resctrlMount(mountinfo: string): string | undefined {
  let found: string | undefined;
  for (const line of mountinfo.split("\n")) {
    const dash = line.indexOf(" - resctrl ");
    if (dash < 0) continue;
    const path = line.slice(0, dash).split(" ")[4]!;
    found = path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
  }
  return found;
}

/** The group of a container (config-linux.md "IntelRdt"): that of its closID, else one named like the container. */
export function rdtGroupOf(
  { closID = "", enableMonitoring = false }: IntelRdt,
  id: string,
  root: string,
  isThere: (directory: string) => boolean,
): RdtGroup {
  const directory = closID === "/" ? root : `${root}/${closID === "" ? id : closID}`;
  return {
    root,
    directory,
    made: !isThere(directory),
    shared: closID !== "",
    ...(enableMonitoring ? { monitoring: `${directory}/mon_groups/${id}` } : {}),
  };
}

/** Whether a class must have been made by somebody else: one that is named and not described. */
export function mustBeThere(intelRdt: IntelRdt): boolean {
  return (intelRdt.closID ?? "") !== "" && rdtWrites(intelRdt).length === 0;
}

/** What the two older fields come to: lines for one write. Undefined when they ask for nothing. */
export function joinedSchema({ l3CacheSchema = "", memBwSchema = "" }: IntelRdt): string | undefined {
  const cache = memBwSchema === ""
    ? l3CacheSchema
    // The one line of memBwSchema takes the place of those in l3CacheSchema.
    : l3CacheSchema.split("\n").filter((line) => !line.trimStart().startsWith("MB:")).join("\n");
  const text = [cache, memBwSchema].filter((part) => part !== "").join("\n");
  return text === "" ? undefined : `${text}\n`;
}

/** What is written to `schemata`, a text a write, in order: the older fields, then `schemata` itself. */
export function rdtWrites(intelRdt: IntelRdt): string[] {
  const joined = joinedSchema(intelRdt);
  const lines = intelRdt.schemata ?? [];
  return [
    ...(joined === undefined ? [] : [joined]),
    ...(lines.length === 0 ? [] : [`${lines.join("\n")}\n`]),
  ];
}

/**
 * The first line of a schema that is not what a `schemata` file says; undefined when all are. Numbers are compared,
 * not their digits: the kernel pads them. Caches count in hexadecimal, bandwidth in decimal.
 */
export function schemaMismatch(wanted: string, file: string): string | undefined {
  const found = new Map(file.split("\n").flatMap(parseLine));
  return wanted.split("\n").find((line) => parseLine(line).some(([key, value]) => found.get(key) !== value));
}

/** `L3:0=7f0;1=1f` as pairs of `L3:0` and its number; NaN where it is none, which equals nothing. */
function parseLine(line: string): [string, number][] {
  const colon = line.indexOf(":");
  if (colon < 0) return line.trim() === "" ? [] : [[line.trim(), NaN]];
  const resource = line.slice(0, colon).trim();
  return line.slice(colon + 1).split(";").filter((part) => part.trim() !== "").map((part) => {
    const [domain = "", text = ""] = part.split("=").map((word) => word.trim());
    const digits = resource === "MB" ? /^\d+$/ : /^(0x)?[0-9a-f]+$/i;
    const value = digits.test(text) ? parseInt(text, resource === "MB" ? 10 : 16) : NaN;
    return [`${resource}:${domain}`, value];
  });
}
