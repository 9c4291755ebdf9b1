import { cString } from "./memory.ts";
import { checked, close, syscallBuffer } from "./stub.ts";

/**
 * Take away the mounts at a path, the topmost first, each with all below it (umount2(2), MNT_DETACH): those of a
 * container without a mount namespace of its own. A path that is no mount point is fine. Bounded: 64 mounts.
 */
export function umountAll(path: string): void {
  for (let i = 0; i < 64 && umountTop(path); i++);
}

/** umount2(2) of the topmost mount at a path, lazily and through no link. False: it is no mount point. */
function umountTop(path: string): boolean {
  const [MNT_DETACH, UMOUNT_NOFOLLOW] = [2, 8];
  const flags = MNT_DETACH | UMOUNT_NOFOLLOW;
  const rc = syscallBuffer(1, "umount2", cString(path), flags);
  const [EINVAL, ENOENT] = [-22, -2];
  return rc !== EINVAL && rc !== ENOENT && checked(rc, `umount ${path}`) === 0;
}

/**
 * Whether this process may clone mounts of its mount namespace: root of a user namespace that the mount namespace does
 * not belong to may not (open_tree(2), EPERM).
 */
export function mayCloneTrees(): boolean {
  const [AT_FDCWD, OPEN_TREE_CLONE_CLOEXEC] = [-100, 1 | 0o2000000];
  const tree = syscallBuffer(2, "open_tree", cString("/proc"), AT_FDCWD, OPEN_TREE_CLONE_CLOEXEC);
  // EINVAL: it may, but not this one without what is mounted below it.
  if (tree < 0) return tree === -22;
  close(tree);
  return true;
}
