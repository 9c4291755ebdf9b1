import { catchSignals, close, relayUnless, setSubreaper } from "../../ffi/stub.ts";
import { readOomKills } from "../cgroup/oom.ts";
import type { CgroupPaths } from "../cgroup/paths.ts";
import { ContainerError } from "../errors.ts";
import { type Created, launch } from "./create.ts";
import { destroy } from "./delete.ts";
import { keepCreation } from "./kept_creation.ts";
import { NotifySocket } from "./notify.ts";
import type { RunOptions, Runtime } from "./options.ts";
import { type Preparation, prepare } from "./prepare.ts";
import { poststart } from "./start.ts";

/** 128 + SIGKILL. */
const KILLED = 137;

/**
 * `run`: make a container and start it at once, without a barrier. In the foreground it forwards signals, waits,
 * and takes the container away (unless `keep`); detached it returns when the program has been executed.
 *
 * Returns the exit code: the program's, 128 + N for signal N, 0 when detached. Throws as `create` does.
 */
export function runContainer(runtime: Runtime, options: RunOptions): number {
  return runPrepared(runtime, options, prepare(runtime, options, { barrier: false, detach: options.detach }));
}

/** `run` from where everything is decided. */
export function runPrepared(runtime: Runtime, options: RunOptions, prepared: Preparation): number {
  if (!options.detach) {
    // Before the container is made: its orphans and the signals for it must not be missed.
    if (!options.noSubreaper) setSubreaper();
    catchSignals();
  }
  let notify: NotifySocket | undefined;
  const created = launch(runtime, options, prepared, (folder) => notify = NotifySocket.bind(folder));
  const container = { ...created, status: "running" } as const;
  try {
    poststart(runtime, container);
    keepCreation(runtime, options, prepared, created.record);
    if (options.detach) {
      warning(runtime, () => notify?.wait(created.pidfd, created.pid));
      return 0;
    }
    const code = foreground(runtime, created, notify);
    if (code === KILLED) tellOfOom(runtime, created.record.cgroupPaths);
    if (!options.keep) destroy(runtime, { ...container, status: "stopped" });
    return code;
  } finally {
    notify?.close();
    close(created.pidfd);
    if (created.master !== undefined) close(created.master);
  }
}

/** Relay until the end, and pass on meanwhile that the container is ready: the service manager watches us then. */
function foreground(
  runtime: Runtime,
  { pidfd, pid, master }: Created,
  notify: NotifySocket | undefined,
): number {
  let waiting = notify !== undefined;
  for (;;) {
    const code = relayUnless(pidfd, pid, master, waiting ? notify!.fd : -1);
    // Its last word may lie there still.
    if (waiting && code !== undefined) warning(runtime, () => notify!.forward(Deno.pid));
    if (code !== undefined) return code;
    warning(runtime, () => waiting = !notify!.forward(Deno.pid), () => waiting = false);
  }
}

/** Readiness that cannot be told is no reason to end a container that runs. */
function warning(runtime: Runtime, action: () => void, otherwise?: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof ContainerError)) throw error;
    runtime.log.warn(error.message);
    otherwise?.();
  }
}

/** Who sees a container die wants to know that it was the kernel, and which limit to raise. */
function tellOfOom({ log }: Runtime, paths: CgroupPaths): void {
  const kills = readOomKills(paths) ?? 0n;
  if (kills > 0n) {
    const processes = `${kills} process${kills === 1n ? "" : "es"}`;
    log.warn(
      `container was OOM-killed (memory limit too low?): linux.resources.memory.limit: ${processes} killed`,
    );
  }
}
