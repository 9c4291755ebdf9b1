import type { FileWrite } from "../cgroup/file_write.ts";
import {
  EBADF,
  EBUSY,
  ENOENT,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDWR,
  O_WRONLY,
} from "../linux/constants.gen.ts";
import { step } from "./frame.ts";
import type { Plan, Step } from "./plan.ts";

/** The host's side of a creation that is kept: what is made around the process, in the order of `create`. */
export interface CreationRequest {
  readonly id: string;
  /** Texts of state.json: before the first side effect, and with the process. */
  readonly creating: string;
  readonly created: string;
  /** config.json's text. */
  readonly config: string;
  /** The file of kept plans (kept.ts). */
  readonly verbs: Uint8Array;
  readonly groups: readonly CreationGroup[];
  readonly writes: readonly CreationWrite[];
  /** Names that may stand in the container's folder, the record last. */
  readonly files: readonly string[];
}

/** A cgroup that is made for the container alone. */
export interface CreationGroup {
  readonly directory: string;
  /** A file that tells of a freeze by a word: a new group below a frozen one is frozen from the start. */
  readonly freezer?: { readonly path: string; readonly word: string } | undefined;
  /** Files that a new v1 cpuset takes from the group above. */
  readonly inherited: readonly string[];
  /** The program that holds its devices, on v2. */
  readonly program?: Uint8Array | undefined;
}

/** A limit, as it was set when the creation went well. */
export interface CreationWrite {
  readonly path: string;
  readonly text: string;
  readonly origin: FileWrite["origin"];
  readonly tolerate: readonly number[];
}

/** The plans of the host's side. `skips`: by step of `before`, what `undo` passes over when that one failed. */
export interface CreationPlans {
  readonly before: Plan;
  readonly undo: Plan;
  readonly after: Plan;
  readonly skips: readonly number[];
}

const [ROOT, FOLDER, LOCK] = [0, 1, 2];
const SLOTS = ["--root", "state folder", "lock"];
const NEW = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
const TEMPORARY = ".state.json.tmp";
const REMOVE_TIMEOUT_MS = 2_000;

/**
 * Compile the host's side of a creation: folder, lock, record, config.json, groups and limits before the process;
 * record and kept plans when it is known. It makes what container/create.ts makes.
 */
export function creationPlans(request: CreationRequest): CreationPlans {
  const folder = folderSteps(request);
  const made = request.groups.map(({ directory: path }) =>
    step({ op: "make_directory", root: null, path, mode: 0o755 }, GROUPS)
  );
  const before = [...folder, ...made, ...limitSteps(request)];
  const undo = undoSteps(request);
  const plan = (steps: Step[]): Plan => ({ steps, slots: SLOTS, given: SLOTS.length });
  return {
    before: { ...plan(before), given: 1 },
    undo: plan(undo),
    after: plan(afterSteps(request)),
    // Groups go first when all is undone, the last one made at their head.
    skips: before.map((_, index) => made.length - Math.min(Math.max(index - folder.length, 0), made.length)),
  };
}

const GROUPS = ["linux", "cgroupsPath"];

function folderSteps({ id, creating, config }: CreationRequest): Step[] {
  // One name each, in a folder that is held: there is nothing on the way that openat2 would have to look at.
  const open = (slot: number, root: number, path: string, flags: number) =>
    step({ op: "open", slot, root, path, flags, resolve: 0 }, ["--root"]);
  const make = (path: string, text: string) =>
    step({ op: "write_file", root: FOLDER, path, text, flags: NEW, mode: 0o600 }, ["--root"]);
  return [
    step({ op: "make_directory", root: ROOT, path: id, mode: 0o700 }, ["--root"]),
    open(FOLDER, ROOT, id, O_PATH | O_DIRECTORY | O_NOFOLLOW),
    make("lock", ""),
    open(LOCK, FOLDER, "lock", O_RDWR | O_NOFOLLOW),
    step({ op: "flock", slot: LOCK }, ["--root"]),
    ...recordSteps(creating),
    make("config.json", config),
  ];
}

/** Under another name first: a reader sees the old record or the new one. */
function recordSteps(text: string): Step[] {
  return [
    step({ op: "write_file", root: FOLDER, path: TEMPORARY, text, flags: NEW, mode: 0o600 }, ["--root"]),
    step({ op: "rename", root: FOLDER, from: TEMPORARY, to: "state.json" }, ["--root"]),
  ];
}

function limitSteps({ groups, writes }: CreationRequest): Step[] {
  const frozen = groups.flatMap(({ freezer }) =>
    freezer === undefined ? [] : [step({ op: "require_thawed", ...freezer }, GROUPS)]
  );
  const inherited = groups.flatMap(({ directory, inherited }) =>
    inherited.map((file) =>
      step({ op: "copy_text", from: `${parentOf(directory)}/${file}`, to: `${directory}/${file}` }, GROUPS)
    )
  );
  const limits = writes.map(({ path, text, origin, tolerate }) =>
    step({ op: "write_file", root: null, path, text, flags: O_WRONLY, mode: 0 }, origin, { tolerate })
  );
  const devices = groups.flatMap(({ directory: cgroup, program }) =>
    program === undefined
      ? []
      : [step({ op: "attach_device_program", cgroup, program }, ["linux", "resources", "devices"])]
  );
  return [...frozen, ...inherited, ...limits, ...devices];
}

function afterSteps({ created, verbs }: CreationRequest): Step[] {
  return [
    ...recordSteps(created),
    step({ op: "write_bytes", root: FOLDER, path: "plans", bytes: verbs, flags: NEW, mode: 0o600 }, []),
  ];
}

/** Nothing here fails: what is not there was not made, and what stays is found by the engine. */
function undoSteps({ id, groups, files }: CreationRequest): Step[] {
  const removed = groups.map(({ directory: path }) =>
    step({ op: "remove_directory", root: null, path, timeoutMs: REMOVE_TIMEOUT_MS }, GROUPS, {
      tolerate: [ENOENT, EBUSY],
    })
  );
  const unlinked = files.map((path) =>
    // EBADF: the folder was made, and could not be opened.
    step({ op: "unlink", root: FOLDER, path }, ["--root"], { tolerate: [ENOENT, EBADF] })
  );
  const folder = step({ op: "remove_directory", root: ROOT, path: id, timeoutMs: 0 }, ["--root"]);
  return [...removed.reverse(), ...unlinked, folder];
}

function parentOf(directory: string): string {
  return directory.slice(0, directory.lastIndexOf("/"));
}
