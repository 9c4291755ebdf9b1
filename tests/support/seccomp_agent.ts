import { type Running, start, succeed, until } from "./command.ts";
import { theSetting } from "./setting.ts";

/** How an agent answers the calls that are handed to it: seccomp_agent.c. */
export type Answer = readonly ["errno" | "value", number] | readonly ["continue" | "hangup"];

/** What a runtime tells an agent beside the listener (config-linux.md, containerProcessState). */
export interface ProcessState {
  readonly ociVersion: string;
  readonly fds: readonly string[];
  readonly pid: number;
  readonly metadata?: string;
  readonly state: {
    readonly id: string;
    readonly status: string;
    readonly pid: number;
    readonly bundle: string;
  };
}

let built: Promise<string> | undefined;

/** The program, compiled on first use. */
async function program(): Promise<string> {
  const path = `${theSetting().folder}/seccomp_agent`;
  const source = new URL("seccomp_agent.c", import.meta.url).pathname;
  await succeed(["gcc", "-Wall", "-Wextra", "-Werror", "-O1", "-o", path, source]);
  return path;
}

/** A seccomp agent that runs until it is closed. */
export class SeccompAgent {
  private constructor(readonly path: string, private readonly running: Running) {}

  /** Everybody may connect to it. */
  static async start(path: string, answer: Answer): Promise<SeccompAgent> {
    const command = [await (built ??= program()), path, ...answer.map(String)];
    const running = start(command, { timeoutMs: 60_000 });
    const agent = new SeccompAgent(path, running);
    await until("the agent listens", () => agent.#lines().includes("ready"));
    Deno.chmodSync(path, 0o777);
    return agent;
  }

  #lines(): string[] {
    return this.running.stdout.split("\n");
  }

  /** The documents of all connections so far. */
  get documents(): ProcessState[] {
    return this.#lines().filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  }

  /** The numbers of the calls that were handed to it so far. */
  get calls(): number[] {
    return this.#lines().filter((line) => line.startsWith("call ")).map((line) => Number(line.slice(5)));
  }

  async close(): Promise<void> {
    this.running.kill("SIGKILL");
    await this.running.ended;
    Deno.removeSync(this.path);
  }
}
