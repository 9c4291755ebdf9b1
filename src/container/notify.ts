import {
  bindDatagram,
  connectDatagram,
  readDatagram,
  sendBarrier,
  sendDatagram,
} from "../../ffi/datagram.ts";
import { close, pollAny } from "../../ffi/stub.ts";
import { ContainerError } from "../errors.ts";
import type { Spec } from "../spec/schema.ts";
import type { Folder } from "../state/folder.ts";

/** Where a container finds the folder of its socket, and what the socket is called in it (runc's names). */
const INSIDE = "/run/notify";
const NAME = "notify.sock";

const BARRIER_MS = 30_000;

/** The service manager's socket (sd_notify(3)), if we were started by one that wants to be told. */
export function notifyTarget(): string | undefined {
  return Deno.env.get("NOTIFY_SOCKET") || undefined;
}

const folderOf = ({ path }: Folder): string => `${path}/notify`;

/** A container that is to tell of its readiness: the folder of the socket is mounted, and named in its environment. */
export function withNotify(spec: Spec, folder: Folder): Spec {
  if (notifyTarget() === undefined) return spec;
  const mount = {
    destination: INSIDE,
    source: folderOf(folder),
    options: ["bind", "nosuid", "noexec", "nodev", "ro"],
  };
  const env = [...spec.process?.env ?? [], `NOTIFY_SOCKET=${INSIDE}/${NAME}`];
  return { ...spec, mounts: [...spec.mounts ?? [], mount], process: { ...spec.process, env } };
}

/** Whether a container was made so: its state folder has a folder that no kept plan takes away. */
export function isNotifying({ mounts }: Spec): boolean {
  return mounts?.some(({ destination, source }) =>
    destination === INSIDE && source?.endsWith("/notify") === true
  ) === true;
}

/** Make the folder that is mounted, before the container is. */
export function makeNotifyFolder(folder: Folder): void {
  if (notifyTarget() === undefined) return;
  Deno.mkdirSync(folderOf(folder));
  // A process of any user in the container must come to the socket, whatever our umask is.
  Deno.chmodSync(folderOf(folder), 0o755);
}

/** A container's socket, whose READY goes on to the service manager. */
export class NotifySocket {
  private constructor(readonly fd: number, private readonly target: string) {}

  /**
   * Bind the socket of a container that is about to start; undefined where nobody wants to be told.
   *
   * Throws ContainerError: the container was made without a socket, or has one already.
   */
  static bind(folder: Folder): NotifySocket | undefined {
    const target = notifyTarget();
    if (target === undefined) return undefined;
    try {
      const fd = bindDatagram(folderOf(folder), NAME);
      // Any user of the container may send.
      Deno.chmodSync(`${folderOf(folder)}/${NAME}`, 0o777);
      return new NotifySocket(fd, target);
    } catch (error) {
      throw error instanceof ContainerError ? error.within("NOTIFY_SOCKET") : error;
    }
  }

  /**
   * Read what the container has sent. True when it was READY: that line goes on, then which process is the main one,
   * and the service manager's acknowledgement is awaited. Everything else is dropped, as in runc.
   */
  forward(mainPid: number): boolean {
    const message = readDatagram(this.fd);
    const ready = message.startsWith("READY=") ? message.split("\n", 1)[0] : undefined;
    if (ready === undefined) return false;
    const client = connectDatagram(this.target);
    try {
      sendDatagram(client, `${ready}\n`);
      sendDatagram(client, `MAINPID=${mainPid}\n`);
      if (!sendBarrier(client, "BARRIER=1", BARRIER_MS)) {
        throw new ContainerError("NOTIFY_SOCKET: wait for BARRIER=1", { errno: "ETIMEDOUT" });
      }
    } finally {
      close(client);
    }
    return true;
  }

  /** Wait until the container is ready, and pass it on, or until its process has ended. */
  wait(pidfd: number, pid: number): void {
    const POLLIN = 1;
    for (;;) {
      pollAny([{ fd: this.fd, events: POLLIN }, { fd: pidfd, events: POLLIN }], -1);
      // The last word of a process that has ended counts.
      if (this.forward(pid) || pollAny([{ fd: pidfd, events: POLLIN }], 0)) return;
    }
  }

  close(): void {
    close(this.fd);
  }
}
