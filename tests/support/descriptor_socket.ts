import { check, errno, libc } from "./libc.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_CMSG_CLOEXEC = 0x40000000;

/** What came through a socket: the bytes as text, and descriptors. */
export interface Received {
  readonly text: string;
  readonly descriptors: readonly number[];
  /** Length of all control data, in bytes: clients have room for one descriptor and nothing else. */
  readonly controlLength: number;
}

/** The listening side of --console-socket and --pidfd-socket, as containerd's shim and conmon have it (unix(7)). */
export class DescriptorSocket {
  readonly #fd: number;

  constructor(readonly path: string) {
    this.#fd = bound(path, SOCK_STREAM);
    check(libc().listen(this.#fd, 4), "listen");
  }

  /** Take the message of whoever has connected already. Throws when nobody has: the runtime must not wait for us. */
  receive(): Received {
    const connection = check(libc().accept4(this.#fd, null, null, SOCK_CLOEXEC), "accept");
    try {
      return receiveFrom(connection);
    } finally {
      libc().close(connection);
    }
  }

  close(): void {
    libc().close(this.#fd);
    Deno.removeSync(this.path);
  }
}

/** A service manager's socket for readiness (sd_notify(3)). */
export class NotifyListener {
  readonly #fd: number;

  constructor(readonly path: string) {
    this.#fd = bound(path, SOCK_DGRAM);
  }

  /** The next message; undefined when there is none yet. */
  receive(): Received | undefined {
    const EAGAIN = 11;
    try {
      return receiveFrom(this.#fd);
    } catch (error) {
      if (errno() === EAGAIN) return undefined;
      throw error;
    }
  }

  close(): void {
    libc().close(this.#fd);
    Deno.removeSync(this.path);
  }
}

function bound(path: string, type: number): number {
  const fd = check(libc().socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
  const address = new Uint8Array(110);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  const name = new TextEncoder().encode(path);
  if (name.length > 107) throw new Error(`${path} is too long for a socket`);
  address.set(name, 2);
  check(libc().bind(fd, address, address.length), `bind ${path}`);
  return fd;
}

function receiveFrom(connection: number): Received {
  const bytes = new Uint8Array(4096);
  const control = new Uint8Array(256);
  const vector = new BigUint64Array([address(bytes), BigInt(bytes.length)]);
  // struct msghdr: name, its length, iovec, their count, control, its length, flags
  const header = new BigUint64Array([
    0n,
    0n,
    address(vector),
    1n,
    address(control),
    BigInt(control.length),
    0n,
  ]);
  const size = check(
    libc().recvmsg(connection, new Uint8Array(header.buffer), MSG_CMSG_CLOEXEC),
    "recvmsg",
  );
  const controlLength = Number(header[5]);
  return {
    text: new TextDecoder().decode(bytes.subarray(0, size)),
    descriptors: controlLength === 0 ? [] : descriptorsIn(new DataView(control.buffer)),
    controlLength,
  };
}

/** The descriptors of the first control message: struct cmsghdr, then ints. */
function descriptorsIn(control: DataView): number[] {
  const length = Number(control.getBigUint64(0, true));
  if (control.getInt32(8, true) !== SOL_SOCKET || control.getInt32(12, true) !== SCM_RIGHTS) return [];
  return Array.from({ length: (length - 16) / 4 }, (_, index) => control.getInt32(16 + 4 * index, true));
}

const address = (bytes: Uint8Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>): bigint =>
  Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
