/** A directory of the host with what attacks are after. Everybody may write to it: only dunc keeps them from it. */
export class Canary {
  readonly #before: readonly string[];

  constructor(readonly path: string) {
    Deno.mkdirSync(path);
    for (const name of ["ptmx", "null", "console", "passwd", "empty", "script"]) {
      Deno.writeTextFileSync(`${path}/${name}`, name === "empty" ? "" : `#!/bin/sh\n# ${name} ${MARK}\n`);
      Deno.chmodSync(`${path}/${name}`, name === "script" ? 0o4777 : 0o666);
    }
    Deno.mkdirSync(`${path}/folder`);
    for (const folder of [path, `${path}/folder`]) Deno.chmodSync(folder, 0o777);
    this.#before = fingerprint(path);
  }

  /** What has changed since it was made; empty when nothing has. */
  changes(): string[] {
    const now = fingerprint(this.path);
    return [
      ...this.#before.filter((row) => !now.includes(row)).map((row) => `was ${row}`),
      ...now.filter((row) => !this.#before.includes(row)).map((row) => `is ${row}`),
    ];
  }
}

/** Stands in every file of a canary: what shows it has read the host. */
export const MARK = "of the host";

/** Everything about a directory, and all below it, that somebody could have changed. */
function fingerprint(path: string): string[] {
  const { ino, mode, uid, gid, size, mtime, isFile, isDirectory, isSymlink } = Deno.lstatSync(path);
  const content = isFile ? Deno.readTextFileSync(path) : isSymlink ? Deno.readLinkSync(path) : "";
  const row = JSON.stringify({ path, ino, mode, uid, gid, size, mtime, content });
  const below = isDirectory ? [...Deno.readDirSync(path)].map(({ name }) => `${path}/${name}`).sort() : [];
  return [row, ...below.flatMap(fingerprint)];
}
