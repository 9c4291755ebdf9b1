import type { Issues } from "./issues.ts";
import type { IdMapping, Linux, Process } from "./schema.ts";

/** The last id there is: 4294967295 is "no id" to every system call. */
const LAST_ID = 0xffffffff - 1;

/** Extents that a map may have (user_namespaces(7), since Linux 4.15). */
const MOST_EXTENTS = 340;

/** What the kernel wants of one map (user_namespaces(7), "User and group ID mappings: writing to uid_map"). */
export function checkIdMappings(mappings: readonly IdMapping[], path: string, issues: Issues): void {
  if (mappings.length > MOST_EXTENTS) {
    issues.error(
      path,
      `must have at most ${MOST_EXTENTS} entries, got ${mappings.length}`,
      "join ranges that follow each other",
    );
    return;
  }
  mappings.forEach(({ containerID, hostID, size }, index) => {
    const place = `${path}[${index}]`;
    if (size === 0) {
      issues.error(`${place}.size`, "must be at least 1, got 0");
      return;
    }
    for (const [name, first] of [["containerID", containerID], ["hostID", hostID]] as const) {
      const last = first + size - 1;
      if (last > LAST_ID) {
        issues.error(`${place}.${name}`, `${last} is the last id: must be ${LAST_ID} at most`);
      }
      const other = mappings.findIndex((earlier) => overlaps(earlier, name, first, last));
      if (other < index) {
        issues.error(
          `${place}.${name}`,
          `overlaps with ${path}[${other}]`,
          "each id may be in one range only",
        );
      }
    }
  });
}

function overlaps(mapping: IdMapping, name: "containerID" | "hostID", first: number, last: number): boolean {
  return mapping[name] <= last && first < mapping[name] + mapping.size;
}

/**
 * The maps of the container's user namespace. One that is joined has its maps already; whether they are those of the
 * document can only be seen on the host.
 */
export function checkUserNamespace(
  { uidMappings = [], gidMappings = [], namespaces = [] }: Linux,
  ordinaryUser: boolean,
  issues: Issues,
): void {
  const entry = namespaces.find(({ type }) => type === "user");
  if (entry === undefined) {
    if (uidMappings.length + gidMappings.length > 0) {
      issues.error(
        uidMappings.length > 0 ? "linux.uidMappings" : "linux.gidMappings",
        "user namespace mappings specified, but user namespace isn't enabled in the config",
        'add {"type": "user"} to linux.namespaces',
      );
    }
    if (ordinaryUser) {
      issues.error(
        "linux.namespaces",
        "rootless container requires user namespaces",
        "`dunc spec --rootless` writes a document with one, `dunc check` tells whether it can be made",
      );
    }
    return;
  }
  if ((entry.path ?? "") !== "") return;
  if (uidMappings.length + gidMappings.length === 0 && !ordinaryUser) {
    issues.error(
      "linux.uidMappings",
      "user namespaces enabled, but no namespace path to join nor mappings to apply specified",
    );
    return;
  }
  checkMap("uid", uidMappings, ordinaryUser, issues);
  checkMap("gid", gidMappings, ordinaryUser, issues);
}

function checkMap(
  kind: "uid" | "gid",
  mappings: readonly IdMapping[],
  ordinaryUser: boolean,
  issues: Issues,
): void {
  const path = `linux.${kind}Mappings`;
  checkIdMappings(mappings, path, issues);
  if (mappings.length === 0) {
    issues.error(
      path,
      ordinaryUser
        ? `rootless containers requires at least one ${kind.toUpperCase()} mapping`
        : `user namespaces enabled, but no ${kind} mappings found`,
      "`dunc spec --rootless` writes those of your own id, `dunc check` tells which others you have",
    );
  } else if (!ordinaryUser && !isMapped(mappings, 0)) {
    // The container is set up as its root; for an ordinary user in a namespace around it.
    issues.error(
      path,
      `user namespaces enabled, but no mapping found for ${kind} 0`,
      "map an id to containerID 0",
    );
  }
}

/** Whether two maps map the same ids alike, whatever the order of their lines. */
export function isSameMap(a: readonly IdMapping[], b: readonly IdMapping[]): boolean {
  const lines = (mappings: readonly IdMapping[]) =>
    mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}`).sort().join();
  return lines(a) === lines(b);
}

/** Whether the container's user namespace is its own, with the maps of the document. */
export function makesUserNamespace({ namespaces = [] }: Linux): boolean {
  return namespaces.some(({ type, path = "" }) => type === "user" && path === "");
}

/** Whether an id of the container is somebody outside. */
export function isMapped(mappings: readonly IdMapping[], id: number): boolean {
  return mappings.some(({ containerID, size }) => id >= containerID && id < containerID + size);
}

/**
 * Whether a process (of config.json or of `exec`) is somebody in the user namespace that its container makes.
 * Nothing is said where there is none, where it is joined, or where it has no maps: that is told elsewhere.
 */
export function checkMappedUser(
  { user }: Process,
  linux: Linux,
  path: string,
  issues: Issues,
  ordinaryUser = false,
): void {
  const { uidMappings = [], gidMappings = [] } = linux;
  if (!makesUserNamespace(linux)) return;
  // The one id that there is may be called as it likes: nested_maps.ts.
  const isFree = (map: readonly IdMapping[]) =>
    ordinaryUser && map.length === 1 && map[0]!.size === 1 && isMapped(map, 0);
  const cannot = (id: "uid" | "gid") =>
    issues.error(
      `${path}.user.${id}`,
      `cannot set ${id} to unmapped user in user namespace (setres${id}: invalid argument)`,
      `map it in linux.${id}Mappings; \`dunc check\` tells which ids you have`,
    );
  if (uidMappings.length > 0 && !isFree(uidMappings) && !isMapped(uidMappings, user?.uid ?? 0)) cannot("uid");
  if (gidMappings.length === 0) return;
  if (!isFree(gidMappings) && !isMapped(gidMappings, user?.gid ?? 0)) cannot("gid");
  // Where one id is mapped groups cannot be set at all for an ordinary user: that is told instead, in runc's words.
  if (gidMappings.length === 1 && gidMappings[0]!.size === 1) return;
  user?.additionalGids?.forEach((gid, index) => {
    if (isMapped(gidMappings, gid)) return;
    issues.error(
      `${path}.user.additionalGids[${index}]`,
      `setgroups: invalid argument (${gid} is not mapped in the user namespace)`,
    );
  });
}
