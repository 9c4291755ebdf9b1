import { pauseContainer } from "../container/pause.ts";
import type { Call } from "./table.ts";

export function run({ args, runtime }: Call): number {
  pauseContainer(runtime, args[0]!);
  return 0;
}
