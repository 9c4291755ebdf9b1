import type { Runtime } from "../container/options.ts";
import { ContainerError } from "../errors.ts";
import { folderOf, loadRecord } from "../state/folder.ts";

/** With the systemd driver, where this container was made with it, whatever the flags say. */
export async function withDriverOf(runtime: Runtime, id: string): Promise<Runtime> {
  if (runtime.systemd !== undefined || !isSystemds(runtime, id)) return runtime;
  return { ...runtime, systemd: await import("../container/systemd.ts") };
}

/** A record that cannot be read is told of by the verb. */
function isSystemds({ root }: Runtime, id: string): boolean {
  try {
    return loadRecord(folderOf(root, id)).systemd !== undefined;
  } catch (error) {
    if (error instanceof ContainerError) return false;
    throw error;
  }
}
