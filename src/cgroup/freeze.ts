import { ContainerError } from "../errors.ts";
import { readIfThere, tryWrite } from "./files.ts";
import { type CgroupKernel, pause } from "./kernel.ts";
import type { CgroupPaths } from "./paths.ts";

/** How long freezing may take, as runc has it. A process in an uninterruptible system call freezes only after it. */
const FREEZE_TIMEOUT_MS = 10_000;

/** The file that freezes a container: v1's freezer where there is one, else cgroup.freeze of the v2 tree. */
type Freezer = { readonly version: 1 | 2; readonly directory: string };

/**
 * Whether a container's processes are frozen, be it by its own group or by one above it. On v1 also while they are
 * being frozen. False when the group is gone.
 */
export function isFrozen(paths: CgroupPaths): boolean {
  const freezer = findFreezer(paths);
  if (freezer === undefined) return false;
  if (freezer.version === 2) {
    return (readIfThere(`${freezer.directory}/cgroup.events`) ?? "").includes("frozen 1");
  }
  return (readIfThere(`${freezer.directory}/freezer.state`) ?? "THAWED").trim() !== "THAWED";
}

/**
 * Stop all processes of a container, and wait until they have stopped. What fails leaves the container thawed.
 *
 * @throws ContainerError when there is no freezer, or not every process has stopped after `timeoutMs`
 */
export function freeze(paths: CgroupPaths, kernel: CgroupKernel, timeoutMs = FREEZE_TIMEOUT_MS): void {
  const freezer = findFreezer(paths);
  if (freezer === undefined) throw new ContainerError("freeze cgroup", { reason: "it has no freezer" });
  try {
    if (freezer.version === 2) freezeV2(freezer.directory, kernel, timeoutMs);
    else freezeV1(freezer.directory, timeoutMs);
  } catch (error) {
    // Half frozen is the worst state of all: nobody would think of thawing it.
    setFrozen(freezer, false);
    throw error;
  }
}

/** Let all processes of a container go on. A group that is gone is fine. @throws ContainerError when refused */
export function thaw(paths: CgroupPaths): void {
  const freezer = findFreezer(paths);
  if (freezer === undefined) return;
  const errno = setFrozen(freezer, false);
  if (errno !== undefined && errno !== "ENOENT" && errno !== "ENODEV") throw cannot("thaw", freezer, errno);
}

/** The file that tells whether a container is frozen, and the word that then stands in it (v1: also FREEZING). */
export function freezeFile(paths: CgroupPaths): { readonly path: string; readonly word: string } | undefined {
  const freezer = findFreezer(paths);
  if (freezer === undefined) return undefined;
  return freezer.version === 1
    ? { path: `${freezer.directory}/freezer.state`, word: "FR" }
    : { path: `${freezer.directory}/cgroup.events`, word: "frozen 1" };
}

/** The file that freezes a group and what is written to it; `state` holds `word` when all has stopped (freezeTexts()). */
export interface Freeze {
  readonly path: string;
  readonly frozen: string;
  readonly thawed: string;
  readonly state: string;
  readonly word: string;
  /** v1 takes processes in that came meanwhile only when it is told again. */
  readonly again: boolean;
}

/** How a container is frozen by one who only writes and reads: the file, the texts, and where it shows (plan/kept.ts). */
export function freezeTexts(paths: CgroupPaths): Freeze | undefined {
  const freezer = findFreezer(paths);
  if (freezer === undefined) return undefined;
  const { version, directory } = freezer;
  const v1 = `${directory}/freezer.state`;
  return version === 1
    ? { path: v1, frozen: "FROZEN", thawed: "THAWED", state: v1, word: "FROZEN", again: true }
    : {
      path: `${directory}/cgroup.freeze`,
      frozen: "1",
      thawed: "0",
      state: `${directory}/cgroup.events`,
      word: "frozen 1",
      again: false,
    };
}

function findFreezer(paths: CgroupPaths): Freezer | undefined {
  if (paths.freezer !== undefined) return { version: 1, directory: paths.freezer };
  return paths[""] === undefined ? undefined : { version: 2, directory: paths[""] };
}

function setFrozen({ version, directory }: Freezer, frozen: boolean): string | undefined {
  return version === 2
    ? tryWrite(`${directory}/cgroup.freeze`, frozen ? "1" : "0")
    : tryWrite(`${directory}/freezer.state`, frozen ? "FROZEN" : "THAWED");
}

/**
 * v1 tells of nothing and has a hole: processes that are forked or moved in meanwhile can leave the group at
 * FREEZING for good. Writing FROZEN again takes those in, and letting all of them run for a moment now and then
 * gets a fork that is under way out of the way.
 */
function freezeV1(directory: string, timeoutMs: number): void {
  const freezer: Freezer = { version: 1, directory };
  const deadline = performance.now() + timeoutMs;
  for (let round = 1; performance.now() < deadline; round++) {
    if (round % 50 === 0) {
      setFrozen(freezer, false);
      pause(10);
    }
    const errno = setFrozen(freezer, true);
    if (errno !== undefined) throw cannot("freeze", freezer, errno);
    const state = readIfThere(`${directory}/freezer.state`)?.trim();
    if (state === "FROZEN") return;
    if (state !== "FREEZING") {
      throw new ContainerError("freeze cgroup", { place: directory, reason: `unexpected state ${state}` });
    }
    // The first rounds need no wait: a running process stops within microseconds.
    if (round > 10) pause(1);
  }
  throw timedOut(directory, timeoutMs);
}

function freezeV2(directory: string, kernel: CgroupKernel, timeoutMs: number): void {
  const events = kernel.watch(`${directory}/cgroup.events`);
  if (events === undefined) throw cannot("freeze", { version: 2, directory }, "ENOENT");
  try {
    const errno = setFrozen({ version: 2, directory }, true);
    if (errno !== undefined) throw cannot("freeze", { version: 2, directory }, errno);
    const deadline = performance.now() + timeoutMs;
    while (!events.read().includes("frozen 1")) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0 || !events.wait(Math.ceil(leftMs))) throw timedOut(directory, timeoutMs);
    }
  } finally {
    events.close();
  }
}

function cannot(verb: "freeze" | "thaw", { version, directory }: Freezer, errno: string): ContainerError {
  const file = version === 2 ? "cgroup.freeze" : "freezer.state";
  return new ContainerError(`${verb} cgroup`, { place: `${directory}/${file}`, errno });
}

function timedOut(directory: string, timeoutMs: number): ContainerError {
  return new ContainerError("unable to freeze", {
    place: directory,
    reason: `not every process has stopped after ${timeoutMs / 1000} s`,
    hint: "a process may be waiting in the kernel, for a disk or a network file system",
  });
}
