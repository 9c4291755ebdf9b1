import { defaultSpec } from "../../src/spec/defaults.ts";
import type { Spec } from "../../src/spec/schema.ts";
import { findProgram } from "./setting.ts";

/** A config.json that may be changed. A 64-bit number is a bigint; a plain number will do where it is exact. */
export type Config = Writable<Spec>;

type Writable<T> = T extends bigint ? bigint | number
  : T extends string | number | boolean | undefined ? T
  : T extends readonly (infer E)[] ? Writable<E>[]
  : { -readonly [K in keyof T]: Writable<T[K]> };

/** A bundle on the disk: `<path>/config.json` and `<path>/rootfs`. */
export interface Bundle {
  readonly path: string;
  readonly rootfs: string;
  readonly config: Config;
}

/** Make a bundle: busybox, passwd and group, and the default config.json without a terminal, as `change` makes it. */
export function makeBundle(path: string, change: (config: Config) => void = () => {}): Bundle {
  const config = defaultConfig();
  change(config);
  Deno.mkdirSync(path);
  const rootfs = `${path}/rootfs`;
  makeRootfs(rootfs);
  Deno.writeTextFileSync(`${path}/config.json`, configText(config));
  return { path, rootfs, config };
}

/** The document that `spec` writes, without a terminal. */
export function defaultConfig(): Config {
  const cgroup2 = exists("/sys/fs/cgroup/cgroup.controllers");
  const config = structuredClone(defaultSpec({ cgroup2 })) as Config;
  config.process!.terminal = false;
  return config;
}

/** JSON with whole numbers of any size. */
export function configText(config: Config): string {
  // TypeScript's library does not know JSON.rawJSON yet.
  const { rawJSON } = JSON as typeof JSON & { rawJSON(text: string): unknown };
  return JSON.stringify(
    config,
    (_, value) => typeof value === "bigint" ? rawJSON(value.toString()) : value,
    "\t",
  );
}

/** Write a bundle's config.json again after a change. */
export function rewrite(bundle: Bundle, change: (config: Config) => void): void {
  change(bundle.config);
  Deno.writeTextFileSync(`${bundle.path}/config.json`, configText(bundle.config));
}

let applets: readonly string[] | undefined;

/** A root file system of busybox: the binary, a link for each applet, and users. */
export function makeRootfs(rootfs: string): void {
  const busybox = findProgram("busybox");
  if (busybox === undefined) throw new Error("busybox is not installed (package busybox-static)");
  applets ??= new TextDecoder().decode(new Deno.Command(busybox, { args: ["--list"] }).outputSync().stdout)
    .split("\n").filter((name) => name !== "" && name !== "busybox");
  for (const name of ["", "/bin", "/etc", "/proc", "/sys", "/dev", "/tmp", "/root", "/home", "/home/user"]) {
    Deno.mkdirSync(rootfs + name);
  }
  Deno.chmodSync(rootfs, 0o755);
  Deno.chmodSync(`${rootfs}/tmp`, 0o1777);
  Deno.copyFileSync(busybox, `${rootfs}/bin/busybox`);
  Deno.chmodSync(`${rootfs}/bin/busybox`, 0o755);
  for (const name of applets) Deno.symlinkSync("busybox", `${rootfs}/bin/${name}`);
  Deno.writeTextFileSync(
    `${rootfs}/etc/passwd`,
    "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n",
  );
  Deno.writeTextFileSync(`${rootfs}/etc/group`, "root:x:0:\nuser:x:1000:\n");
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
