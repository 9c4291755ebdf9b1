// Pure: no I/O in this file.
import { ContainerError } from "../errors.ts";
import type { CgroupLayout } from "./layout.ts";
import type { CgroupPaths } from "./paths.ts";

/** The unit that systemd makes for a container. */
export interface SystemdUnit {
  /** `system.slice`, or what cgroupsPath names. */
  readonly slice: string;
  /** `runc-ID.scope`, or a slice's own name. */
  readonly name: string;
}

/**
 * Parse the cgroupsPath of the systemd driver, `slice:prefix:name`. Unset is `:runc:ID`; an empty slice is
 * system.slice, or user.slice for the user's own manager. A name that ends in `.slice` is a unit as it is.
 *
 * @throws ContainerError, in runc's words, for any other form
 */
export function systemdUnit(cgroupsPath: string | undefined, id: string, userManager: boolean): SystemdUnit {
  const path = cgroupsPath === undefined || cgroupsPath === "" ? `:runc:${id}` : cgroupsPath;
  const [slice, prefix, name, ...more] = path.split(":");
  if (slice === undefined || prefix === undefined || name === undefined || more.length > 0) {
    throw new ContainerError(
      `expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got ${
        JSON.stringify(path)
      } ` +
        "instead",
      { place: "linux.cgroupsPath" },
    );
  }
  const unit = {
    slice: slice === "" ? (userManager ? "user.slice" : "system.slice") : slice,
    name: name.endsWith(".slice") ? name : `${prefix}-${name}.scope`,
  };
  slicePath(unit.slice);
  // What systemd calls a valid unit name (systemd.unit(5)), of which a slash would leave the slice.
  if (!/^[A-Za-z0-9:_.\\@-]{1,255}$/.test(unit.name)) {
    throw new ContainerError(`invalid unit name: ${unit.name}`, { place: "linux.cgroupsPath" });
  }
  return unit;
}

/**
 * The directories of a slice: `a-b.slice` → `/a.slice/a-b.slice`; `-.slice` is the root, "".
 * @throws ContainerError `invalid slice name: …`
 */
export function slicePath(slice: string): string {
  const invalid = () => new ContainerError(`invalid slice name: ${slice}`, { place: "linux.cgroupsPath" });
  if (!slice.endsWith(".slice") || /[\/\0\n]/.test(slice)) throw invalid();
  const stem = slice.slice(0, -".slice".length);
  if (stem === "-") return "";
  let path = "";
  let prefix = "";
  for (const part of stem.split("-")) {
    if (part === "") throw invalid();
    prefix += prefix === "" ? part : `-${part}`;
    path += `/${prefix}.slice`;
  }
  return path;
}

/**
 * Where systemd puts a unit.
 *
 * @param managerGroup the ControlGroup property of the manager that is asked: "" for the system's,
 *   `/user.slice/user-1000.slice/user@1000.service` for a user's. On v1, pid 1's group stands for it.
 * @param init pid 1's groups (parseMembership() of /proc/1/cgroup); looked at on v1 only
 */
export function systemdPaths(
  layout: CgroupLayout,
  unit: SystemdUnit,
  managerGroup: string,
  init: ReadonlyMap<string, string>,
): CgroupPaths {
  const inner = `${slicePath(unit.slice)}/${unit.name}`;
  if (layout.mode === "v2") {
    return { "": layout.unified!.mountpoint + managerGroup.replace(/\/$/, "") + inner };
  }
  const paths: Record<string, string> = {};
  for (const { controllers, mountpoint } of layout.hierarchies) {
    for (const controller of controllers) {
      // From systemd 226 on, pid 1 itself is not in its root group but in init.scope below it.
      const base = (init.get(controller) ?? "/").replace(/\/(init\.scope)?$/, "");
      paths[controller] = mountpoint + base + inner;
    }
  }
  if (layout.unified !== undefined) {
    const base = (init.get("") ?? "/").replace(/\/(init\.scope)?$/, "");
    paths[""] = layout.unified.mountpoint + base + inner;
  }
  return paths;
}
