import { ContainerError } from "../errors.ts";
import { idMapText } from "../plan/id_maps.ts";
import type { IdMapping } from "../spec/schema.ts";

/** The maps of a user namespace that is being made. */
export interface IdMaps {
  readonly uidMappings: readonly IdMapping[];
  readonly gidMappings: readonly IdMapping[];
}

/** Who writes them. */
export interface Mapper {
  readonly uid: number;
  readonly gid: number;
  /** CAP_SETUID and CAP_SETGID in the parent namespace: any map may be written. */
  readonly privileged: boolean;
}

/**
 * Write the id maps of a process that has just been cloned into a user namespace (user_namespaces(7), "User and
 * group ID mappings"): directly where that is allowed, else by newuidmap and newgidmap.
 *
 * Throws ContainerError naming the map, with a hint at what is missing.
 */
export function writeIdMaps(pid: number, maps: IdMaps, mapper: Mapper): void {
  const alone = isOwnId(maps.uidMappings, mapper.uid) && isOwnId(maps.gidMappings, mapper.gid);
  if (mapper.privileged) {
    write(pid, "uid_map", idMapText(maps.uidMappings), "linux.uidMappings", PRIVILEGED);
    write(pid, "gid_map", idMapText(maps.gidMappings), "linux.gidMappings", PRIVILEGED);
  } else if (alone) {
    // The kernel wants setgroups given up before an ordinary user writes a gid map.
    write(pid, "setgroups", "deny", "linux.gidMappings");
    write(pid, "uid_map", idMapText(maps.uidMappings), "linux.uidMappings");
    write(pid, "gid_map", idMapText(maps.gidMappings), "linux.gidMappings");
  } else {
    runHelper("newuidmap", pid, maps.uidMappings, "linux.uidMappings");
    runHelper("newgidmap", pid, maps.gidMappings, "linux.gidMappings");
  }
}

/** Whether a map is the one that every user may write: one id, the own one. */
export function isOwnId(mappings: readonly IdMapping[], id: number): boolean {
  return mappings.length === 1 && mappings[0]!.size === 1 && mappings[0]!.hostID === id;
}

const ORDINARY =
  "an ordinary user may map its own id alone without newuidmap; `dunc check` tells what more is allowed";
const PRIVILEGED =
  "every hostID must be mapped in the user namespace of dunc itself (/proc/self/uid_map), and 0 needs " +
  "CAP_SETFCAP; `dunc check` tells";

function write(pid: number, file: string, text: string, place: string, remedy = ORDINARY): void {
  try {
    Deno.writeTextFileSync(`/proc/${pid}/${file}`, text, { create: false });
  } catch (error) {
    const errno = (error as { code?: string }).code ?? "EPERM";
    throw new ContainerError(`write ${file}`, {
      place,
      errno,
      hint: errno === "EPERM" ? remedy : undefined,
    });
  }
}

/** The set-uid helpers of shadow-utils, found by an absolute entry of PATH, and believed only when they exit with 0. */
function runHelper(name: string, pid: number, mappings: readonly IdMapping[], place: string): void {
  const path = findHelper(name);
  if (path === undefined) {
    throw new ContainerError(`map ids with ${name}`, {
      place,
      reason: "not found in PATH",
      hint:
        "install uidmap and list ranges in /etc/subuid and /etc/subgid, or map only your own id; see `dunc check`",
    });
  }
  const ids = mappings.flatMap(({ containerID, hostID, size }) => [containerID, hostID, size].map(String));
  const { success, code, stderr } = new Deno.Command(path, { args: [String(pid), ...ids] }).outputSync();
  if (success) return;
  throw new ContainerError(`${name} failed`, {
    place,
    reason: new TextDecoder().decode(stderr).trim() || `exit status ${code}`,
    hint: "are the ids in /etc/subuid and /etc/subgid? `dunc check` tells",
  });
}

/** newuidmap or newgidmap by an absolute entry of PATH, a usual one where PATH is unset; undefined: not installed. */
export function findHelper(name: string): string | undefined {
  const path = Deno.env.get("PATH") ?? "/usr/local/bin:/usr/bin:/bin";
  for (const directory of path.split(":")) {
    if (!directory.startsWith("/")) continue;
    try {
      if (Deno.statSync(`${directory}/${name}`).isFile) return `${directory}/${name}`;
    } catch {
      // Not in this directory.
    }
  }
  return undefined;
}
