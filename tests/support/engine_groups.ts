/** The groups that container engines make above those of containers, and leave. */

const TREES = "/sys/fs/cgroup";
const PARENTS = ["libpod_parent", "docker", "default"];
/** Where podman expects trees and none is mounted, it makes the folders for them. */
const MISSING_TREES = ["hugetlb", "net_cls", "net_prio", "perf_event"].map((name) => `${TREES}/${name}`);

/** Every folder below /sys/fs/cgroup that is one of those, or is in one; deeper ones first. */
function engineGroups(): string[] {
  const found: string[] = [];
  const walk = (directory: string, inside: boolean) => {
    for (const { name, isDirectory } of readDirectory(directory)) {
      if (!isDirectory) continue;
      const path = `${directory}/${name}`;
      const of = inside || PARENTS.includes(name);
      walk(path, of);
      if (of || MISSING_TREES.includes(path)) found.push(path);
    }
  };
  walk(TREES, false);
  return found;
}

function readDirectory(path: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(path)];
  } catch {
    return [];
  }
}

/**
 * Call `body`, and take away what engines have made meanwhile, deepest first: podman's conmon may live a moment longer.
 *
 * @throws Error naming what cannot be taken away within five seconds
 */
export async function withoutEngineGroups(body: () => Promise<void>): Promise<void> {
  const before = new Set(engineGroups());
  try {
    await body();
  } finally {
    await removeAll(() => engineGroups().filter((path) => !before.has(path)));
  }
}

async function removeAll(left: () => string[]): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    for (const path of left()) removeGroup(path);
    if (left().length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`left by an engine:\n  ${left().join("\n  ")}`);
}

/** A group's files go with it and cannot be removed; those of a plain folder have to be. */
function removeGroup(path: string): void {
  for (const { name, isFile } of readDirectory(path)) {
    if (isFile) tryRemove(`${path}/${name}`);
  }
  tryRemove(path);
}

function tryRemove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch { /* Tried again, then told. */ }
}
