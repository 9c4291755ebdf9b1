/**
 * The verbs of a container as functions: what the command line calls. All are synchronous.
 *
 * @module
 */
export { checkHost, type CheckResult } from "./container/check.ts";
export { createContainer } from "./container/create.ts";
export { deleteContainer } from "./container/delete.ts";
export { execContainer } from "./container/exec.ts";
export { featuresDocument } from "./container/features.ts";
export { killContainer } from "./container/kill.ts";
export { listContainers } from "./container/list.ts";
export type {
  CreateOptions,
  ExecOptions,
  Log,
  RunOptions,
  Runtime,
  StateDocument,
  Status,
} from "./container/options.ts";
export { pauseContainer, resumeContainer } from "./container/pause.ts";
export { containerPids } from "./container/pids.ts";
export { runContainer } from "./container/run.ts";
export { startContainer } from "./container/start.ts";
export { containerState } from "./container/state.ts";
/** The systemd driver: `systemd` of a Runtime, for containers that are made with it. */
export * as systemd from "./container/systemd.ts";
export { updateContainer } from "./container/update.ts";
export { ContainerError, SpecError } from "./errors.ts";
