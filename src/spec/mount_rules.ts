import { type MountOptions, parseMountOptions } from "../linux/mount_options.ts";
import { checkIdMappings, isMapped, makesUserNamespace } from "./id_mapping_rules.ts";
import type { Issues } from "./issues.ts";
import type { Linux, Mount, Spec } from "./schema.ts";

/** The rules of mounts (config.md "Mounts") that need no look at a file system. */
export function checkMounts({ mounts = [], linux = {} }: Spec, ordinaryUser: boolean, issues: Issues): void {
  for (let i = 0; i < mounts.length; i++) {
    const mount = mounts[i]!;
    const place = `mounts[${i}]`;
    const options = parseMountOptions(mount.options ?? []);
    checkMount(mount, options, place, issues);
    if (isIdMapped(mount, options)) checkIdMap(mount, options, linux, ordinaryUser, place, issues);
    if (ordinaryUser && makesUserNamespace(linux)) checkOwners(options, linux, place, issues);
  }
}

function checkMount(mount: Mount, options: MountOptions, place: string, issues: Issues): void {
  const { destination, type = "", source = "" } = mount;
  if (destination === "") issues.error(`${place}.destination`, "must not be empty");
  else if (!destination.startsWith("/")) {
    issues.warn(`${place}.destination`, "a relative destination is deprecated and counts from /");
  }
  if (options.bind) {
    if (options.data.length > 0) {
      issues.error(
        `${place}.options`,
        `bind mounts cannot have any filesystem-specific options applied: ${options.data.join(",")}`,
      );
    }
    if (source === "") issues.error(`${place}.source`, "a bind mount needs a source");
  } else if (!options.remount) {
    if (type === "") issues.error(`${place}.type`, "must name a file system, or options must have bind");
    // There is no file system of this name: it is the options that bind.
    if (type === "bind") issues.error(`${place}.options`, "a mount of type bind needs bind or rbind here");
  }
}

/** Whether a mount asks for a map of its own or for the container's. An empty list asks for nothing. */
export function isIdMapped({ uidMappings = [], gidMappings = [] }: Mount, { idmap }: MountOptions): boolean {
  return uidMappings.length > 0 || gidMappings.length > 0 || idmap !== undefined;
}

/** config.md "Linux mount options", idmap and ridmap: own maps, both of them, or those of the user namespace. */
function checkIdMap(
  { uidMappings = [], gidMappings = [] }: Mount,
  options: MountOptions,
  { namespaces = [] }: Linux,
  ordinaryUser: boolean,
  place: string,
  issues: Issues,
): void {
  if (!options.bind) issues.error(place, "id-mapped mounts are only supported for bind-mounts");
  if (ordinaryUser) issues.error(place, "id-mapped mounts are not supported for rootless containers");
  const own = uidMappings.length > 0 || gidMappings.length > 0;
  if (own && (uidMappings.length === 0 || gidMappings.length === 0)) {
    issues.error(place, "id-mapped mounts must have both uid and gid mappings specified");
  }
  if (!own && !namespaces.some(({ type }) => type === "user")) {
    issues.error(
      place,
      "id-mapped mounts need uidMappings and gidMappings, or a user namespace to take them from",
    );
  }
  checkIdMappings(uidMappings, `${place}.uidMappings`, issues);
  checkIdMappings(gidMappings, `${place}.gidMappings`, issues);
}

/** An ordinary user can give files of a file system to nobody that is not mapped. */
function checkOwners(options: MountOptions, linux: Linux, place: string, issues: Issues): void {
  for (const option of options.data) {
    const [, kind, id] = /^([ug]id)=(\d+)$/.exec(option) ?? [];
    if (kind === undefined) continue;
    const mappings = kind === "uid" ? linux.uidMappings : linux.gidMappings;
    if (isMapped(mappings ?? [], Number(id))) continue;
    issues.error(
      `${place}.options`,
      `cannot specify ${option} mount option for rootless container: ` +
        `user namespaces enabled, but no mapping found for ${kind} ${id}`,
    );
  }
}
