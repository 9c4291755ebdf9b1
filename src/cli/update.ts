import { resourcesOfFlags, UPDATE_FLAGS } from "../cgroup/update_flags.ts";
import { updateContainer } from "../container/update.ts";
import { parseResources } from "../spec/parse.ts";
import type { Resources } from "../spec/schema.ts";
import { ioError } from "../state/folder.ts";
import { withDriverOf } from "./driver.ts";
import { absolute } from "./runtime.ts";
import type { Call, FlagValues } from "./table.ts";

export async function run({ args, flags, runtime }: Call): Promise<number> {
  const id = args[0]!;
  updateContainer(await withDriverOf(runtime, id), id, wantedResources(flags), {
    l3CacheSchema: flags.string("l3-cache-schema") ?? "",
    memBwSchema: flags.string("mem-bw-schema") ?? "",
  });
  return 0;
}

function wantedResources(flags: FlagValues): Resources {
  const file = flags.string("resources");
  if (file !== undefined && file !== "") return parseResources(readDocument(file));
  const values: Record<string, string> = {};
  for (const name of Object.keys(UPDATE_FLAGS)) {
    const text = flags.string(name);
    if (text !== undefined) values[name] = text;
  }
  return resourcesOfFlags(values);
}

function readDocument(file: string): string {
  try {
    return Deno.readTextFileSync(file === "-" ? "/proc/self/fd/0" : absolute(file));
  } catch (error) {
    throw ioError(`--resources: open ${file}`, "", error);
  }
}
