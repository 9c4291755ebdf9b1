import type { Bench } from "../bench/bench.ts";
import { duncPath, type Result, runCommand, type RunOptions } from "../bench/dunc.ts";

/** Every call starts the engine. */
export const ENGINE: RunOptions = { env: { DUNC_ENGINE: "always" } };

/** Run a command and say whether the engine was started (DUNC_TRACE). */
export async function traced(
  bench: Bench,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Result & { engine: boolean }> {
  const trace = `${bench.bundle}/trace`;
  Deno.writeTextFileSync(trace, "");
  const result = await runCommand(duncPath(), ["--root", bench.root, ...args], {
    cwd: bench.bundle,
    timeoutMs: 60_000,
    ...options,
    env: { ...options.env, DUNC_TRACE: trace },
  });
  return { ...result, engine: Deno.readTextFileSync(trace).includes("engine") };
}
