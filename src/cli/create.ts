import { createContainer } from "../container/create.ts";
import { creationOptions } from "./creation.ts";
import type { Call } from "./table.ts";

export function run({ args, flags, runtime }: Call): number {
  createContainer(runtime, creationOptions(args[0]!, flags));
  return 0;
}
