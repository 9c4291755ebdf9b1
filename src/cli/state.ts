import { containerState } from "../container/state.ts";
import type { Call } from "./table.ts";

/** Two blanks of indentation and no newline at the end, as runc prints it. */
export function run({ args, runtime, print }: Call): number {
  print(JSON.stringify(containerState(runtime, args[0]!), null, 2));
  return 0;
}
