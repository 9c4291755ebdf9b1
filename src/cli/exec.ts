import { execContainer } from "../container/exec.ts";
import { ContainerError } from "../errors.ts";
import { handedOver } from "./creation.ts";
import { withDriverOf } from "./driver.ts";
import { absolute } from "./runtime.ts";
import type { Call } from "./table.ts";

export async function run({ args, flags, runtime }: Call): Promise<number> {
  const processFile = flags.string("process");
  const id = args[0]!;
  // Only who may not move a process himself has the user's systemd do it.
  return execContainer(runtime.rootless ? await withDriverOf(runtime, id) : runtime, {
    id,
    processFile: processFile === undefined ? undefined : absolute(processFile),
    args: args.slice(1),
    cwd: flags.string("cwd"),
    env: flags.strings("env"),
    tty: flags.bool("tty"),
    user: flags.string("user"),
    additionalGids: flags.strings("additional-gids").map(groupOf),
    capabilities: flags.strings("cap"),
    noNewPrivileges: flags.bool("no-new-privs"),
    processLabel: flags.string("process-label"),
    apparmorProfile: flags.string("apparmor"),
    detach: flags.bool("detach"),
    cgroups: flags.strings("cgroup"),
    ignorePaused: flags.bool("ignore-paused"),
    ...handedOver(flags),
  });
}

function groupOf(text: string): number {
  if (!/^-?\d{1,10}$/.test(text)) {
    throw new ContainerError(`additional-gids must be a positive number ${text}`, {
      place: "--additional-gids",
    });
  }
  return Number(text);
}
