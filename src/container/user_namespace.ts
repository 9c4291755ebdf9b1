import { mayCloneTrees } from "../../ffi/mounts.ts";
import { ContainerError, SpecError } from "../errors.ts";
import { mapsOf, maySetGroups } from "../host/namespaces.ts";
import { runConversation } from "../launch/conversation.ts";
import { type IdMaps, isOwnId } from "../launch/id_maps.ts";
import { spawnPlan } from "../launch/spawn.ts";
import type { UserNamespaceRequest } from "../plan/frame.ts";
import { type Joined, namespacesOf, visitPlan } from "../plan/namespaces.ts";
import { isSameMap } from "../spec/id_mapping_rules.ts";
import { type NestedMaps, nestMaps } from "../spec/nested_maps.ts";
import type { Spec } from "../spec/schema.ts";
import type { Runtime } from "./options.ts";

/**
 * How the container's user namespace is made or joined, if it has one.
 *
 * Throws SpecError where the maps of the document are not those of the namespace that is joined, and ContainerError
 * for groups where they cannot be set, or a namespace that cannot be joined.
 */
export function userNamespaceOf(
  spec: Spec,
  rootfs: string,
  runtime: Runtime,
): UserNamespaceRequest | undefined {
  const namespaces = namespacesOf(spec);
  if (!namespaces.has("user")) return undefined;
  const joined = namespaces.joined.find(({ type }) => type === "user");
  const setgroups = joined === undefined ? maySetGroupsInNew(spec) : visit(joined, spec, runtime);
  const groups = spec.process?.user?.additionalGids ?? [];
  if (!setgroups && groups.length > 0) {
    throw new ContainerError("cannot set any additional groups in a rootless container", {
      place: "process.user.additionalGids",
      hint: "map a range of gids with newgidmap: setgroups is denied where an ordinary user maps one id; " +
        "`dunc check` tells which ranges there are",
    });
  }
  return {
    isNew: joined === undefined,
    // Root may be nobody special: in a user namespace of its own, or without CAP_SYS_ADMIN.
    privileged: Deno.uid() === 0 && mayCloneTrees(),
    rootfsReachable: isReachable(rootfs),
    setgroups,
    inner: joined === undefined ? nestedMapsOf(spec).inner : undefined,
  };
}

/** The maps of the document as this user can have them. */
export function nestedMapsOf({ linux = {}, process }: Spec): NestedMaps {
  return nestMaps(linux, process, Deno.uid() !== 0);
}

/** Who maps its own id alone must give setgroups up, and a namespace in one without it has none either. */
function maySetGroupsInNew({ linux }: Spec): boolean {
  if (!maySetGroups(Deno.pid)) return false;
  return Deno.uid() === 0 || !isOwnId(linux?.gidMappings ?? [], Deno.gid() ?? 0);
}

/** Look at the user namespace that is joined: whether groups may be set in it, and whether its maps are as said. */
function visit(joined: Joined, { linux }: Spec, runtime: Runtime): boolean {
  let found: { readonly maps: IdMaps; readonly setgroups: boolean } | undefined;
  runConversation(spawnPlan(visitPlan(joined), { given: [], preserveFds: 0 }), {
    maps: (pid) => found = { maps: mapsOf(pid), setgroups: maySetGroups(pid) },
  });
  const { uidMappings = [], gidMappings = [] } = linux ?? {};
  const { maps, setgroups } = found!;
  if (uidMappings.length + gidMappings.length === 0) return setgroups;
  if (!isSameMap(uidMappings, maps.uidMappings) || !isSameMap(gidMappings, maps.gidMappings)) {
    throw new SpecError([{
      path: isSameMap(uidMappings, maps.uidMappings) ? "linux.gidMappings" : "linux.uidMappings",
      message: "user namespaces enabled, but both namespace path and non-matching mapping specified -- " +
        "you may only provide one",
    }]);
  }
  runtime.log.warn(
    "config.json has both a userns path to join and a matching userns mapping specified -- " +
      "you may only provide one",
  );
  return setgroups;
}

/** Whether everybody may walk to a directory: a mapped root is nobody special outside. */
function isReachable(path: string): boolean {
  const parts = path.split("/");
  for (let i = 1; i <= parts.length; i++) {
    const { mode } = Deno.statSync(parts.slice(0, i).join("/") || "/");
    if ((mode! & 0o001) === 0) return false;
  }
  return true;
}
