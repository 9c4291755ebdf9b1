import { readLayout } from "../cgroup/read_layout.ts";
import { makeHostRootfs } from "../container/host_rootfs.ts";
import { ContainerError } from "../errors.ts";
import { defaultSpecText } from "../spec/defaults.ts";
import { ioError } from "../state/folder.ts";
import { absolute } from "./runtime.ts";
import type { Call } from "./table.ts";

export function run({ flags }: Call): number {
  const bundle = absolute(flags.string("bundle") || ".");
  const path = `${bundle}/config.json`;
  if (exists(path)) throw new ContainerError("File config.json exists. Remove it first");
  const rootless = flags.bool("rootless") ? { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0 } : undefined;
  const bound = flags.bool("from-host") ? makeHostRootfs(`${bundle}/rootfs`) : [];
  const text = defaultSpecText({ cgroup2: readLayout().mode === "v2", rootless, bound });
  try {
    // No `mode`: Deno would set it whatever the umask is.
    Deno.writeTextFileSync(path, text, { createNew: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw ioError(`chdir ${bundle}`, "", error);
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new ContainerError("File config.json exists. Remove it first");
    }
    throw ioError("write config.json", path, error);
  }
  return 0;
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
