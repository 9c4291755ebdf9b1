import { killContainer } from "../container/kill.ts";
import { ContainerError } from "../errors.ts";
import { signalNumber } from "../linux/signals.ts";
import type { Call } from "./table.ts";

export function run({ args, flags, runtime }: Call): number {
  const text = args[1] ?? "SIGTERM";
  // `kill ID -9` is a number too.
  const signal = signalNumber(text.replace(/^-(?=\d)/, ""));
  if (signal === undefined && /^-?\d+$/.test(text)) {
    throw new ContainerError("unable to signal init", { errno: "EINVAL" });
  }
  if (signal === undefined) throw new ContainerError(`unknown signal ${JSON.stringify(text)}`);
  killContainer(runtime, args[0]!, signal, flags.bool("all"));
  return 0;
}
