import { ioError } from "../state/folder.ts";

/**
 * Write a pid file: decimal, no newline, under another name first and then renamed, so that a reader never sees half
 * of it. Throws ContainerError naming `--pid-file`.
 */
export function writePidFile(path: string, pid: number): void {
  const slash = path.lastIndexOf("/");
  const temporary = `${path.slice(0, slash + 1)}.${path.slice(slash + 1)}`;
  try {
    Deno.writeTextFileSync(temporary, String(pid), { createNew: true, mode: 0o666 });
    Deno.renameSync(temporary, path);
  } catch (error) {
    throw ioError("write --pid-file", path, error);
  }
}
