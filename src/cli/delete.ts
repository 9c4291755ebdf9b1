import { deleteContainer } from "../container/delete.ts";
import { withDriverOf } from "./driver.ts";
import type { Call } from "./table.ts";

export async function run({ args, flags, runtime }: Call): Promise<number> {
  const id = args[0]!;
  deleteContainer(await withDriverOf(runtime, id), id, flags.bool("force"));
  return 0;
}
