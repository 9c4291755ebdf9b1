import { startContainer } from "../container/start.ts";
import type { Call } from "./table.ts";

export function run({ args, runtime }: Call): number {
  startContainer(runtime, args[0]!);
  return 0;
}
