/** A config.json to be changed by a test. */
// deno-lint-ignore no-explicit-any
export type Config = any;

let rootfsOfRun: string | undefined;

/** Where everything of this test run lies. Removed when the process ends. */
export function runFolder(): string {
  if (rootfsOfRun !== undefined) return rootfsOfRun;
  const folder = Deno.makeTempDirSync({ prefix: "dunc-test-" });
  Deno.chmodSync(folder, 0o755);
  rootfsOfRun = folder;
  globalThis.addEventListener("unload", () => {
    try {
      Deno.removeSync(folder, { recursive: true });
    } catch {
      // What a failed test left in it is told by the ledger.
    }
  });
  return folder;
}

/** A busybox root file system: one link an applet, passwd and group. */
export function makeRootfs(folder: string): void {
  for (const name of ["bin", "etc", "proc", "sys", "dev", "tmp", "root", "home/user"]) {
    Deno.mkdirSync(`${folder}/${name}`, { recursive: true });
  }
  const busybox = ["/bin/busybox", "/usr/bin/busybox"].find(exists);
  if (busybox === undefined) throw new Error("busybox-static is not installed");
  Deno.copyFileSync(busybox, `${folder}/bin/busybox`);
  Deno.chmodSync(`${folder}/bin/busybox`, 0o755);
  const { stdout } = new Deno.Command(busybox, { args: ["--list"] }).outputSync();
  for (const applet of new TextDecoder().decode(stdout).trim().split("\n")) {
    if (applet !== "busybox") Deno.symlinkSync("busybox", `${folder}/bin/${applet}`);
  }
  Deno.writeTextFileSync(
    `${folder}/etc/passwd`,
    "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n",
  );
  Deno.writeTextFileSync(`${folder}/etc/group`, "root:x:0:\nuser:x:1000:\n");
  Deno.chmodSync(`${folder}/tmp`, 0o1777);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
