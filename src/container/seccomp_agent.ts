import { close, connectUnix, sendDescriptor } from "../../ffi/stub.ts";
import { ContainerError } from "../errors.ts";
import type { Seccomp } from "../spec/schema.ts";
import { OCI_VERSION } from "../spec/version.ts";
import { hookState } from "./hooks.ts";
import type { Status } from "./options.ts";
import type { ContainerRecord } from "../state/record.ts";

/** Who gets the listener of a filter with SCMP_ACT_NOTIFY. */
export interface ListenerTaker {
  /** Called once, while the process `pid` waits right behind its filter. The descriptor stays the caller's. */
  take(listener: number, pid: number, container: ListenedContainer): void;
  close(): void;
}

/** A container as its agent is told of it. `pid` is its first process, which `exec` adds another one to. */
export interface ListenedContainer {
  readonly record: ContainerRecord;
  readonly status: Status;
  readonly pid: number;
}

/**
 * Connect to the agent of `linux.seccomp.listenerPath`; a relative path is the bundle's. Before anything is made, so
 * that nobody listening is an error without a trace.
 *
 * Throws ContainerError `failed to connect with seccomp agent …`.
 */
export function connectAgent({ listenerPath, listenerMetadata }: Seccomp, bundle: string): ListenerTaker {
  const path = listenerPath!.startsWith("/") ? listenerPath! : `${bundle}/${listenerPath}`;
  const place = `linux.seccomp.listenerPath (${path})`;
  const operation = "failed to connect with seccomp agent specified in the seccomp profile";
  const socket = connectUnix(path, operation, place);
  return {
    take(listener, pid, container) {
      const text = containerProcessState(pid, listenerMetadata ?? "", container);
      try {
        sendDescriptor(socket, text, listener);
      } catch (error) {
        const { errno } = (error as ContainerError).detail ?? {};
        throw new ContainerError("cannot send to the seccomp agent", { place, errno });
      }
    },
    close: () => close(socket),
  };
}

/** What an agent reads beside the descriptor (config-linux.md, "containerProcessState"). */
function containerProcessState(pid: number, metadata: string, container: ListenedContainer): string {
  const [head, tail] = hookState(container.record, container.status);
  const state = `${head}${container.pid}${tail}`;
  const document = JSON.stringify({
    ociVersion: OCI_VERSION,
    fds: ["seccompFd"],
    pid,
    ...(metadata === "" ? {} : { metadata }),
  });
  return `${document.slice(0, -1)},"state":${state}}`;
}
