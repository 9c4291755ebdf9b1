/** The same bundle for dunc and for runc: equal where both make the container, refused where neither may. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Bundle, Config } from "./bundle.ts";
import { type Containers, runs } from "./containers.ts";

export interface Case {
  readonly name: string;
  /** What the program of the container is: a script of its shell, or its words. */
  readonly program: string | readonly string[];
  readonly change?: (config: Config) => void;
  /** Files of the bundle and its root file system. */
  readonly prepare?: (bundle: Bundle) => void;
}

export function bundleOf(c: Containers, { program, change, prepare }: Case): Bundle {
  const bundle = c.bundle((config) => {
    // Sets of their own: the default document has one list for all of them.
    config.process!.capabilities = JSON.parse(JSON.stringify(config.process!.capabilities));
    if (typeof program === "string") runs(config, program);
    else config.process!.args = [...program];
    change?.(config);
  });
  prepare?.(bundle);
  return bundle;
}

/** Both get the same container. What they print is compared, the ids in it left out. */
export async function compare(c: Containers, test: Case): Promise<void> {
  const { path } = bundleOf(c, test);
  const seen = [];
  for (const runtime of [c.dunc, c.runc]) {
    const id = c.id();
    const { code, stdout, stderr } = await runtime.call(["run", "--bundle", path, id]);
    // Warnings are each one's own; what the program itself complains about is not.
    const complaints = stderr.split("\n").filter((line) => !/level=(warning|error)/.test(line)).join("\n");
    seen.push({ code, stdout: stdout.replaceAll(id, "ID"), complaints: complaints.replaceAll(id, "ID") });
  }
  assertEquals(seen[0], seen[1], test.name);
}

/** Neither makes the container; dunc says so in one line that holds `words`, and has nothing left. */
export async function refuse(c: Containers, test: Case, words: string | RegExp): Promise<void> {
  const { path } = bundleOf(c, test);
  const { code, stdout, stderr } = await c.dunc.call(["run", "--bundle", path, c.id()]);
  assertEquals([code, stdout], [1, ""], test.name);
  assertEquals(stderr.trimEnd().split("\n").length, 1, `${test.name}: ${stderr}`);
  const said = stderr.replaceAll('\\"', '"');
  if (typeof words === "string") assertStringIncludes(said, words, test.name);
  else assertMatch(said, words, test.name);
  assertEquals(c.dunc.ids(), [], test.name);
  const theirs = await c.runc.call(["run", "--bundle", path, c.id()]);
  assertEquals(theirs.code, 1, `${test.name}: runc: ${theirs.stdout}`);
}

export const writable = (config: Config) => config.root!.readonly = false;
export const link = (target: string, name: string) => ({ rootfs }: Bundle) =>
  Deno.symlinkSync(target, rootfs + name);
export const tmpfs = (destination: string, ...options: string[]) => (config: Config) => {
  config.mounts!.push({ destination, type: "tmpfs", source: "t", options });
};
export const both = (...changes: ((config: Config) => void)[]) => (config: Config) =>
  changes.forEach((change) => change(config));

export const hook = (script: string, env?: string[]) => ({
  path: "/bin/sh",
  args: ["sh", "-c", script],
  ...(env === undefined ? {} : { env }),
});
