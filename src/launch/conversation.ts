/**
 * The dialogue between the runtime and the init, over one SOCK_SEQPACKET. Each record of the init carries its
 * sender's pid (SCM_CREDENTIALS), so that the first record of the container process says who it is.
 *
 *   runtime                                   init (first stage, then the container process)
 *   ───────                                   ──────────────────────────────────────────────
 *   spawn                          ────────▶  first stage
 *   have systemd make its scope    ◀─cgroup─  (with the systemd driver only)
 *                                  ───go───▶  descriptors, cgroup files, joins
 *                                             clone: the container process goes on, the first stage ends
 *   write the id maps              ◀──maps──
 *                                  ───go───▶
 *   move the network devices in    ◀─devices─
 *                                  ───go───▶
 *   prestart, createRuntime hooks  ◀──hooks─  mounts and devices are there, not pivoted
 *                                  ───go───▶  createContainer hooks, pivot, console, masks, …
 *   keep the terminal's master     ◀─console  (a descriptor comes with the record; no answer)
 *   save the state with the pid    ◀──ready─  everything but the last filter is done
 *                                  ───go───▶  credentials' last steps, the filter
 *   pass the listener on           ◀─listener only of a filter that has one: the first stage is still there for it
 *                                  ───go───▶  (a descriptor comes with the record; c/ops_listener.c)
 *   done                           ◀───EOF──  create: the init closes and waits at the barrier
 *                                             run, exec: execve closes the close-on-exec socket
 *
 * At any point `failed` may come instead: the operation's index, its errno, and the file system's own words.
 */
import {
  close,
  pidfdOpen,
  pidfdSignal,
  pollAny,
  prepareTerminal,
  receive,
  sendWord,
  waitExit,
} from "../../ffi/stub.ts";
import { ContainerError } from "../errors.ts";
import type { Plan } from "../plan/plan.ts";
import { WORDS } from "../plan/schema.ts";
import { initError, reportToError } from "./report.ts";
import type { Child } from "./spawn.ts";

/** What the runtime does when the init asks. Each is called at most once, with the container process's pid. */
export interface Handlers {
  /** The pid is the first stage's: there is no other process yet. */
  readonly cgroup?: (pid: number) => void;
  readonly maps?: (pid: number) => void;
  readonly devices?: (pid: number) => void;
  readonly hooks?: (pid: number) => void;
  readonly ready?: (pid: number) => void;
  /** The seccomp listener, which is closed afterwards. Where it is expected, an end without it is a failure. */
  readonly listener?: ((pid: number, descriptor: number) => void) | undefined;
  /** Whether it is the init of a new container, whose failures are nested as such. */
  readonly isContainer?: boolean;
  /** The error of an operation that failed, where it is not `reportToError`'s. */
  readonly inWords?: (report: Report, plan: Plan) => ContainerError;
}

/** How a conversation ended well. */
export interface Outcome {
  /** The container process. */
  readonly pid: number;
  /** The master of its terminal, when it sent one. */
  readonly master: number | undefined;
}

/** A record of the init: c/plan.h `struct record`. */
export interface Report {
  readonly word: number;
  readonly opIndex: number;
  readonly errno: number;
  readonly value: number;
  readonly text: string;
}

/**
 * Talk with the init until the conversation ends. Closes our end, and reaps the first stage.
 *
 * Throws the ContainerError of the operation that failed, of a handler, or of an init that died without a word
 * (killed, out of memory, stopped by its own filter).
 */
