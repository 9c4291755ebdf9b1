import type { Origin } from "../errors.ts";
import { DEFAULT_LINKS, defaultDevices } from "../linux/devices.ts";
import { EEXIST, ENOENT, S_IFBLK, S_IFCHR, S_IFIFO } from "../linux/constants.gen.ts";
import type { Device } from "../spec/schema.ts";
import { parseMountOptions } from "../linux/mount_options.ts";
import { type CreateRequest, type Frame, pathInRoot, step } from "./frame.ts";
import type { Step } from "./plan.ts";

const PTMX = "dev/ptmx";
const TYPES: Record<string, number> = { c: S_IFCHR, u: S_IFCHR, b: S_IFBLK, p: S_IFIFO };

/**
 * Nodes and links of /dev: the default devices, those of config.json (one with the same path takes the default's
 * place), /dev/ptmx and the links of the specification ("Default Devices" in config-linux.md).
 */
export function deviceSteps(request: CreateRequest, frame: Frame): Step[] {
  // A /dev that was bound is the caller's, as it is.
  if (hasBoundDev(request)) return [];
  const own = request.spec.linux?.devices ?? [];
  const taken = new Set(own.map(({ path }) => pathInRoot(path)));
  const steps: Step[] = [];
  for (const device of defaultDevices()) {
    if (!taken.has(pathInRoot(device.path))) {
      steps.push(...nodeSteps(device, ["linux", "devices"], request, frame));
    }
  }
  own.forEach((device, index) => {
    // A link to the container's own devpts takes its place.
    if (pathInRoot(device.path) === PTMX) return;
    steps.push(...nodeSteps(device, ["linux", "devices", index], request, frame));
  });
  return [...steps, ...linkSteps(request, frame)];
}

export function hasBoundDev(request: CreateRequest): boolean {
  return (request.spec.mounts ?? []).some((mount) =>
    pathInRoot(mount.destination) === "dev" && parseMountOptions(mount.options ?? []).bind
  );
}

function nodeSteps(device: Device, origin: Origin, request: CreateRequest, frame: Frame): Step[] {
  const path = pathInRoot(device.path);
  if (!request.host.canMknod && device.type !== "p") return boundNodeSteps(device, path, origin, frame);
  return [
    step({
      op: "mknod",
      root: frame.root,
      path,
      mode: TYPES[device.type]! | (device.fileMode ?? 0o666) & 0o7777,
      major: device.major ?? 0,
      minor: device.minor ?? 0,
      uid: device.uid ?? 0,
      gid: device.gid ?? 0,
    }, origin),
  ];
}

/** Where no device can be made, the host's own is bound on a file. */
function boundNodeSteps(device: Device, path: string, origin: Origin, frame: Frame): Step[] {
  const { tree, target, root, hostRoot } = frame;
  return [
    step(
      { op: "open_tree", slot: tree, root: hostRoot, path: device.path, recursive: 0, resolve: 0 },
      origin,
    ),
    step({ op: "make_mountpoint", slot: target, root, path, like: tree, type: 0, mode: 0o644 }, origin),
    step({ op: "move_mount", mount: tree, target }, origin),
  ];
}

function linkSteps(request: CreateRequest, frame: Frame): Step[] {
  const { root } = frame;
  const origin: Origin = ["linux", "devices"];
  const steps = [
    step({ op: "unlink", root, path: PTMX }, origin, { tolerate: [ENOENT] }),
    step({ op: "symlink", root, path: PTMX, target: "pts/ptmx" }, origin, { tolerate: [EEXIST] }),
  ];
  for (const { path, target } of DEFAULT_LINKS) {
    if (target === "/proc/kcore" && !request.host.hasKcore) continue;
    steps.push(
      step({ op: "symlink", root, path: pathInRoot(path), target }, origin, { tolerate: [EEXIST] }),
    );
  }
  return steps;
}
