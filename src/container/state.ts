import { lookAtContainer, stateDocument } from "./container.ts";
import type { Runtime, StateDocument } from "./options.ts";

/** `state`: what is known of a container. Throws ContainerError `container does not exist`. */
export function containerState(runtime: Runtime, id: string): StateDocument {
  return stateDocument(lookAtContainer(runtime, id), "");
}
