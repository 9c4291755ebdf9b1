import { resumeContainer } from "../container/pause.ts";
import type { Call } from "./table.ts";

export function run({ args, runtime }: Call): number {
  resumeContainer(runtime, args[0]!);
  return 0;
}
