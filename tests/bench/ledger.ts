import { runFolder } from "./bundle.ts";

/**
 * The leak ledger: what a machine holds that a runtime could leave behind. Every end-to-end test takes it before and
 * after; the difference must be empty after a short quiet time.
 */

/** One snapshot: kind of thing → the things there are. */
export type Ledger = Readonly<Record<string, ReadonlySet<string>>>;

const CGROUPS = "/sys/fs/cgroup";

/** Take the ledger. `roots` are the --root folders of the test. */
export function takeLedger(roots: readonly string[]): Ledger {
  return {
    mount: new Set(
      lines("/proc/self/mountinfo").map((line) => line.split(" ").slice(3, 5).join(" on ")).filter(
        isNobodyElses,
      ),
    ),
    cgroup: cgroupDirectories(),
    process: ownProcesses(),
    descriptor: descriptors(),
    state: new Set(roots.flatMap((root) => names(root).map((name) => `${root}/${name}`))),
    name: new Set(["/tmp", "/run", "/dev/shm"].flatMap((folder) => ourNames(folder))),
    link: new Set(names("/sys/class/net")),
    key: new Set(
      lines("/proc/keys").filter((line) => line.includes(`_ses.${OWN_PREFIX}`)).map((line) =>
        line.slice(0, 8)
      ),
    ),
  };
}

/** What is in `after` and was not in `before`: one line a thing. */
export function ledgerDifference(before: Ledger, after: Ledger): string[] {
  return Object.entries(after).flatMap(([kind, things]) =>
    [...things].filter((thing) => !before[kind]!.has(thing)).map((thing) => `${kind}: ${thing}`)
  );
}

/** Wait up to two seconds until nothing is left that was not there before. Returns what stays. */
export async function settledDifference(before: Ledger, roots: readonly string[]): Promise<string[]> {
  let rows: string[] = [];
  for (let waited = 0; waited <= 2000; waited += 100) {
    rows = ledgerDifference(before, takeLedger(roots));
    if (rows.length === 0) return rows;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return rows;
}

/** Every id of this test run begins so. Several runs may share a machine. */
export const OWN_PREFIX = `t${Deno.pid}-`;

/** Folders of other test runs come and go. */
const isNobodyElses = (text: string): boolean =>
  !/\/tmp\/(dunc-test|dunc-e2e|clone|tmp\.)/.test(text) || text.includes(runFolder());

/** Names that a runtime or its engine would choose; the machine's other programs come and go. */
function ourNames(folder: string): string[] {
  const paths = names(folder).map((name) => `${folder}/${name}`);
  return paths.filter((path) => /\/(dunc|deno|oci-|t\d+-)/i.test(path) && isNobodyElses(path));
}

/** Processes that the tests started, by ancestry or by cgroup, with those that have ended and were not reaped. */
function ownProcesses(): Set<string> {
  const parents = new Map<number, { parent: number; text: string }>();
  for (const name of names("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const text = read(`/proc/${name}/stat`);
    if (text === undefined) continue;
    const [state, parent] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const comm = text.slice(text.indexOf("(") + 1, text.lastIndexOf(")"));
    parents.set(Number(name), {
      parent: Number(parent),
      text: `${name} (${comm}) ${state === "Z" ? "zombie" : "alive"}`,
    });
  }
  const own = new Set<string>();
  for (const [pid, { text }] of parents) {
    // Orphans are somebody else's children, but they stay in a cgroup of ours.
    if (isDescendant(pid, parents) || read(`/proc/${pid}/cgroup`)?.includes(`/${OWN_PREFIX}`)) own.add(text);
  }
  return own;
}

function isDescendant(pid: number, parents: ReadonlyMap<number, { parent: number }>): boolean {
  for (let at = parents.get(pid)?.parent; at !== undefined && at > 1; at = parents.get(at)?.parent) {
    if (at === Deno.pid) return true;
  }
  return false;
}

function cgroupDirectories(): Set<string> {
  const found = new Set<string>();
  const walk = (folder: string, depth: number): void => {
    if (depth > 8) return;
    let entries: Deno.DirEntry[];
    try {
      entries = [...Deno.readDirSync(folder)];
    } catch {
      return;
    }
    for (const { name, isDirectory } of entries) {
      if (!isDirectory) continue;
      if (name.startsWith(OWN_PREFIX)) found.add(`${folder}/${name}`);
      walk(`${folder}/${name}`, depth + 1);
    }
  };
  walk(CGROUPS, 0);
  return found;
}

/** Descriptors of this process, by what they lead to; sockets and pipes of the test runner come and go. */
function descriptors(): Set<string> {
  const found = new Set<string>();
  for (const name of names("/proc/self/fd")) {
    try {
      const target = Deno.readLinkSync(`/proc/self/fd/${name}`);
      if (!/^(pipe|socket|anon_inode|\/proc\/|\/dev\/)/.test(target)) found.add(`${name} -> ${target}`);
    } catch {
      // Closed meanwhile: the one of this reading itself.
    }
  }
  return found;
}

function names(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return [];
  }
}

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

const lines = (path: string): string[] => (read(path) ?? "").split("\n").filter((line) => line !== "");
