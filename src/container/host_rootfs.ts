import { ContainerError } from "../errors.ts";
import { ioError } from "../state/folder.ts";

/** What of a host its programs need: directories, or on a host with a merged /usr links into it. */
const ENTRIES = ["usr", "etc", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/** Empty directories that programs expect. */
const EMPTY = ["tmp", "var", "run", "root", "home"];

/**
 * Make the skeleton of a root file system that shows the host's programs: links as the host has them, and a mountpoint
 * for each directory that is to be bound. Returns those directories, as absolute paths.
 *
 * Throws ContainerError where something stands at the path already, or it cannot be written to.
 */
export function makeHostRootfs(rootfs: string): string[] {
  const bound: string[] = [];
  try {
    Deno.mkdirSync(rootfs, { mode: 0o755 });
    for (const name of ENTRIES) {
      const info = lstat(`/${name}`);
      if (info?.isSymlink) Deno.symlinkSync(Deno.readLinkSync(`/${name}`), `${rootfs}/${name}`);
      if (!info?.isDirectory) continue;
      Deno.mkdirSync(`${rootfs}/${name}`, { mode: 0o755 });
      bound.push(`/${name}`);
    }
    for (const name of EMPTY) Deno.mkdirSync(`${rootfs}/${name}`, { mode: name === "tmp" ? 0o1777 : 0o755 });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new ContainerError("make the root file system", {
        place: rootfs,
        errno: "EEXIST",
        hint: "leave --from-host out to use it as it is",
      });
    }
    throw ioError("make the root file system", rootfs, error);
  }
  return bound;
}

function lstat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch {
    return undefined;
  }
}
