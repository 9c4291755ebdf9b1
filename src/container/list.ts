import { ContainerError } from "../errors.ts";
import { userName } from "../host/user_name.ts";
import { folderOf, listIds } from "../state/folder.ts";
import { lookAtContainer, stateDocument } from "./container.ts";
import type { Runtime, StateDocument } from "./options.ts";

/** What `list` found: the containers, sorted by id, and one line for each folder that could not be read. */
export interface Listing {
  readonly containers: readonly StateDocument[];
  readonly failures: readonly string[];
}

/**
 * `list`. A root folder that does not exist is empty when it is the default one, and an error when it was named.
 * A container that is deleted meanwhile is passed over.
 */
export function listContainers(runtime: Runtime): Listing {
  const ids = listIds(runtime.root);
  if (ids === undefined && runtime.rootIsExplicit) {
    throw new ContainerError("list containers", { place: runtime.root, errno: "ENOENT" });
  }
  const containers: StateDocument[] = [];
  const failures: string[] = [];
  for (const id of ids ?? []) {
    try {
      const uid = Deno.lstatSync(folderOf(runtime.root, id).path).uid ?? 0;
      containers.push(stateDocument(lookAtContainer(runtime, id), userName(uid)));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue;
      failures.push(`load container ${id}: ${error instanceof Error ? error.message : error}`);
    }
  }
  return { containers, failures };
}
