import { ContainerError, errnoName } from "../src/errors.ts";
import { cString } from "./memory.ts";
import { checked, close, pollAny, sendDescriptor, syscall, syscallBuffer } from "./stub.ts";

const [AF_UNIX, SOCK_DGRAM_CLOEXEC] = [1, 2 | 0o2000000];

/** Largest message that is read; systemd's own limit for sd_notify(3). */
const MESSAGE_BYTES = 4096;

/**
 * Bind a datagram socket to a new name in a folder. The folder may have a path of any length: it is opened, and named
 * by its descriptor (unix(7): sun_path has 108 bytes). Throws ContainerError with the path.
 */
export function bindDatagram(folder: string, name: string): number {
  const operation = `bind ${folder}/${name}`;
  const O_PATH_DIRECTORY_CLOEXEC = 0o10000000 | 0o200000 | 0o2000000;
  const AT_FDCWD = -100;
  const directory = syscallBuffer(2, "openat", cString(folder), AT_FDCWD, O_PATH_DIRECTORY_CLOEXEC);
  checked(directory, operation);
  const fd = newSocket(operation);
  const address = addressOf(`/proc/self/fd/${directory}/${name}`);
  const rc = syscallBuffer(2, "bind", address, fd, address.length);
  close(directory);
  return orClose(fd, rc, operation);
}

/** Connect to a datagram socket: a path, or `@name` in the abstract namespace. Throws ContainerError with the path. */
export function connectDatagram(path: string): number {
  const operation = `connect to ${path}`;
  const address = addressOf(path);
  if (address.length > 110) throw new ContainerError(operation, { errno: "ENAMETOOLONG" });
  const fd = newSocket(operation);
  return orClose(fd, syscallBuffer(2, "connect", address, fd, address.length), operation);
}

/** The next message, as text; empty where there is none after all. */
export function readDatagram(fd: number): string {
  const bytes = new Uint8Array(MESSAGE_BYTES);
  const MSG_DONTWAIT = 0x40;
  const size = syscallBuffer(2, "recvfrom", bytes, fd, bytes.length, MSG_DONTWAIT);
  return size <= 0 ? "" : new TextDecoder().decode(bytes.subarray(0, size));
}

export function sendDatagram(fd: number, text: string): void {
  const bytes = new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;
  const MSG_NOSIGNAL = 0x4000;
  checked(syscallBuffer(2, "sendto", bytes, fd, bytes.length, MSG_NOSIGNAL), `send ${JSON.stringify(text)}`);
}

/**
 * Send a message with the end of a pipe, and wait until the receiver has closed it (sd_notify_barrier(3)). False when
 * it has not after `timeoutMs`.
 */
export function sendBarrier(fd: number, text: string, timeoutMs: number): boolean {
  const pair = new Int32Array(2);
  const O_CLOEXEC = 0o2000000;
  checked(syscallBuffer(1, "pipe2", new Uint8Array(pair.buffer), O_CLOEXEC), "pipe");
  const [read, write] = pair as unknown as [number, number];
  try {
    try {
      sendDescriptor(fd, text, write);
    } finally {
      close(write);
    }
    return pollAny([{ fd: read, events: 0 }], timeoutMs);
  } finally {
    close(read);
  }
}

function newSocket(operation: string): number {
  return checked(syscall("socket", AF_UNIX, SOCK_DGRAM_CLOEXEC), operation);
}

function orClose(fd: number, rc: number, operation: string): number {
  if (rc >= 0) return fd;
  close(fd);
  throw new ContainerError(operation, { errno: errnoName(-rc) });
}

/** sockaddr_un. An abstract name has its length and no end. */
function addressOf(path: string): Uint8Array<ArrayBuffer> {
  const name = path.startsWith("@") ? new TextEncoder().encode(`\0${path.slice(1)}`) : cString(path);
  const address = new Uint8Array(2 + name.length);
  address.set([AF_UNIX, 0]);
  address.set(name, 2);
  return address;
}
