import { joinFiles, v2Directory } from "../cgroup/paths.ts";
import { ContainerError } from "../errors.ts";
import type { Container } from "./container.ts";

/** How a process of `exec` gets into the container's cgroups. */
export interface ExecCgroup {
  readonly joinFiles: readonly string[];
  readonly cgroupDirectory?: string | undefined;
}

/**
 * The groups that a process of `exec` joins: the container's own, or those below them that `--cgroup
 * [controller,…:]PATH` names.
 *
 * Throws ContainerError `bad sub cgroup path`, `unknown controller X` and `error adding pid to cgroups`, in runc's words.
 */
export function execCgroup({ record }: Container, wanted: readonly string[]): ExecCgroup {
  const paths = { ...record.cgroupPaths };
  for (const entry of wanted) {
    const colon = entry.indexOf(":");
    const controllers = colon < 0 ? Object.keys(paths) : entry.slice(0, colon).split(",");
    for (const controller of controllers) {
      if (paths[controller] === undefined) {
        throw new ContainerError(`unknown controller ${controller} in --cgroup`, { place: entry });
      }
      const group = subGroup(record.cgroupPaths[controller]!, entry.slice(colon + 1));
      checkThere(group);
      paths[controller] = group;
    }
  }
  return { joinFiles: joinFiles(paths), cgroupDirectory: v2Directory(paths) };
}

function subGroup(base: string, path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) {
    throw new ContainerError("bad sub cgroup path", {
      place: "--cgroup",
      reason: `${path} is not a sub cgroup path`,
    });
  }
  return [base, ...parts].join("/");
}

/** Said here, before there is a process: the plan would only know that some file of its could not be opened. */
function checkThere(group: string): void {
  const place = `${group}/cgroup.procs`;
  try {
    Deno.statSync(place);
  } catch (error) {
    throw new ContainerError("error adding pid to cgroups", {
      place,
      errno: (error as { code?: string }).code,
    });
  }
}
