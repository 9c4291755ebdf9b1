import { ContainerError, errnoName } from "../errors.ts";

/**
 * The errno of a failed `Deno.*Sync` file call, for example `EBUSY`. Deno's own `code` property knows only some
 * of them; the number at the end of its message is always there. Anything that is no system error is thrown on.
 */
export function errnoOf(error: unknown): string {
  const number = error instanceof Error ? /\(os error (\d+)\)/.exec(error.message)?.[1] : undefined;
  if (number === undefined) throw error;
  return errnoName(Number(number));
}

/**
 * The text of a kernel file, or undefined where there is no such file, its group is gone, or one of the other
 * errnos that the caller can do without comes back.
 */
export function readIfThere(path: string, ...without: readonly string[]): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENODEV" || errno === "ENOTDIR" || without.includes(errno)) {
      return undefined;
    }
    throw new ContainerError("read cgroup file", { place: path, errno });
  }
}

/**
 * Write to a kernel file that is there: without O_CREAT, which cgroup file systems answer with EACCES, so that a
 * file that is missing is ENOENT. Returns the errno, or undefined when the write went through.
 */
export function tryWrite(path: string, text: string): string | undefined {
  try {
    // Nothing at all would be no write(2) at all; the kernel takes an empty line for nothing.
    Deno.writeTextFileSync(path, text === "" ? "\n" : text, { create: false });
    return undefined;
  } catch (error) {
    return errnoOf(error);
  }
}

/** As tryWrite(), but a failure is thrown with the file's name. */
export function writeFile(path: string, text: string): void {
  const errno = tryWrite(path, text);
  if (errno !== undefined) throw new ContainerError("write cgroup file", { place: path, errno });
}

/** Names of the directories inside `path`; empty when it is gone. */
export function childDirectories(path: string): string[] {
  const names: string[] = [];
  try {
    for (const entry of Deno.readDirSync(path)) if (entry.isDirectory) names.push(entry.name);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== "ENOENT" && errno !== "ENODEV") {
      throw new ContainerError("list cgroup", { place: path, errno });
    }
  }
  return names;
}

/** Whether there is something at `path`. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENODEV" || errno === "ENOTDIR") return false;
    throw new ContainerError("look at cgroup", { place: path, errno });
  }
}
