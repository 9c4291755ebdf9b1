import type { Mount, Spec } from "../spec/schema.ts";
import type { Origin } from "../errors.ts";
import { SpecError } from "../errors.ts";
import {
  EBUSY,
  EEXIST,
  ENOENT,
  EPERM,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MS_SLAVE,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  PROC_SUPER_MAGIC,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  S_IFDIR,
} from "../linux/constants.gen.ts";
import { type MountOptions, parseMountOptions } from "../linux/mount_options.ts";
import { type CreateRequest, type Frame, pathInRoot, step } from "./frame.ts";
import { mapTreeSteps } from "./id_maps.ts";
import { labelOptions, mqueueLabelSteps } from "./labels.ts";
import type { Step } from "./plan.ts";

export const IN_ROOT = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

/**
 * The files below /proc that a mount may cover: what lxcfs and the FIPS and checkpoint tools offer
 * (runc's list; everything else there would let a container hide what its masks protect, CVE-2019-16884).
 */
const PROC_FILES = [
  "proc/cpuinfo",
  "proc/diskstats",
  "proc/meminfo",
  "proc/stat",
  "proc/swaps",
  "proc/uptime",
  "proc/loadavg",
  "proc/slabinfo",
  "proc/sys/kernel/ns_last_pid",
  "proc/sys/crypto/fips_enabled",
];

/** The steps of all mounts of config.json, in their order, and those that can only be read-only at the end. */
export function mountSteps(request: CreateRequest, frame: Frame): { steps: Step[]; late: Step[] } {
  const steps: Step[] = [];
  const late: Step[] = [];
  (request.spec.mounts ?? []).forEach((mount, index) => {
    const origin: Origin = ["mounts", index];
    const options = parseMountOptions(mount.options ?? []);
    const path = pathInRoot(mount.destination);
    checkDestination(mount, path, options, origin);
    if (mount.type === "cgroup" && !options.bind) {
      steps.push(...cgroupMountSteps(request, path, options, origin, frame));
    } else if (options.bind) {
      steps.push(...bindSteps(mount, index, path, options, frame, request.bundle));
    } else if (options.remount) {
      steps.push(...remountSteps(path, options, origin, frame));
    } else {
      steps.push(...filesystemSteps(request.spec, mount, path, options, origin, frame));
    }
    // /dev gets its nodes and links after all mounts, a tmpfs may be filled by hooks.
    if (isLateReadonly(mount, path, options)) late.push(...lateReadonlySteps(path, origin, frame));
  });
  return { steps, late };
}

function isLateReadonly(mount: Mount, path: string, options: MountOptions): boolean {
  return (options.attrSet & MOUNT_ATTR_RDONLY) !== 0 && !options.bind &&
    (mount.type === "tmpfs" || path === "dev");
}

function checkDestination(mount: Mount, path: string, options: MountOptions, origin: Origin): void {
  const place = `${origin[0]}[${origin[1]}].destination`;
  if (path === "") throw new SpecError([{ path: place, message: "a mount may not cover the root itself" }]);
  if (path === "proc" && mount.type !== "proc" && !options.bind && !options.remount) {
    const message = `${JSON.stringify(mount.destination)} cannot be mounted because it is not of type proc`;
    throw new SpecError([{ path: place, message }]);
  }
  if (path === "proc" || !path.startsWith("proc/") || PROC_FILES.includes(path)) return;
  throw new SpecError([{
    path: place,
    message: `${JSON.stringify(mount.destination)} cannot be mounted because it is inside /proc`,
  }]);
}

/** Open the mountpoint in `frame.target`, made where it is missing. A link to the root would have the mount hidden. */
function mountpointSteps(path: string, like: number | null, origin: Origin, frame: Frame): Step[] {
  const { target: slot, root } = frame;
  return [
    step({ op: "make_mountpoint", slot, root, path, like, type: S_IFDIR, mode: 0o644 }, origin),
    step({ op: "require_other", slot, root }, [...origin, "destination"]),
  ];
}

/**
 * /proc and /sys must be real directories, reached through no link: whoever plants one there would have masks and
 * labels applied elsewhere (CVE-2019-19921, CVE-2023-27561). Looked at before and after it is made.
 */
function plainDirectorySteps(path: string, origin: Origin, frame: Frame): Step[] {
  const open = step({
    op: "open",
    slot: frame.target,
    root: frame.root,
    path,
    flags: O_PATH | O_DIRECTORY | O_NOFOLLOW,
    resolve: IN_ROOT | RESOLVE_NO_SYMLINKS,
  }, [...origin, "destination"]);
  return [{ ...open, tolerate: [ENOENT] }, ...mountpointSteps(path, null, origin, frame), open];
}

