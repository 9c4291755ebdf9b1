import type { Origin } from "../errors.ts";
import { MOUNT_ATTR_IDMAP, O_RDONLY } from "../linux/constants.gen.ts";
import { type MountOptions, parseMountOptions } from "../linux/mount_options.ts";
import { isIdMapped } from "../spec/mount_rules.ts";
import type { IdMapping, Mount } from "../spec/schema.ts";
import { type CreateRequest, type Frame, step } from "./frame.ts";
import { namespacesOf } from "./namespaces.ts";
import type { Step } from "./plan.ts";

/** What is written to uid_map and gid_map (user_namespaces(7)). */
export function idMapText(mappings: readonly IdMapping[]): string {
  return mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join("");
}

/**
 * Before the clone: a user namespace for each map that a mount asks for, in a slot of `frame.idMaps`. Mounts with the
 * same map share one. Without a map of its own a mount has the container's (config.md "Linux mount options", idmap):
 * the namespace that is joined, or one like that which is made.
 */
export function idMapSteps({ spec }: CreateRequest, frame: Frame): Step[] {
  const steps: Step[] = [];
  const slots = new Map<string, number>();
  const joined = namespacesOf(spec).joined.find(({ type }) => type === "user");
  (spec.mounts ?? []).forEach((mount, index) => {
    if (!isIdMapped(mount, parseMountOptions(mount.options ?? []))) return;
    const own = (mount.uidMappings ?? []).length > 0;
    const { uidMappings = [], gidMappings = [] } = own ? mount : spec.linux ?? {};
    const path = own ? undefined : joined?.path;
    const maps = { uidMap: idMapText(uidMappings), gidMap: idMapText(gidMappings) };
    const key = path ?? `${maps.uidMap}\n${maps.gidMap}`;
    let slot = slots.get(key);
    if (slot === undefined) {
      slot = frame.slots.make(`user namespace of mounts[${index}]`);
      slots.set(key, slot);
      const origin: Origin = own ? ["mounts", index, "uidMappings"] : ["mounts", index];
      steps.push(step(
        path === undefined
          ? { op: "make_userns", slot, ...maps }
          : { op: "open", slot, root: null, path, flags: O_RDONLY, resolve: 0 },
        origin,
      ));
    }
    frame.idMaps.set(index, slot);
  });
  return steps;
}

/** Map the ids of a tree that is not attached yet: mount_setattr(2) allows it once, and only then. */
export function mapTreeSteps(
  mount: Mount,
  index: number,
  options: MountOptions,
  tree: number,
  frame: Frame,
): Step[] {
  if (!isIdMapped(mount, options)) return [];
  return [
    step({
      op: "mount_setattr",
      slot: tree,
      recursive: options.idmap === "ridmap" ? 1 : 0,
      set: BigInt(MOUNT_ATTR_IDMAP),
      clear: 0n,
      propagation: 0,
      userns: frame.idMaps.get(index)!,
    }, ["mounts", index]),
  ];
}