export function runConversation(child: Child, handlers: Handlers): Outcome {
  let pid = 0;
  let master: number | undefined;
  let awaited = handlers.listener;
  try {
    for (;;) {
      if (awaited !== undefined) awaitFirstStage(child);
      const received = receive(child.socket);
      if (received === undefined) break;
      const report = parseReport(received.bytes);
      // The first stage may be the one that fails: it is reaped as such.
      if (received.pid !== child.pid) pid = received.pid;
      switch (report.word) {
        case WORDS.failed:
          throw failureOf(report, child.plan, handlers);
        case WORDS.console:
          master = received.descriptor;
          if (master !== undefined) prepareTerminal(master);
          continue;
        case WORDS.cgroup:
          handlers.cgroup?.(received.pid);
          break;
        case WORDS.maps:
          // Where the user namespace comes before the clone, it is the first stage that waits for its maps.
          handlers.maps?.(received.pid);
          break;
        case WORDS.devices:
          handlers.devices?.(pid);
          break;
        case WORDS.hooks:
          handlers.hooks?.(pid);
          break;
        case WORDS.ready:
          handlers.ready?.(pid);
          break;
        case WORDS.listener:
          passListener(received.descriptor, (descriptor) => awaited?.(pid, descriptor));
          awaited = undefined;
          break;
        default:
          throw new ContainerError("talk with the container's init", {
            reason: `unknown word ${report.word}`,
          });
      }
      sendWord(child.socket, WORDS.go);
    }
    if (pid === 0) throw silentEnd(child);
    if (awaited !== undefined) throw filteredEnd(pid);
    return { pid, master };
  } catch (error) {
    if (master !== undefined) close(master);
    endProcess(pid);
    throw error;
  } finally {
    close(child.socket);
    // The first stage has ended, or ends now that nobody talks with it any more.
    waitExit(child.pidfd, { wait: true, reap: true });
    close(child.pidfd);
  }
}

/**
 * Until the listener has come the first stage has to be there: a container process under a filter waits for it, and
 * holds the conversation open.
 */
function awaitFirstStage({ socket, pidfd }: Child): void {
  const POLLIN = 1;
  pollAny([{ fd: socket, events: POLLIN }, { fd: pidfd, events: POLLIN }], -1);
  if (pollAny([{ fd: socket, events: POLLIN }], 0)) return;
  // One that gave up has killed the container process (c/ops_listener.c), whose end is the conversation's: what became
  // of that process is said, whichever of the two is gone first. One that was killed leaves it waiting.
  const exit = waitExit(pidfd, { wait: true, reap: false });
  if (exit?.code === 1) return;
  throw new ContainerError("hand over the seccomp listener", { reason: "the first stage has ended" });
}

function passListener(descriptor: number | undefined, pass: (descriptor: number) => void): void {
  if (descriptor === undefined) throw new ContainerError("receive the seccomp listener", { errno: "EMFILE" });
  try {
    pass(descriptor);
  } finally {
    close(descriptor);
  }
}

/** A process that ended between its filter and the handing over of the listener. */
function filteredEnd(pid: number): ContainerError {
  const pidfd = pidfdOpen(pid);
  const exit = pidfd === undefined ? undefined : waitExit(pidfd, { wait: true, reap: false });
  if (pidfd !== undefined) close(pidfd);
  return new ContainerError("hand over the seccomp listener", {
    place: "linux.seccomp",
    reason: exit?.signal === undefined
      ? "the container's init ended before it could"
      : `the container's init was killed by signal ${exit.signal}`,
    hint: "linux.seccomp must allow write",
  });
}

/**
 * End the process of a conversation that failed, and reap it: it is our child, and a zombie in a container's pid
 * namespace would keep that namespace from ending.
 */
function endProcess(pid: number): void {
  const pidfd = pid === 0 ? undefined : pidfdOpen(pid);
  if (pidfd === undefined) return;
  const SIGKILL = 9;
  pidfdSignal(pidfd, SIGKILL);
  waitExit(pidfd, { wait: true, reap: true });
  close(pidfd);
}

function failureOf(
  report: Report,
  plan: Plan,
  { isContainer, inWords = reportToError }: Handlers,
): ContainerError {
  const error = inWords(report, plan);
  return isContainer === true ? initError(error, plan.steps[report.opIndex]?.origin ?? []) : error;
}

/** The bytes of a record. */
export function parseReport(bytes: Uint8Array<ArrayBuffer>): Report {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.indexOf(0, 16);
  return {
    word: view.getUint32(0, true),
    opIndex: view.getUint32(4, true),
    errno: view.getInt32(8, true),
    value: view.getUint32(12, true),
    text: new TextDecoder().decode(bytes.subarray(16, end < 0 ? bytes.length : end)),
  };
}

function silentEnd(child: Child): ContainerError {
  const exit = waitExit(child.pidfd, { wait: true, reap: false });
  const reason = exit?.signal !== undefined
    ? `the container's init was killed by signal ${exit.signal}`
    : `the container's init ended with status ${exit?.code ?? "unknown"} and said nothing`;
  return new ContainerError("start the container's init", { reason });
}
