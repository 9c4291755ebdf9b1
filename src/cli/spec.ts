import { readLayout } from "../cgroup/read_layout.ts";
import { ContainerError } from "../errors.ts";
import { defaultSpecText } from "../spec/defaults.ts";
import { ioError } from "../state/folder.ts";
import { absolute } from "./runtime.ts";
import type { Call } from "./table.ts";

export function run({ flags }: Call): number {
  const path = `${absolute(flags.string("bundle") || ".")}/config.json`;
  const rootless = flags.bool("rootless") ? { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0 } : undefined;
  const text = defaultSpecText({ cgroup2: readLayout().mode === "v2", rootless });
  try {
    Deno.writeTextFileSync(path, text, { createNew: true, mode: 0o666 });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new ContainerError("File config.json exists. Remove it first");
    }
    throw ioError("write config.json", path, error);
  }
  return 0;
}
