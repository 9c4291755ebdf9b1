import { ContainerError, type ErrorDetail } from "../errors.ts";
import { type ContainerRecord, parseRecord, recordText } from "./record.ts";

/** The name of the barrier in a container's folder; its presence means `created`. */
export const BARRIER = "exec.fifo";

/** Kept creations, in the root folder: no container can be called so. */
const CREATIONS = "@creations";

const STATE = "state.json";
const CONFIG = "config.json";
const RESOURCES = "resources.json";
const LOCK = "lock";

/** Every name that may stand in a container's folder; the record goes last. */
export const files = (): readonly string[] => [
  BARRIER,
  "plans",
  ...Array.from({ length: 8 }, (_, index) => `exec-${index}`),
  CONFIG,
  RESOURCES,
  `.${CONFIG}.tmp`,
  `.${RESOURCES}.tmp`,
  `.${STATE}.tmp`,
  LOCK,
  STATE,
];

/** The folder of one container below the root folder. */
export interface Folder {
  readonly id: string;
  readonly path: string;
}

/**
 * Where a container's folder is. Throws ContainerError for an id that is no plain name: one character or more of
 * `[A-Za-z0-9_+.-]`, not `.` or `..` (runc's rule).
 */
export function folderOf(root: string, id: string): Folder {
  if (id === "") throw new ContainerError("container id cannot be empty");
  if (!/^[\w+.-]+$/.test(id) || id === "." || id === ".." || id.length > 1024) {
    throw new ContainerError("invalid container ID format", { reason: JSON.stringify(id) });
  }
  return { id, path: `${root}/${id}` };
}

/**
 * Refuse a root folder that somebody else could have arranged: a link, another owner, or writable for group or
 * others (requirement 32). One that does not exist is fine.
 */
export function checkRoot(root: string): void {
  const info = statIfThere(root);
  if (info === undefined) return;
  const uid = Deno.uid();
  const refuse = (reason: string) => new ContainerError("refuse the root folder", { place: root, reason });
  if (!info.isDirectory) throw refuse("is not a directory");
  if (info.uid !== uid) throw refuse(`belongs to uid ${info.uid}, not to ${uid}`);
  // A sticky folder (XDG_RUNTIME_DIR/dunc) keeps others from renaming what is ours, not from adding.
  if ((info.mode! & 0o022) !== 0) throw refuse("others may write to it");
}

/**
 * Refuse a container's folder that somebody else could have arranged, and the root folder above it (requirement 32):
 * what stands in it says which process gets a signal, and which cgroups and mounts go. What is missing is fine.
 */
export function checkFolder(root: string, { path }: Folder): void {
  checkRoot(root);
  const info = statIfThere(path);
  if (info === undefined) return;
  const uid = Deno.uid();
  const refuse = (reason: string) => new ContainerError("refuse the state folder", { place: path, reason });
  if (!info.isDirectory) throw refuse("is not a directory");
  if (info.uid !== uid) throw refuse(`belongs to uid ${info.uid}, not to ${uid}`);
  if ((info.mode! & 0o022) !== 0) throw refuse("others may write to it");
}

function statIfThere(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw ioError("read the root folder", path, error);
  }
}

/** A file error of Deno in our words. */
export function ioError(operation: string, place: string, error: unknown): ContainerError {
  const code = (error as { code?: string }).code;
  const detail: ErrorDetail = code === undefined
    ? { place, reason: error instanceof Error ? error.message : String(error) }
    : { place, errno: code };
  return new ContainerError(operation, detail);
}

/**
 * Make the container's folder, 0700, and the root folder above it where that is missing. mkdir(2) decides which of
 * several creators wins. Throws ContainerError `container with given ID already exists`.
 */
export function makeFolder(root: string, folder: Folder): void {
  checkRoot(root);
  try {
    Deno.mkdirSync(root, { recursive: true, mode: 0o700 });
    Deno.mkdirSync(folder.path, { mode: 0o700 });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new ContainerError("container with given ID already exists", { reason: folder.id });
    }
    const failure = ioError("create the state folder", folder.path, error);
    if (failure.detail.errno !== "EACCES") throw failure;
    const hint = "set XDG_RUNTIME_DIR to a folder of your own, or give --root DIR; see `dunc check`";
    throw new ContainerError(failure.operation, { ...failure.detail, hint });
  }
}

