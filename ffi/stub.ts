import { ContainerError, errnoName } from "../src/errors.ts";
import { artefact } from "./artefacts.ts";
import { libraryMemfd } from "./libc.ts";
import { cString } from "./memory.ts";

const SYMBOLS = {
  // long dunc_call(int what, int a, int b, int c, int d, int e, void *p, void *q)
  dunc_call: { parameters: ["i32", "i32", "i32", "i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** What `dunc_call` does; below 5 a system call with the buffer as that argument, 0 for none (c/stub.c). */
const CALLS = {
  poll: 5,
  sealedMemfd: 6,
  spawn: 7,
  receive: 8,
  sendDescriptor: 9,
  run: 10,
  catchSignals: 11,
  relay: 12,
  attachDeviceProgram: 13,
  buildId: 14,
  prepareTerminal: 15,
  netlink: 16,
};

// System call numbers of x86_64 and aarch64 (asm/unistd.h).
const NUMBERS = {
  close: [3, 57],
  fcntl: [72, 25],
  read: [0, 63],
  eventfd2: [290, 19],
  fstat: [5, 80],
  umount2: [166, 39],
  openat: [257, 56],
  pread64: [17, 67],
  fgetxattr: [193, 10],
  open_tree: [428, 428],
  kill: [62, 129],
  socket: [41, 198],
  connect: [42, 203],
  recvfrom: [45, 207],
  bind: [49, 200],
  pipe2: [293, 59],
  sendto: [44, 206],
  socketpair: [53, 199],
  setsockopt: [54, 208],
  prctl: [157, 167],
  waitid: [247, 95],
  pidfd_send_signal: [424, 424],
  pidfd_open: [434, 434],
  pidfd_getfd: [438, 438],
} as const;

type Buffer = Uint8Array<ArrayBuffer> | null;
type Call = Deno.StaticForeignLibraryInterface<typeof SYMBOLS>["dunc_call"];

let opened: Call | undefined;

/** libdunc.so, loaded on first use from a sealed memfd: no file that somebody else could write is ever mapped. */
function stub(): Call {
  if (opened === undefined) {
    const memfd = libraryMemfd("libdunc.so", artefact("libdunc.so"));
    const call = Deno.dlopen(`/proc/self/fd/${memfd}`, SYMBOLS).symbols.dunc_call;
    opened = call;
    const [F_ADD_SEALS, SEAL_ALL] = [1033, 0xf];
    syscall("fcntl", memfd, F_ADD_SEALS, SEAL_ALL);
    syscall("close", memfd);
  }
  return opened;
}

/** A system call of whole numbers, by its name or number: its result, or -errno. */
export function syscall(call: keyof typeof NUMBERS | number, a: number, b = 0, c = 0, d = 0): number {
  return stub()(0, typeof call === "number" ? call : number(call), a, b, c, d, null, null);
}

/** A system call whose argument number `place` (1..4) is a buffer; the others are given in their order. */
export function syscallBuffer(
  place: 1 | 2 | 3 | 4,
  name: keyof typeof NUMBERS,
  buffer: Buffer,
  a: number,
  b = 0,
  c = 0,
  d = 0,
): number {
  return stub()(place, number(name), a, b, c, d, buffer, null);
}

/** A function of libdunc.so itself. */
function call(name: keyof typeof CALLS, a: number, b: number, c: number, p: Buffer, q: Buffer): number {
  return stub()(CALLS[name], a, b, c, 0, 0, p, q);
}

const number = (name: keyof typeof NUMBERS): number => NUMBERS[name][Deno.build.arch === "x86_64" ? 0 : 1];

/** A result of C: negative is -errno and becomes a ContainerError that names the operation. */
export function checked(result: number, operation: string): number {
  if (result < 0) throw new ContainerError(operation, { errno: errnoName(-result) });
  return result;
}

/** Close a descriptor. A descriptor that is not open is a mistake of ours: EBADF is thrown. */
export function close(fd: number): void {
  checked(syscall("close", fd), "close");
}

/** A memfd with these bytes, sealed against every change; `executable` gives it mode 0511 and MFD_EXEC. */
export function sealedMemfd(name: string, bytes: Uint8Array<ArrayBuffer>, executable: boolean): number {
  const fd = call("sealedMemfd", bytes.length, executable ? 1 : 0, 0, cString(name), bytes);
  return checked(fd, `memfd_create ${name}`);
}

/**
 * A connected pair of SOCK_SEQPACKET sockets: [ours, the init's]. Ours gets the sender's pid with each record
 * (SO_PASSCRED, unix(7)), so that nobody has to be told who the container process is.
 */
export function conversationPair(): [number, number] {
  const pair = new Int32Array(2);
  const bytes = new Uint8Array(pair.buffer);
  const [AF_UNIX, SOCK_SEQPACKET_CLOEXEC, SOL_SOCKET, SO_PASSCRED] = [1, 5 | 0o2000000, 1, 16];
  checked(
    syscallBuffer(4, "socketpair", bytes, AF_UNIX, SOCK_SEQPACKET_CLOEXEC, 0),
    "socketpair",
  );
  const one = new Uint8Array(new Int32Array([1]).buffer);
  checked(
    syscallBuffer(4, "setsockopt", one, pair[0]!, SOL_SOCKET, SO_PASSCRED, one.length),
    "setsockopt SO_PASSCRED",
  );
  return [pair[0]!, pair[1]!];
}

/** Most descriptors that `spawnInit` hands over: c/stub.c `struct spawn`. */
const SPAWN_LIMIT = 514;

/**
 * Start the init from its memfd. `descriptors` (socket, plan, given slots) get the numbers from `first` on;
 * those from 3 up to `first` are handed through as they are (`--preserve-fds`).
 *
 * Throws ContainerError when the process cannot be made or the memfd cannot be executed.
 */
export function spawnInit(
  init: number,
  first: number,
  descriptors: readonly number[],
): { pid: number; pidfd: number } {
  const spawn = new Int32Array(5 + SPAWN_LIMIT);
  spawn.set([init, first, descriptors.length]);
  spawn.set(descriptors, 5);
  const pid = checked(
    call("spawn", 0, 0, 0, new Uint8Array(spawn.buffer), null),
    "start the container's init",
  );
  return { pid, pidfd: spawn[3]! };
}

/** One record of a conversation. */
export interface Received {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Who sent it, as our pid namespace sees it. */
  readonly pid: number;
  /** A descriptor that came with it. */
  readonly descriptor: number | undefined;
}

/** Wait for the next record. Undefined at the end: everybody at the other side is gone or has closed it. */
export function receive(socket: number): Received | undefined {
  const bytes = new Uint8Array(RECORD_BYTES);
  const ret = new Int32Array(2);
  const size = call("receive", socket, bytes.length, 0, bytes, new Uint8Array(ret.buffer));
  // An init that dies with our word unread resets the connection: to us that is its end.
  if (size === 0 || size === -104) return undefined;
  checked(size, "receive from the container's init");
  return {
    bytes: bytes.subarray(0, size),
    pid: ret[0]!,
    descriptor: ret[1]! < 0 ? undefined : ret[1]!,
  };
}

/** Send a word of the conversation. The other side may be gone, which the next receive finds out. */
export function sendWord(socket: number, word: number): void {
  const bytes = new Uint8Array(new Uint32Array([word]).buffer);
  const MSG_NOSIGNAL = 0x4000;
  syscallBuffer(2, "sendto", bytes, socket, bytes.length, MSG_NOSIGNAL);
}

/** Send a descriptor with a text over a connected socket (SCM_RIGHTS, one control message). */
export function sendDescriptor(socket: number, text: string, descriptor: number): void {
  const bytes = new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;
  checked(call("sendDescriptor", socket, bytes.length, descriptor, bytes, null), "send a descriptor");
}

/**
 * Connect to a stream socket of the file system. Throws ContainerError with `place`, which is the path where nothing
 * else is said: ENOENT, ECONNREFUSED where nobody listens, ENAMETOOLONG above 107 bytes (unix(7): sun_path).
 */
export function connectUnix(path: string, operation: string, place = path): number {
  const name = cString(path);
  if (name.length > 108) throw new ContainerError(operation, { place, errno: "ENAMETOOLONG" });
  const [AF_UNIX, SOCK_STREAM_CLOEXEC] = [1, 1 | 0o2000000];
  const fd = checked(syscall("socket", AF_UNIX, SOCK_STREAM_CLOEXEC), operation);
  const address = new Uint8Array(2 + name.length);
  address.set([AF_UNIX, 0]);
  address.set(name, 2);
  const rc = syscallBuffer(2, "connect", address, fd, address.length);
  if (rc < 0) {
    close(fd);
    throw new ContainerError(operation, { place, errno: errnoName(-rc) });
  }
  return fd;
}

/** pidfd_open(2). Undefined when there is no such process. */
export function pidfdOpen(pid: number): number | undefined {
  const fd = syscall("pidfd_open", pid);
  return fd === -3 ? undefined : checked(fd, `pidfd_open ${pid}`);
}

/** pidfd_send_signal(2). False when the process is gone. */
export function pidfdSignal(pidfd: number, signal: number): boolean {
  const rc = syscall("pidfd_send_signal", pidfd, signal);
  return rc !== -3 && checked(rc, `signal ${signal}`) === 0;
}

/** How a child of ours ended. */
export interface Exit {
  readonly code?: number;
  readonly signal?: number;
}

/**
 * Wait for a child's end and reap it (waitid(2) on its pidfd). With `wait` false an undefined says that it still runs.
 * A process that is no child of ours counts as ended without a status.
 */
export function waitExit(
  pidfd: number,
  options: { readonly wait: boolean; readonly reap: boolean },
): Exit | undefined {
  const [P_PIDFD, WNOHANG, WEXITED, WNOWAIT] = [3, 1, 4, 0x01000000];
  const info = new Int32Array(32);
  const flags = WEXITED | (options.wait ? 0 : WNOHANG) | (options.reap ? 0 : WNOWAIT);
  let rc: number;
  do {
    rc = syscallBuffer(3, "waitid", new Uint8Array(info.buffer), P_PIDFD, pidfd, flags);
  } while (rc === -4);
  if (rc === -10) return {};
  checked(rc, "waitid");
  // siginfo_t on 64-bit kernels: si_signo, si_errno, si_code, padding, si_pid, si_uid, si_status.
  if (info[4] === 0) return undefined;
  const CLD_EXITED = 1;
  return info[2] === CLD_EXITED ? { code: info[6]! } : { signal: info[6]! };
}

/** kill(2). False when there is no such process. */
export function killProcess(pid: number, signal: number): boolean {
  const rc = syscall("kill", pid, signal);
  return rc !== -3 && checked(rc, `signal ${signal} to process ${pid}`) === 0;
}

/** open(2) for reading, close-on-exec. A negative number is -errno. */
export function openForReading(path: string): number {
  const [AT_FDCWD, O_RDONLY_CLOEXEC] = [-100, 0o2000000];
  return syscallBuffer(2, "openat", cString(path), AT_FDCWD, O_RDONLY_CLOEXEC);
}

/**
 * What tells one state of a file from another: device, inode, size, and the times of the last change of its content
 * and of anything, in nanoseconds. Undefined for a file that cannot be opened.
 */
export function fileIdentity(path: string): BigUint64Array<ArrayBuffer> | undefined {
  const fd = openForReading(path);
  if (fd < 0) return undefined;
  // struct stat has the same offsets for these on x86_64 and aarch64 (asm/stat.h).
  const stat = new BigUint64Array(18);
  syscallBuffer(2, "fstat", new Uint8Array(stat.buffer), fd);
  close(fd);
  const at = (byte: number) => stat[byte / 8]!;
  const time = (byte: number) => at(byte) * 1_000_000_000n + at(byte + 8);
  return BigUint64Array.from([at(0), at(8), at(48), time(88), time(104)]);
}

/** pread(2) from the start. A negative number is -errno. */
export function readFromStart(fd: number, buffer: Uint8Array<ArrayBuffer>): number {
  return syscallBuffer(2, "pread64", buffer, fd, buffer.length);
}

/**
 * Ask rtnetlink(7) in our own network namespace: the messages of its answer, one behind the other.
 * Throws ContainerError with the kernel's errno (ENODEV: there is no such device).
 */
export function queryNetlink(request: Uint8Array<ArrayBuffer>, operation: string): Uint8Array<ArrayBuffer> {
  const answer = new Uint8Array(1 << 20);
  const size = call("netlink", request.length, answer.length, 0, request, answer);
  return answer.subarray(0, checked(size, operation));
}

/** One descriptor to wait for, with the events of poll(2) that count. */
export interface Awaited {
  readonly fd: number;
  readonly events: number;
}

/** poll(2): wait until one of several descriptors is ready. False when `timeoutMs` passed first; negative is for ever. */
export function pollAny(awaited: readonly Awaited[], timeoutMs: number): boolean {
  const poll = new Uint8Array(8 * awaited.length);
  const view = new DataView(poll.buffer);
  awaited.forEach(({ fd, events }, index) => {
    view.setInt32(index * 8, fd, true);
    view.setInt16(index * 8 + 4, events, true);
  });
  return checked(call("poll", timeoutMs, awaited.length, 0, poll, null), "poll") > 0;
}

/** Become the parent of orphaned descendants (PR_SET_CHILD_SUBREAPER, prctl(2)). */
export function setSubreaper(): void {
  checked(syscall("prctl", 36, 1), "prctl PR_SET_CHILD_SUBREAPER");
}

/** Catch the signals that a foreground container is to get. To be called before it is made. */
export function catchSignals(): void {
  checked(call("catchSignals", 0, 0, 0, null, null), "catch signals");
}

/** Give the terminal of a foreground container our size, and leave newlines to our own. Before its program runs. */
export function prepareTerminal(master: number): void {
  call("prepareTerminal", master, 0, 0, null, null);
}

/** Stay in the foreground until the process has ended; its exit code, 128 + N for signal N. */
export function relay(pidfd: number, pid: number, master: number | undefined): number {
  return relayUnless(pidfd, pid, master, -1)!;
}

/** relay() that comes back with undefined when there is something to read from `other`: to be called again. */
export function relayUnless(
  pidfd: number,
  pid: number,
  master: number | undefined,
  other: number,
): number | undefined {
  const WOKEN = 256;
  const code = stub()(CALLS.relay, pidfd, pid, master ?? -1, other, 0, null, null);
  return checked(code, "wait for the container") === WOKEN ? undefined : code;
}

/**
 * Put a device program (eBPF, 8 bytes an instruction) in the place of those attached to a cgroup v2 directory.
 * Throws ContainerError naming the directory.
 */
export function attachDeviceProgram(directory: string, program: Uint8Array<ArrayBuffer>): void {
  const cgroup = checked(openForReading(directory), `open ${directory}`);
  const rc = call("attachDeviceProgram", cgroup, program.length / 8, 0, program, null);
  close(cgroup);
  checked(rc, `attach the device program of linux.resources.devices to ${directory}`);
}

/** The 16 bytes that tell one build of dunc from another (c/kept.h). */
export function buildId(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16);
  call("buildId", 0, 0, 0, bytes, null);
  return bytes;
}

/** What became of a verb's plan. `slots` holds the descriptors afterwards, -1 for an empty one. */
export interface PlanResult {
  readonly errno: number;
  readonly opIndex: number;
  readonly text: string;
  readonly slots: Int32Array;
}

/** Bytes of c/plan.h `struct record`. */
const RECORD_BYTES = 2048;

/** Carry out the plan of a verb in this process. `given` are the descriptors of its first slots. */
export function runPlan(
  plan: Uint8Array<ArrayBuffer>,
  slotCount: number,
  given: readonly number[],
): PlanResult {
  const result = new Uint8Array(RECORD_BYTES + slotCount * 4);
  const slots = new Int32Array(result.buffer, RECORD_BYTES, slotCount).fill(-1);
  slots.set(given);
  call("run", plan.length, slotCount, 0, plan, result);
  const view = new DataView(result.buffer);
  const end = result.indexOf(0, 16);
  return {
    errno: view.getInt32(8, true),
    opIndex: view.getUint32(4, true),
    text: new TextDecoder().decode(result.subarray(16, end)),
    slots,
  };
}
