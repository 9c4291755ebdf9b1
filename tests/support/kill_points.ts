import { runCommand } from "../bench/dunc.ts";

/** One system call of a program's first thread: the `when`-th of its name. strace counts each name by itself. */
export interface KillPoint {
  readonly name: string;
  readonly when: number;
}

/** The system calls that a command makes when nothing disturbs it, in their order. */
export async function killPointsOf(command: readonly string[], cwd: string): Promise<KillPoint[]> {
  const trace = `${cwd}/calls`;
  await runCommand("strace", ["-qq", "-o", trace, ...command], { cwd });
  const seen = new Map<string, number>();
  const points = Deno.readTextFileSync(trace).split("\n").flatMap((line) => {
    const name = /^(\w+)\(/.exec(line)?.[1];
    if (name === undefined) return [];
    const when = (seen.get(name) ?? 0) + 1;
    seen.set(name, when);
    return [{ name, when }];
  });
  Deno.removeSync(trace);
  // The first is the execve of the command itself.
  return points.slice(1);
}

/** Run a command that is killed with SIGKILL at that call. True when it was. */
export async function killedAt({ name, when }: KillPoint, command: readonly string[], cwd: string) {
  const inject = `inject=${name}:signal=SIGKILL:when=${when}`;
  return (await runCommand("strace", ["-qq", "-o", `${cwd}/killed`, "-e", inject, ...command], { cwd }))
    .code !== 0;
}
