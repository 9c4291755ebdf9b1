import { ioError } from "../state/folder.ts";

/**
 * Write a pid file: decimal, no newline, under another name first and then renamed, so that a reader never sees half
 * of it. Its mode is left to the umask. Throws ContainerError naming `--pid-file`.
 */
export function writePidFile(path: string, pid: number): void {
  const slash = path.lastIndexOf("/");
  const temporary = `${path.slice(0, slash + 1)}.${path.slice(slash + 1)}`;
  let name = temporary;
  try {
    // No `mode`: Deno would set it whatever the umask is.
    Deno.writeTextFileSync(temporary, String(pid), { createNew: true });
    name = path;
    Deno.renameSync(temporary, path);
  } catch (error) {
    throw ioError(`--pid-file: open ${name}`, "", error);
  }
}
