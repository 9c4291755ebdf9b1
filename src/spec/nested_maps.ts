import { isMapped } from "./id_mapping_rules.ts";
import type { IdMapping, Linux, Process } from "./schema.ts";

/** The maps of a user namespace. */
export interface Maps {
  readonly uidMappings: readonly IdMapping[];
  readonly gidMappings: readonly IdMapping[];
}

/** How the maps of a document are carried out: in one user namespace, or in one that lies in another. */
export interface NestedMaps {
  /** Of the namespace that everything is set up in: it has a root. */
  readonly outer: Maps;
  /** Of the namespace in it that the process is in, counted from the outer one; undefined where one does it all. */
  readonly inner: Maps | undefined;
}

/**
 * An ordinary user may have one id only, and want to be another one than root in the container: then the container is
 * set up by a root that is this id, and the process is somebody else who is this id in a namespace below. The same
 * where the document maps no root at all.
 */
export function nestMaps(
  { uidMappings = [], gidMappings = [] }: Linux,
  process: Process | undefined,
  ordinaryUser: boolean,
): NestedMaps {
  const plain = { outer: { uidMappings, gidMappings }, inner: undefined };
  if (!ordinaryUser) return plain;
  const uid = nestMap(uidMappings, process?.user?.uid ?? 0);
  const gid = nestMap(gidMappings, process?.user?.gid ?? 0);
  if (!uid.nested && !gid.nested) return plain;
  return {
    outer: { uidMappings: uid.outer, gidMappings: gid.outer },
    inner: { uidMappings: uid.inner, gidMappings: gid.inner },
  };
}

interface NestedMap {
  readonly outer: readonly IdMapping[];
  readonly inner: readonly IdMapping[];
  readonly nested: boolean;
}

function nestMap(map: readonly IdMapping[], id: number): NestedMap {
  if (isMapped(map, 0)) {
    if (isMapped(map, id) || !isSingle(map)) {
      return { outer: map, inner: map.map((line) => ({ ...line, hostID: line.containerID })), nested: false };
    }
    return { outer: map, inner: [{ containerID: id, hostID: 0, size: 1 }], nested: true };
  }
  const outer: IdMapping[] = [];
  const inner: IdMapping[] = [];
  let next = 0;
  for (const { containerID, hostID, size } of map) {
    outer.push({ containerID: next, hostID, size });
    inner.push({ containerID, hostID: next, size });
    next += size;
  }
  return { outer, inner, nested: true };
}

/** Whether a map is of one id alone: then the one user of a container may be called as it likes. */
export function isSingle(map: readonly IdMapping[]): boolean {
  return map.length === 1 && map[0]!.size === 1;
}