function filesystemSteps(
  spec: Spec,
  mount: Mount,
  path: string,
  options: MountOptions,
  origin: Origin,
  frame: Frame,
): Step[] {
  const fstype = mount.type ?? "none";
  const late = isLateReadonly(mount, path, options);
  const steps = fstype === "proc" || fstype === "sysfs"
    ? plainDirectorySteps(path, origin, frame)
    : mountpointSteps(path, null, origin, frame);
  steps.push(...outsideProcSteps(path, origin, frame));
  steps.push(step({
    op: "fsmount",
    slot: frame.tree,
    fstype,
    options: [
      `source=${mount.source ?? fstype}`,
      ...options.superFlags,
      ...options.data,
      ...labelOptions(spec, fstype),
    ],
    attr: late ? options.attrSet & ~MOUNT_ATTR_RDONLY : options.attrSet,
  }, origin));
  if (fstype === "tmpfs" && !options.data.some((option) => option.startsWith("mode="))) {
    steps.push(step({ op: "inherit_mode", mount: frame.tree, target: frame.target }, origin));
  }
  if (options.tmpcopyup) {
    steps.push(step({ op: "tmpcopyup", mount: frame.tree, source: frame.target }, origin));
  }
  steps.push(...mqueueLabelSteps(spec, fstype, frame.tree), ...attachSteps(options, origin, frame));
  return steps;
}

function bindSteps(
  mount: Mount,
  index: number,
  path: string,
  options: MountOptions,
  frame: Frame,
  bundle: string,
): Step[] {
  const origin: Origin = ["mounts", index];
  const prepared = frame.prepared.get(index);
  const tree = prepared ?? frame.tree;
  const steps = prepared === undefined
    ? sourceSteps(mount, index, options, frame.hostRoot, tree, bundle, frame)
    : [];
  // Only a procfs may stand at /proc (CVE-2023-28642).
  const magic = BigInt(PROC_SUPER_MAGIC);
  if (path === "proc") steps.push(step({ op: "require_fstype", slot: tree, magic, negate: 0 }, origin));
  steps.push(...mountpointSteps(path, tree, origin, frame), ...outsideProcSteps(path, origin, frame));
  if (options.attrSet !== 0 || options.attrClr !== 0) {
    steps.push(attributeStep(tree, options.attrSet, options.attrClr, 0, origin));
  }
  steps.push(...attachSteps(options, origin, { ...frame, tree }));
  return steps;
}

/** A link of the image leads no mount into a procfs: what may be there is named as such (`checkDestination`). */
function outsideProcSteps(path: string, origin: Origin, frame: Frame): Step[] {
  if (path === "proc" || path.startsWith("proc/")) return [];
  const magic = BigInt(PROC_SUPER_MAGIC);
  return [step({ op: "require_fstype", slot: frame.target, magic, negate: 1 }, origin)];
}

/** A tree of a bind mount's source, with its ids mapped where that is asked for. */
function sourceSteps(
  mount: Mount,
  index: number,
  options: MountOptions,
  root: number | null,
  slot: number,
  bundle: string,
  frame: Frame,
): Step[] {
  const source = mount.source ?? "";
  const path = source.startsWith("/") ? source : `${bundle}/${source}`;
  const recursive = options.recursiveBind ? 1 : 0;
  return [
    step({ op: "open_tree", slot, root, path, recursive, resolve: 0 }, ["mounts", index, "source"]),
    ...mapTreeSteps(mount, index, options, slot, frame),
  ];
}

/**
 * Before a clone into a user namespace: clone the trees that the mapped root may have no way to (kernel-facts.md
 * section 2), and cut them off from the host's mount events, which the clone would otherwise share.
 */
export function preparedTreeSteps(request: CreateRequest, frame: Frame): Step[] {
  const steps: Step[] = [];
  const prepare = (key: number, name: string, origin: Origin, open: (slot: number) => Step[]) => {
    const slot = frame.slots.make(name);
    frame.prepared.set(key, slot);
    steps.push(...open(slot), propagationStep(slot, MS_SLAVE, true, origin));
  };
  prepare(-1, "rootfs tree", ["root", "path"], (slot) => [
    step(
      { op: "open_tree", slot, root: null, path: request.rootfs, recursive: 1, resolve: 0 },
      ["root", "path"],
    ),
  ]);
  (request.spec.mounts ?? []).forEach((mount, index) => {
    const options = parseMountOptions(mount.options ?? []);
    if (!options.bind) return;
    prepare(
      index,
      mount.source ?? "",
      ["mounts", index],
      (slot) => sourceSteps(mount, index, options, null, slot, request.bundle, frame),
    );
  });
  return steps;
}

