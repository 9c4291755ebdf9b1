/**
 * The leak ledger: what a container could leave behind on the machine, taken before a test and compared after it.
 *
 * Other people may use the machine meanwhile. Processes, descriptors and state folders are ours by descent; mounts
 * and network links are counted whoever made them; of names that anybody may make (cgroups, temporary files, keys)
 * those count that are named after this run, after dunc or after runc. That dunc makes no others is shown by
 * tests/footprint_test.ts, where nobody else is.
 */
import { descendants, descriptorsOf, reapOrphans } from "./processes.ts";

/** Rows by kind. A row names one thing, and the same thing has the same row. */
export type Ledger = Readonly<Record<string, readonly string[]>>;

const QUIESCE_MS = 2000;

/** A keyring goes when the kernel's collector comes by, after the last credentials that hold it. */
const KEY_QUIESCE_MS = 10_000;

/** Temporary folders and groups of other tests at the same time. */
const OTHER_RUN = /^dunc-(test-|vm\.|\w+-[0-9a-f]{12,}$)/;

/** Take the ledger. `roots` are the runtimes' root folders; `tag` is in every name of this run. */
export function takeLedger(tag: string, roots: readonly string[]): Ledger {
  const named = (name: string) =>
    name.includes(tag) || (/dunc|runc|deno/i.test(name) && !OTHER_RUN.test(name));
  return {
    mount: lines("/proc/self/mountinfo").map((line) => line.split(" ").slice(2).join(" ")),
    cgroup: cgroupDirectories().filter((path) => named(path.slice(path.lastIndexOf("/") + 1))),
    process: descendants().map(({ pid, startTime, name, state, parent }) =>
      `${pid} (${name}) ${state === "Z" ? "zombie" : "alive"}, parent ${parent}, start ${startTime}`
    ),
    state: roots.flatMap((root) => containersIn(root).map((name) => `${root}/${name}`)),
    descriptor: ownDescriptors(),
    file: ["/tmp", "/run", "/dev/shm", "/var/tmp"].flatMap((folder) =>
      entries(folder).filter(named).map((name) => `${folder}/${name}`)
    ),
    key: lines("/proc/keys").filter((line) => line.includes(tag)),
    link: entries("/sys/class/net"),
  };
}

/**
 * What is there now and was not in `before`, as `kind: row` lines; empty when nothing has leaked. Orphans that have
 * ended are reaped first (that is the caller's part, as the parent), and what is on its way out gets two seconds.
 */
export async function leaks(before: Ledger, tag: string, roots: readonly string[]): Promise<string[]> {
  const begin = Date.now();
  for (;;) {
    reapOrphans();
    const found = difference(before, takeLedger(tag, roots));
    const passedMs = Date.now() - begin;
    if (found.length === 0 || passedMs > (found.every(isKey) ? KEY_QUIESCE_MS : QUIESCE_MS)) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const isKey = (row: string): boolean => row.startsWith("key: ");

/** Rows of `after` that `before` does not have, or has fewer of. */
export function difference(before: Ledger, after: Ledger): string[] {
  const found: string[] = [];
  for (const [kind, rows] of Object.entries(after)) {
    const left = [...before[kind] ?? []];
    for (const row of rows) {
      const at = left.indexOf(row);
      if (at < 0) found.push(`${kind}: ${row}`);
      else left.splice(at, 1);
    }
  }
  return found;
}

/** Every directory of every cgroup hierarchy. */
export function cgroupDirectories(): string[] {
  const found: string[] = [];
  const walk = (directory: string) => {
    for (const name of folders(directory)) {
      found.push(`${directory}/${name}`);
      walk(`${directory}/${name}`);
    }
  };
  const points = lines("/proc/self/mountinfo").filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(" ")[4]!);
  for (const point of new Set(points)) walk(point);
  return found;
}

/** Descriptors of this process, without those that Deno opens and closes as it pleases. */
function ownDescriptors(): string[] {
  return [...descriptorsOf(Deno.pid).values()]
    .filter((target) =>
      !/^(anon_inode:\[(pidfd|eventfd|eventpoll|timerfd)\]|pipe:|socket:|\/proc\/)/.test(target)
    )
    .sort();
}

function lines(path: string): string[] {
  try {
    return Deno.readTextFileSync(path).split("\n").filter((line) => line !== "");
  } catch {
    return [];
  }
}

/** What is in a root folder; creations that were kept for the next container (c/kept.h) are no container. */
export function containersIn(root: string): string[] {
  return entries(root).filter((name) => name !== "@creations").sort();
}

function entries(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return [];
  }
}

function folders(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].filter(({ isDirectory }) => isDirectory).map(({ name }) => name);
  } catch {
    // Removed meanwhile.
    return [];
  }
}
