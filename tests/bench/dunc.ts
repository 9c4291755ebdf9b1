import { runFolder } from "./bundle.ts";

/** What became of a command. */
export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a command is run. */
export interface RunOptions {
  readonly cwd?: string | undefined;
  readonly env?: Record<string, string> | undefined;
  /** Nothing of the test's own environment. */
  readonly clearEnv?: boolean | undefined;
  readonly stdin?: string | undefined;
  readonly timeoutMs?: number | undefined;
}

/** The executable under test. */
export function duncPath(): string {
  return Deno.env.get("DUNC") ?? new URL("../../dist/dunc", import.meta.url).pathname;
}

/**
 * Run a command to its end; after the time (default 20 s) it alone is killed, and the test fails. Output goes to
 * files: a container that goes on would hold a pipe open.
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Result> {
  const folder = Deno.makeTempDirSync({ dir: runFolder() });
  const [out, err] = [`${folder}/out`, `${folder}/err`];
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", 'o=$1 e=$2; shift 2; exec "$@" >"$o" 2>"$e"', "sh", out, err, command, ...args],
    cwd: options.cwd ?? Deno.cwd(),
    env: options.env ?? {},
    clearEnv: options.clearEnv === true,
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const timeoutMs = options.timeoutMs ?? 20_000;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, timeoutMs);
  if (options.stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(options.stdin));
    await writer.close();
  }
  const { code } = await child.status;
  clearTimeout(timer);
  const [stdout, stderr] = [Deno.readTextFileSync(out), Deno.readTextFileSync(err)];
  Deno.removeSync(folder, { recursive: true });
  if (late) throw new Error(`${command} ${args.join(" ")}: not done after ${timeoutMs} ms\n${stderr}`);
  return { code, stdout, stderr };
}
