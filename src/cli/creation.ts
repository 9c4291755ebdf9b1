import type { CreateOptions } from "../container/options.ts";
import { ContainerError } from "../errors.ts";
import { absolute } from "./runtime.ts";
import type { FlagValues } from "./table.ts";

/** What `create`, `run` and `exec` hand over. Paths count from the caller's directory, before any other is entered. */
export function handedOver(flags: FlagValues): Pick<
  CreateOptions,
  "pidFile" | "consoleSocket" | "pidfdSocket" | "preserveFds"
> {
  const path = (name: string) => {
    const text = flags.string(name);
    return text === undefined || text === "" ? undefined : absolute(text);
  };
  const preserveFds = flags.int("preserve-fds") ?? 0;
  if (preserveFds < 0) throw new ContainerError("--preserve-fds", { reason: "must not be negative" });
  return {
    pidFile: path("pid-file"),
    consoleSocket: path("console-socket"),
    pidfdSocket: path("pidfd-socket"),
    preserveFds,
  };
}

/** The options that `create` and `run` share. */
export function creationOptions(id: string, flags: FlagValues): CreateOptions {
  return {
    id,
    bundle: absolute(flags.string("bundle") || "."),
    noPivot: flags.bool("no-pivot"),
    noNewKeyring: flags.bool("no-new-keyring"),
    ...handedOver(flags),
  };
}
