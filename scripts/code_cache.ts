/**
 * The program with V8's code cache beside it: functions that were compiled when dunc was built are not compiled again at
 * each start. Unlike the cache of `deno compile` it is a part of the executable, which nobody else can write to.
 *
 * As a program: scripts/code_cache.ts FOLDER writes FOLDER/code-cache for FOLDER/script.js, with the V8 that runs it.
 */
import vm from "node:vm";
import { INCLUDED } from "./build_steps.ts";

/**
 * The entry of the executable's engine. A cache that V8 does not take (it compares its version and its flags) costs what
 * it would have saved and nothing else; with DUNC_TRACE=FILE that is told there.
 */
export const ENTRY = `import vm from "node:vm";
const read = (name) => Deno.readFileSync(import.meta.dirname + "/" + name);
const carried = (name) => [name, { get: () => read(name) }];
globalThis.duncFiles = Object.defineProperties({}, Object.fromEntries(${
  JSON.stringify(INCLUDED)
}.map(carried)));
const source = new TextDecoder().decode(read("script.js"));
const script = new vm.Script(source, { filename: "dunc.js", cachedData: read("code-cache") });
if (script.cachedDataRejected) {
  const trace = Deno.env.get("DUNC_TRACE");
  if (trace) Deno.writeTextFileSync(trace, "code cache refused\\n", { append: true });
}
script.runInThisContext();
`;

/**
 * Whether `node:vm` costs a start nothing: up to Deno 2.7 it is in the snapshot (0.2 ms), 2.9 reads it from source (over
 * 40 ms, more than the cache saves). `version` is what `deno --version` prints.
 */
export function hasQuickVm(version: string): boolean {
  const [major, minor] = version.match(/\d+/g)?.map(Number) ?? [];
  return major === 2 && minor !== undefined && minor <= 7;
}

/**
 * Calls that compile what most calls need, and change nothing: there is no folder for a container's state, and none can be
 * made.
 */
function calls(bundle: string): string[][] {
  const nowhere = ["--root", "/proc/dunc"];
  return [
    [...nowhere, "spec", ...(Deno.uid() === 0 ? [] : ["--rootless"]), "--bundle", bundle],
    [...nowhere, "create", "--bundle", bundle, "one"],
    [...nowhere, "run", "--bundle", bundle, "one"],
    [...nowhere, "exec", "one", "true"],
    [...nowhere, "state", "one"],
  ];
}

/** Run the program again and again in one process, then keep what V8 has compiled. */
async function make(folder: string): Promise<void> {
  const read = (name: string) => Deno.readFileSync(`${folder}/${name}`);
  Object.assign(globalThis, { duncFiles: Object.fromEntries(INCLUDED.map((name) => [name, read(name)])) });
  const script = new vm.Script(new TextDecoder().decode(read("script.js")), { filename: "dunc.js" });
  const bundle = Deno.makeTempDirSync({ prefix: "dunc-build-" });
  const exit = Deno.exit;
  try {
    Deno.mkdirSync(`${bundle}/rootfs`);
    for (const args of calls(bundle)) {
      Object.defineProperty(Deno, "args", { value: args, configurable: true });
      const { promise, resolve } = Promise.withResolvers<number>();
      Deno.exit = ((code: number) => resolve(code)) as typeof Deno.exit;
      script.runInThisContext();
      await promise;
    }
  } finally {
    Deno.exit = exit;
    Deno.removeSync(bundle, { recursive: true });
  }
  Deno.writeFileSync(`${folder}/code-cache`, script.createCachedData());
}

if (import.meta.main) await make(Deno.args[0]!);
