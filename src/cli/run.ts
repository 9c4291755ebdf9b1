import { runContainer } from "../container/run.ts";
import { creationOptions } from "./creation.ts";
import type { Call } from "./table.ts";

export function run({ args, flags, runtime }: Call): number {
  return runContainer(runtime, {
    ...creationOptions(args[0]!, flags),
    detach: flags.bool("detach"),
    keep: flags.bool("keep"),
    noSubreaper: flags.bool("no-subreaper"),
  });
}
