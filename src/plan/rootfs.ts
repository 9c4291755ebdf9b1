import type { Origin } from "../errors.ts";
import {
  EINVAL,
  ENOENT,
  MOUNT_ATTR_RDONLY,
  MS_PRIVATE,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
  O_DIRECTORY,
  O_PATH,
  RESOLVE_NO_SYMLINKS,
} from "../linux/constants.gen.ts";
import { type CreateRequest, type Frame, step } from "./frame.ts";
import { labelOptions } from "./labels.ts";
import { propagationStep } from "./mounts.ts";
import type { Step } from "./plan.ts";

const PROPAGATION: Record<string, { readonly flag: number; readonly recursive: boolean }> = {
  shared: { flag: MS_SHARED, recursive: false },
  rshared: { flag: MS_SHARED, recursive: true },
  slave: { flag: MS_SLAVE, recursive: false },
  rslave: { flag: MS_SLAVE, recursive: true },
  private: { flag: MS_PRIVATE, recursive: false },
  rprivate: { flag: MS_PRIVATE, recursive: true },
  unbindable: { flag: MS_UNBINDABLE, recursive: false },
  runbindable: { flag: MS_UNBINDABLE, recursive: true },
};

const ROOT: Origin = ["root", "path"];

/**
 * Pin the root: cut the tree off from the host's mount events, clone the rootfs and attach it. Attached before
 * anything is mounted on it, because before 6.15 nothing can be mounted on a detached tree.
 */
export function pinRootSteps(request: CreateRequest, frame: Frame, ownMountNamespace: boolean): Step[] {
  const origin: Origin = ["linux", "rootfsPropagation"];
  const wanted = PROPAGATION[request.spec.linux?.rootfsPropagation ?? ""];
  const { root, hostRoot } = frame;
  const steps = [openStep(hostRoot, null, "/", ["root"])];
  if (ownMountNamespace) {
    // A slave, never private: the host could not unmount what a private copy holds (runc issue history).
    const { flag, recursive } = wanted ?? PROPAGATION.rslave!;
    steps.push(propagationStep(hostRoot, flag === MS_UNBINDABLE ? MS_PRIVATE : flag, recursive, origin));
  }
  const prepared = frame.prepared.get(-1);
  const tree = prepared ?? frame.tree;
  // Where the mapped root has no way to the rootfs, its tree stands on top of the whole: the pivot needs no more.
  const outOfReach = prepared !== undefined && request.userNamespace?.rootfsReachable === false;
  steps.push(openStep(root, hostRoot, outOfReach ? "." : request.rootfs, ROOT));
  if (ownMountNamespace && !outOfReach) steps.push(step({ op: "parent_private", root }, ROOT));
  if (prepared === undefined) {
    steps.push(step({ op: "open_tree", slot: tree, root, path: "", recursive: 1, resolve: 0 }, ROOT));
  }
  const { target } = frame;
  return [
    ...steps,
    step({ op: "move_mount", mount: tree, target: root }, ROOT),
    // Two descriptors of one mount: the pinned one is not filled again.
    openStep(target, tree, ".", ROOT),
    openStep(root, target, ".", ROOT),
  ];
}

function openStep(slot: number, root: number | null, path: string, origin: Origin): Step {
  return step({ op: "open", slot, root, path, flags: O_PATH | O_DIRECTORY, resolve: 0 }, origin);
}

/** Make the pinned root the process's root, and change its propagation as config.json asks. */
export function enterRootSteps(request: CreateRequest, frame: Frame, ownMountNamespace: boolean): Step[] {
  const { root, hostRoot } = frame;
  if (!ownMountNamespace) return [step({ op: "chroot", root }, ROOT)];
  const steps: Step[] = [];
  if (request.noPivot) {
    // Whoever keeps a full procfs or sysfs of the host below the new root could undo every mask.
    for (const path of request.host.kernelMounts) {
      steps.push(
        step({ op: "umount", root: hostRoot, path }, ["--no-pivot"], { tolerate: [EINVAL, ENOENT] }),
      );
    }
    steps.push(step({ op: "move_root", root }, ["--no-pivot"]));
  } else steps.push(step({ op: "pivot_root", root }, ROOT));
  const wanted = PROPAGATION[request.spec.linux?.rootfsPropagation ?? ""];
  if (wanted !== undefined && (wanted.flag === MS_SHARED || wanted.flag === MS_UNBINDABLE)) {
    steps.push(propagationStep(root, wanted.flag, wanted.recursive, ["linux", "rootfsPropagation"]));
  }
  return steps;
}

/** What becomes read-only when everything is in place: the root itself. */
export function readonlyRootSteps(request: CreateRequest, frame: Frame): Step[] {
  if (request.spec.root?.readonly !== true) return [];
  return [
    step({
      op: "mount_setattr",
      slot: frame.root,
      recursive: 0,
      set: BigInt(MOUNT_ATTR_RDONLY),
      clear: 0n,
      propagation: 0,
      userns: null,
    }, ["root", "readonly"]),
  ];
}

/** maskedPaths and readonlyPaths. A path that is not there needs no cover; every other failure is one. */
export function maskSteps(request: CreateRequest, frame: Frame, nullDevice: number): Step[] {
  const { root, scratch } = frame;
  const steps: Step[] = [];
  (request.spec.linux?.readonlyPaths ?? []).forEach((path, index) => {
    steps.push(
      step({ op: "readonly_path", root, path }, ["linux", "readonlyPaths", index], { tolerate: [ENOENT] }),
    );
  });
  const masked = [...new Set(request.spec.linux?.maskedPaths ?? [])];
  if (masked.length === 0) return steps;
  const origin: Origin = ["linux", "maskedPaths"];
  steps.push(step({
    op: "fsmount",
    slot: scratch,
    fstype: "tmpfs",
    // One inode for the root itself; no block can ever be written.
    options: [
      "source=tmpfs",
      "nr_blocks=1",
      "nr_inodes=1",
      "mode=0755",
      ...labelOptions(request.spec, "tmpfs"),
    ],
    attr: MOUNT_ATTR_RDONLY,
  }, origin));
  for (const path of masked) {
    const index = request.spec.linux!.maskedPaths!.indexOf(path);
    steps.push(
      step({ op: "mask_path", root, path, null: nullDevice, directory: scratch }, [...origin, index], {
        tolerate: [ENOENT],
      }),
    );
  }
  return steps;
}

/** The container's null device, checked to be one (CVE-2025-31133), for masks and standard streams. */
export function nullDeviceSteps(frame: Frame, slot: number, flags: number, origin: Origin): Step[] {
  return [
    step({
      op: "open",
      slot,
      root: frame.root,
      path: "dev/null",
      flags,
      resolve: RESOLVE_NO_SYMLINKS,
    }, origin),
    step({ op: "require_device", slot, major: 1, minor: 3 }, origin),
  ];
}
