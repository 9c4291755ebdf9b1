import { featuresDocument } from "../container/features.ts";
import type { Call } from "./table.ts";

export function run({ print }: Call): number {
  print(`${JSON.stringify(featuresDocument(), null, 4)}\n`);
  return 0;
}
