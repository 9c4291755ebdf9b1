import { NAMESPACES } from "../linux/namespaces.ts";
import type { IdMapping } from "../spec/schema.ts";

/**
 * CLONE_NEW* of the namespaces in which a process differs from this one: setns(2) refuses a user namespace that is
 * ours already, and a time namespace of the host to an ordinary user (kernel-facts.md section 6).
 */
export function ownNamespaces(pid: number): number {
  let flags = 0;
  for (const { flag, file } of Object.values(NAMESPACES)) {
    const theirs = link(`/proc/${pid}/ns/${file}`);
    if (theirs !== undefined && theirs !== link(`/proc/self/ns/${file}`)) flags |= flag;
  }
  return flags;
}

function link(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return undefined;
  }
}

/** The processes that are in the pid namespace of one of them, as far as this user may look. */
export function pidNamespaceMembers(pid: number): number[] {
  const own = link(`/proc/${pid}/ns/pid`);
  if (own === undefined) return [];
  const pids = [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter(Number.isSafeInteger);
  return pids.filter((each) => link(`/proc/${each}/ns/pid`) === own);
}

/** Whether processes of a process's user namespace may set their groups (user_namespaces(7), /proc/PID/setgroups). */
export function maySetGroups(pid: number): boolean {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/setgroups`).trim() !== "deny";
  } catch {
    return true;
  }
}

/**
 * Types of the namespaces that a document names by path and that are this process's own: in them a container is on
 * the host, whatever the path says. A path that leads nowhere is nobody's: joining it fails with its own words.
 */
export function ownTypes(
  namespaces: readonly { readonly type: string; readonly path?: string | undefined }[],
): ReadonlySet<string> {
  const own = new Set<string>();
  for (const { type, path = "" } of namespaces) {
    const file = (NAMESPACES as Record<string, { readonly file: string }>)[type]?.file;
    if (path === "" || file === undefined) continue;
    const theirs = identity(path);
    if (theirs !== undefined && theirs === identity(`/proc/self/ns/${file}`)) own.add(type);
  }
  return own;
}

function identity(path: string): string | undefined {
  try {
    const { dev, ino } = Deno.statSync(path);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

/** Whether this process is in another user namespace than the host's first one. */
export function isInUserNamespace(): boolean {
  return !/^\s*0\s+0\s+4294967295\s*$/.test(readText("/proc/self/uid_map"));
}

/** The maps of a process's user namespace, as this process sees them (user_namespaces(7)). */
export function mapsOf(pid: number): { uidMappings: IdMapping[]; gidMappings: IdMapping[] } {
  const read = (kind: "uid" | "gid") => parseMap(readText(`/proc/${pid}/${kind}_map`));
  return { uidMappings: read("uid"), gidMappings: read("gid") };
}

/** Lines of three numbers: first id inside, first id outside, how many. */
export function parseMap(text: string): IdMapping[] {
  return text.split("\n").map((line) => line.trim().split(/\s+/)).filter((fields) => fields.length === 3)
    .map(([containerID, hostID, size]) => ({
      containerID: Number(containerID),
      hostID: Number(hostID),
      size: Number(size),
    }));
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