/** Hold the container's lock until `release` is called or this process ends (flock(2)). Waits for another holder. */
export function lockFolder(folder: Folder): { release(): void } {
  try {
    const file = Deno.openSync(`${folder.path}/${LOCK}`, { write: true, create: true, mode: 0o600 });
    file.lockSync(true);
    return { release: () => file.close() };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new ContainerError("container does not exist");
    throw ioError("lock the state folder", folder.path, error);
  }
}

/** Write the record; a reader sees the old or the new one. */
export function saveRecord(folder: Folder, record: ContainerRecord): void {
  replaceFile(folder, STATE, recordText(record), "save the state");
}

/** Keep config.json as it was at create: `exec` and the poststop hooks survive a bundle that is gone. */
export function saveConfig(folder: Folder, text: string): void {
  replaceFile(folder, CONFIG, text, "save config.json");
}

/** Write a file of a folder: under another name first, then renamed, so that a reader or a kill -9 never sees half of it. */
function replaceFile(folder: Folder, name: string, text: string, operation: string): void {
  const temporary = `${folder.path}/.${name}.tmp`;
  try {
    Deno.writeTextFileSync(temporary, text, { mode: 0o600 });
    Deno.renameSync(temporary, `${folder.path}/${name}`);
  } catch (error) {
    throw ioError(operation, folder.path, error);
  }
}

/** The kept config.json. */
export function loadConfig(folder: Folder): string {
  try {
    return Deno.readTextFileSync(`${folder.path}/${CONFIG}`);
  } catch (error) {
    throw ioError("read the kept config.json", folder.path, error);
  }
}

/** Keep the resources of a container after an update. */
export function saveResources(folder: Folder, text: string): void {
  replaceFile(folder, RESOURCES, text, "save the resources");
}

/** The resources that an update left; undefined when there was none. */
export function loadResources(folder: Folder): string | undefined {
  try {
    return Deno.readTextFileSync(`${folder.path}/${RESOURCES}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw ioError("read the resources", folder.path, error);
  }
}

/** Keep plans for the first stage (plan/kept.ts). A file that is half written fails its checksum. */
export function saveKept(folder: Folder, name: string, bytes: Uint8Array): void {
  try {
    Deno.writeFileSync(`${folder.path}/${name}`, bytes, { mode: 0o600 });
  } catch (error) {
    throw ioError("save the kept plans", folder.path, error);
  }
}

/** Forget the kept processes of `exec`: a container has changed in a way that they know nothing of. */
export function forgetExecs(folder: Folder): void {
  for (const name of files().filter((name) => name.startsWith("exec-"))) {
    try {
      Deno.removeSync(`${folder.path}/${name}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw ioError("remove a kept plan", folder.path, error);
    }
  }
}

/** Keep a creation for the first stage (plan/kept_creation.ts), beside the containers' folders. */
export function saveCreation(root: string, name: string, bytes: Uint8Array): void {
  const folder = `${root}/${CREATIONS}`;
  const temporary = `${folder}/.${name}.${Deno.pid}`;
  try {
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    Deno.writeFileSync(temporary, bytes, { mode: 0o600, createNew: true });
    Deno.renameSync(temporary, `${folder}/${name}`);
  } catch (error) {
    throw ioError("keep the creation", folder, error);
  }
}

/** The record. Throws ContainerError `container does not exist` where there is none, or says how it is damaged. */
export function loadRecord(folder: Folder): ContainerRecord {
  let text: string;
  try {
    text = Deno.readTextFileSync(`${folder.path}/${STATE}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      throw new ContainerError("container does not exist");
    }
    throw ioError(`load container ${folder.id}`, folder.path, error);
  }
  return parseRecord(text, folder.id);
}

/** Whether the barrier is still there: nobody has started the container. */
export function hasBarrier(folder: Folder): boolean {
  try {
    Deno.lstatSync(`${folder.path}/${BARRIER}`);
    return true;
  } catch {
    return false;
  }
}

/** Remove the container's folder. One that is gone is fine. */
export function removeFolder(folder: Folder): void {
  try {
    Deno.removeSync(folder.path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw ioError("remove the state folder", folder.path, error);
    }
  }
}

/** The ids below the root folder, sorted. Undefined where the root folder does not exist. */
export function listIds(root: string): string[] | undefined {
  try {
    return [...Deno.readDirSync(root)].filter((entry) => entry.isDirectory && entry.name !== CREATIONS)
      .map((entry) => entry.name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw ioError("list containers", root, error);
  }
}