/** A change of a mount that stands already. */
function remountSteps(path: string, options: MountOptions, origin: Origin, frame: Frame): Step[] {
  return [
    openSteps(path, origin, frame),
    attributeStep(frame.target, options.attrSet, options.attrClr, 0, origin),
  ];
}

function attributeStep(slot: number, set: number, clear: number, recursive: number, origin: Origin): Step {
  return step({
    op: "mount_setattr",
    slot,
    recursive,
    set: BigInt(set),
    clear: BigInt(clear),
    propagation: 0,
    userns: null,
  }, origin);
}

/** Recursive attributes while nobody sees the tree yet, then the mount itself, then its propagation, in order. */
function attachSteps(options: MountOptions, origin: Origin, frame: Frame): Step[] {
  const steps: Step[] = [];
  if (options.recursiveSet !== 0 || options.recursiveClr !== 0) {
    steps.push(attributeStep(frame.tree, options.recursiveSet, options.recursiveClr, 1, origin));
  }
  steps.push(step({ op: "move_mount", mount: frame.tree, target: frame.target }, origin));
  for (const { flag, recursive } of options.propagation) {
    steps.push(propagationStep(frame.tree, flag, recursive, origin));
  }
  return steps;
}

/** Change a mount's propagation (MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE). */
export function propagationStep(slot: number, propagation: number, recursive: boolean, origin: Origin): Step {
  return step({
    op: "mount_setattr",
    slot,
    recursive: recursive ? 1 : 0,
    set: 0n,
    clear: 0n,
    propagation,
    userns: null,
  }, origin);
}

function openSteps(path: string, origin: Origin, frame: Frame): Step {
  return step({
    op: "open",
    slot: frame.target,
    root: frame.root,
    path: path === "" ? "." : path,
    flags: O_PATH,
    resolve: IN_ROOT,
  }, origin);
}

function lateReadonlySteps(path: string, origin: Origin, frame: Frame): Step[] {
  return [
    openSteps(path, origin, frame),
    attributeStep(frame.target, MOUNT_ATTR_RDONLY, 0, 0, origin),
  ];
}

/** A mount of type `cgroup` is several: a tmpfs with a tree for each v1 hierarchy, or the one v2 tree. */
function cgroupMountSteps(
  { spec, cgroup: { mounts } }: CreateRequest,
  path: string,
  options: MountOptions,
  origin: Origin,
  frame: Frame,
): Step[] {
  const steps: Step[] = [];
  for (const mount of mounts) {
    const target = mount.target === "" ? path : `${path}/${mount.target}`;
    if (mount.kind === "symlink") {
      const op = "symlink";
      steps.push(
        step({ op, root: frame.root, path: target, target: mount.source }, origin, { tolerate: [EEXIST] }),
      );
      continue;
    }
    steps.push(...mountpointSteps(target, null, origin, frame));
    if (mount.kind === "bind") {
      steps.push(...treeSteps(mount.source, options, origin, frame));
      continue;
    }
    // The tmpfs takes directories and links first; it holds nothing else, whatever the options say (as in runc).
    const attr = mount.kind === "tmpfs"
      ? (options.attrSet & ~MOUNT_ATTR_RDONLY) | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC
      : options.attrSet;
    const fsmount = step({
      op: "fsmount",
      slot: frame.tree,
      fstype: mount.kind,
      options: [`source=${mount.source}`, ...mount.options, ...labelOptions(spec, mount.kind)],
      attr,
    }, origin);
    const attach = step({ op: "move_mount", mount: frame.tree, target: frame.target }, origin);
    if (mount.kind === "cgroup2") {
      // The bind fills the slot first; the real mount takes its place where the kernel allows it.
      const [open, ...change] = treeSteps(mount.fallback, options, origin, frame).slice(0, -1);
      steps.push({ ...open!, tolerate: [ENOENT], skip: change.length }, ...change);
      steps.push({ ...fsmount, tolerate: [EPERM, EBUSY] }, attach);
    } else steps.push(fsmount, attach);
  }
  const tmpfs = mounts[0]?.kind === "tmpfs" && (options.attrSet & MOUNT_ATTR_RDONLY) !== 0;
  if (tmpfs) steps.push(...lateReadonlySteps(path, origin, frame));
  return steps;
}

function treeSteps(source: string, options: MountOptions, origin: Origin, frame: Frame): Step[] {
  const { tree, target, hostRoot } = frame;
  return [
    step({ op: "open_tree", slot: tree, root: hostRoot, path: source, recursive: 1, resolve: 0 }, origin),
    attributeStep(tree, options.attrSet, 0, 0, origin),
    step({ op: "move_mount", mount: tree, target }, origin),
  ];
}
