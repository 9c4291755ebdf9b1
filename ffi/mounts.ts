import { umountTop } from "./stub.ts";

/**
 * Take away the mounts at a path, the topmost first, each with all below it (umount2(2), MNT_DETACH): those of a
 * container without a mount namespace of its own. A path that is no mount point is fine. Bounded: 64 mounts.
 */
export function umountAll(path: string): void {
  for (let i = 0; i < 64 && umountTop(path); i++);
}
