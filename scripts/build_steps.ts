/**
 * Steps of the build: each makes one output, and is left out when that was made by the same command of the same inputs.
 */

export const ROOT = new URL("..", import.meta.url).pathname;
export const TOOLS = Deno.env.get("DUNC_TOOLS") ?? `${ROOT}.tools`;

/** What goes into the executable as a file (ffi/artefacts.ts); the first stage stands in front of it. */
export const INCLUDED = ["dunc-init", "libdunc.so", "commit", "program-id"] as const;

/** What the last build was made of, by output: a hash of the inputs and of the command. */
export type Stamps = Record<string, string>;

export class BuildError extends Error {}

export function run(program: string, args: readonly string[], options: Deno.CommandOptions = {}): string {
  let output: Deno.CommandOutput;
  try {
    output = new Deno.Command(program, { cwd: ROOT, stdin: "null", ...options, args: [...args] })
      .outputSync();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new BuildError(`${program} is not installed`);
    throw error;
  }
  const text = new TextDecoder().decode(output.stdout);
  if (!output.success) {
    throw new BuildError(`${program} ${args.join(" ")}\n${text}${new TextDecoder().decode(output.stderr)}`);
  }
  return text;
}

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** Files below a folder, sorted, that the test picks. */
export function filesBelow(folder: string, picks: (path: string) => boolean): string[] {
  const found: string[] = [];
  for (const entry of Deno.readDirSync(ROOT + folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) found.push(...filesBelow(path, picks));
    else if (picks(path)) found.push(path);
  }
  return found.sort();
}

export function matching(folder: string, patterns: readonly string[]): string[] {
  const names = [...Deno.readDirSync(ROOT + folder)].map(({ name }) => name).sort();
  return patterns.flatMap((pattern) => {
    const [head, tail] = pattern.split("*") as [string, string?];
    const found = names.filter((name) =>
      tail === undefined ? name === head : name.startsWith(head) && name.endsWith(tail)
    );
    if (found.length === 0) throw new BuildError(`${folder}/${pattern}: no such source`);
    return found.map((name) => `${folder}/${name}`);
  });
}

/** Make `output` unless it is there and was made by the same command of the same inputs. */
export async function step(
  stamps: Stamps,
  output: string,
  inputs: readonly string[],
  command: readonly string[],
  make: () => void,
): Promise<void> {
  const parts = [...command];
  for (const input of inputs) parts.push(input, await sha256(Deno.readFileSync(ROOT + input)));
  const stamp = await sha256(new TextEncoder().encode(parts.join("\0")));
  const exists = await Deno.stat(ROOT + output).then(() => true, () => false);
  if (exists && stamps[output] === stamp) return;
  const begin = performance.now();
  make();
  stamps[output] = stamp;
  const { size } = Deno.statSync(ROOT + output);
  console.log(`build: ${output}, ${size} bytes, in ${((performance.now() - begin) / 1000).toFixed(1)} s`);
}

export function removeFolder(path: string): void {
  try {
    Deno.removeSync(ROOT + path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** What tells one version of a large file from another; undefined when it is not there. */
export function identityOf(path: string): string | undefined {
  try {
    const { size, mtime } = Deno.statSync(path);
    return `${size} ${mtime?.toISOString()}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

export function readStamps(path: string): Stamps {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch {
    return {};
  }
}
