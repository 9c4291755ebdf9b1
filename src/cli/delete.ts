import { deleteContainer } from "../container/delete.ts";
import type { Call } from "./table.ts";

export function run({ args, flags, runtime }: Call): number {
  deleteContainer(runtime, args[0]!, flags.bool("force"));
  return 0;
}
