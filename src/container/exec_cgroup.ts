import { readIfThere } from "../cgroup/files.ts";
import { ownDirectory, parseMembership } from "../cgroup/layout.ts";
import { joinFiles, v2Directory } from "../cgroup/paths.ts";
import { readLayout } from "../cgroup/read_layout.ts";
import { ContainerError } from "../errors.ts";
import { type Container, processOf } from "./container.ts";

/** How a process of `exec` gets into the container's cgroups. */
export interface ExecCgroup {
  readonly joinFiles: readonly string[];
  readonly cgroupDirectory?: string | undefined;
  /**
   * The group below the container's unit, "" for its own, that the user's systemd must move the process into, because
   * we may not.
   */
  readonly attached?: string | undefined;
}

/**
 * The groups that a process of `exec` joins: the container's own, or those below them that `--cgroup
 * [controller,…:]PATH` names. On v2 a container may have given its own group's controllers to groups below it: no
 * process can enter it then, and the process joins the first one of the container where that is (as in runc).
 *
 * Throws ContainerError `bad sub cgroup path`, `unknown controller X` and `error adding pid to cgroups`, in runc's words.
 */
export function execCgroup(container: Container, wanted: readonly string[]): ExecCgroup {
  const { record } = container;
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
  const meant = v2Directory(paths);
  const directory = wanted.length > 0 || meant === undefined
    ? meant
    : enterable(meant, processOf(container).pid);
  if (record.systemd?.user === true && directory !== undefined && !mayEnter(directory)) {
    return { joinFiles: [], attached: directory.slice(v2Directory(record.cgroupPaths)!.length) };
  }
  return { joinFiles: joinFiles(paths), cgroupDirectory: directory };
}

/**
 * A v2 group, or that of a process when the group takes none: cgroups(7), "no internal processes". The process is in a
 * group below it by then.
 */
function enterable(directory: string, pid: number): string {
  if ((readIfThere(`${directory}/cgroup.subtree_control`) ?? "").trim() === "") return directory;
  const path = parseMembership(readIfThere(`/proc/${pid}/cgroup`) ?? "").get("");
  const { unified } = readLayout();
  const group = path === undefined || unified === undefined
    ? undefined
    : ownDirectory({ ...unified, own: path });
  // Threads may be below a group that has processes.
  if (group === undefined || readIfThere(`${group}/cgroup.type`)?.trim() === "threaded") return directory;
  return group;
}

/** Whether we may move a process of ours into a v2 group: who does writes to the common ancestor (cgroups(7)). */
function mayEnter(directory: string): boolean {
  const { unified } = readLayout();
  const own = unified === undefined ? undefined : ownDirectory(unified);
  if (own === undefined) return false;
  const ancestor = commonPath(own, directory);
  try {
    Deno.openSync(`${ancestor}/cgroup.procs`, { write: true }).close();
    return true;
  } catch {
    return false;
  }
}

/** The deepest directory that two paths share: `/a/b`, `/a/c/d` → `/a`. */
export function commonPath(one: string, other: string): string {
  const [a, b] = [one.split("/"), other.split("/")];
  const differs = a.findIndex((part, index) => part !== b[index]);
  return (differs < 0 ? a : a.slice(0, differs)).join("/");
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
