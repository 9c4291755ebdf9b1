import { type Bundle, type Config, makeBundle } from "./bundle.ts";
import { cgroupDirectories, leaks, takeLedger } from "./ledger.ts";
import { descendants, reapOrphans } from "./processes.ts";
import { Runtime } from "./runtime.ts";
import { findProgram, type Need, removeUnlessMounted, skipReason, theSetting } from "./setting.ts";

/** What a test of containers works with. All of it is taken away after the test. */
export interface Containers {
  /** The runtime under test. */
  readonly dunc: Runtime;
  /** The runc of the machine, for a test that `needs` it. */
  readonly runc: Runtime;
  /** A folder of this test's own. */
  readonly folder: string;
  /** An id that no other container has. */
  id(): string;
  /** A new bundle with the default config.json (no terminal) as `change` makes it. */
  bundle(change?: (config: Config) => void): Bundle;
}

let count = 0;

/**
 * A test with containers. The ledger is taken before and after: a test that leaves something behind fails, and what
 * it left is taken away, so that the next one starts clean. Containers that are still there at the end of the body
 * are deleted with `delete --force` first.
 */
export function containerTest(
  name: string,
  body: (containers: Containers) => void | Promise<void>,
  needs: readonly Need[] = [],
): void {
  const reason = skipReason(needs);
  Deno.test({
    name: reason === undefined ? name : `${name} (skipped: ${reason})`,
    ignore: reason !== undefined,
    fn: () => runTest(body),
  });
}

async function runTest(body: (containers: Containers) => void | Promise<void>): Promise<void> {
  const { tag, dunc: path } = theSetting();
  const folder = `${theSetting().folder}/${count++}`;
  const dunc = new Runtime("dunc", path, `${folder}/state`);
  const runc = new Runtime("runc", findProgram("runc") ?? "runc", `${folder}/runc-state`);
  const roots = [dunc.root, runc.root];
  const before = takeLedger(tag, roots);
  Deno.mkdirSync(folder, { mode: 0o755 });
  let ids = 0;
  let bundles = 0;
  const containers: Containers = {
    dunc,
    runc,
    folder,
    id: () => `${tag}-${count}-${ids++}`,
    bundle: (change) => makeBundle(`${folder}/bundle${bundles++}`, change),
  };
  let failure: { readonly error: unknown } | undefined;
  let found: string[] = [];
  try {
    await body(containers);
    for (const runtime of [dunc, runc]) await deleteAll(runtime);
    found = await leaks(before, tag, roots);
  } catch (error) {
    failure = { error };
  }
  if (failure !== undefined || found.length > 0) await sweep(containers, tag);
  removeUnlessMounted(folder);
  if (failure !== undefined) throw failure.error;
  if (found.length > 0) throw new Error(`left behind:\n  ${found.join("\n  ")}`);
}

/** Delete what is left, and reap it meanwhile: runc polls until the process it has killed is gone. */
async function deleteAll(runtime: Runtime): Promise<void> {
  for (const id of runtime.ids()) await reaping(runtime.ok("delete", "--force", id));
}

/** Reap orphans while `work` goes on, as a subreaper that waits does. */
export async function reaping<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(reapOrphans, 10);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

/** After a failure: everything of this test goes, by force where it must. */
async function sweep({ dunc, runc, folder }: Containers, tag: string): Promise<void> {
  for (const runtime of [dunc, runc]) {
    for (const id of runtime.ids()) await reaping(runtime.call(["delete", "--force", id])).catch(() => {});
  }
  for (const directory of cgroupDirectories().filter((path) => path.includes(tag))) thaw(directory);
  for (const { pid } of descendants()) {
    try {
      Deno.kill(pid, "SIGKILL");
    } catch { /* It is gone. */ }
  }
  for (let round = 0; round < 100 && descendants().some(({ state }) => state !== "Z"); round++) {
    reapOrphans();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  reapOrphans();
  unmountBelow(folder);
  for (const directory of cgroupDirectories().filter((path) => path.includes(tag)).reverse()) {
    try {
      Deno.removeSync(directory);
    } catch { /* Told in the ledger of the next test. */ }
  }
}

function thaw(directory: string): void {
  for (const [file, text] of [["freezer.state", "THAWED"], ["cgroup.freeze", "0"]] as const) {
    try {
      Deno.writeTextFileSync(`${directory}/${file}`, text, { create: false });
    } catch { /* Another tree's file. */ }
  }
}

function unmountBelow(folder: string): void {
  const points = Deno.readTextFileSync("/proc/self/mountinfo").split("\n")
    .map((line) => line.split(" ")[4] ?? "").filter((point) => point.startsWith(`${folder}/`));
  for (const point of points.reverse()) new Deno.Command("umount", { args: ["-l", point] }).outputSync();
}

/** The words after the shell's `-c`, as a process.args. */
export function shell(script: string): string[] {
  return ["sh", "-c", script];
}

/** Have the process run a script. */
export function runs(config: Config, script: string): void {
  config.process!.args = shell(script);
}
