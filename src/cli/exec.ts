import { execContainer } from "../container/exec.ts";
import { handedOver } from "./creation.ts";
import { withDriverOf } from "./driver.ts";
import { absolute } from "./runtime.ts";
import type { Call, FlagValues } from "./table.ts";

export async function run({ args, flags, runtime }: Call): Promise<number> {
  const processFile = text(flags, "process");
  const id = args[0]!;
  // Only who may not move a process himself has the user's systemd do it.
  return execContainer(runtime.rootless ? await withDriverOf(runtime, id) : runtime, {
    id,
    processFile: processFile === undefined ? undefined : absolute(processFile),
    args: args.slice(1),
    cwd: text(flags, "cwd"),
    env: flags.strings("env"),
    tty: flags.bool("tty"),
    user: flags.string("user"),
    additionalGids: flags.strings("additional-gids").map(Number),
    capabilities: flags.strings("cap"),
    noNewPrivileges: flags.bool("no-new-privs"),
    processLabel: text(flags, "process-label"),
    apparmorProfile: text(flags, "apparmor"),
    detach: flags.bool("detach"),
    cgroups: flags.strings("cgroup"),
    ignorePaused: flags.bool("ignore-paused"),
    ...handedOver(flags),
  });
}

/** The value of a flag. An empty one counts as not given, as in runc; for `--user` it is an error (user.ts). */
const text = (flags: FlagValues, name: string): string | undefined => flags.string(name) || undefined;
