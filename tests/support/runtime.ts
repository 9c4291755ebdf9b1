import { containersIn } from "./ledger.ts";
import { call, type CommandOptions, type Outcome, type Running, start } from "./command.ts";

/** What `state` prints. */
export interface State {
  readonly ociVersion: string;
  readonly id: string;
  readonly pid: number;
  readonly status: string;
  readonly bundle: string;
  readonly rootfs: string;
  readonly created: string;
  readonly annotations?: Record<string, string>;
  readonly owner: string;
}

/** A container runtime with a root folder of its own: dunc, or runc to compare with. */
export class Runtime {
  constructor(readonly name: string, readonly path: string, readonly root: string) {}

  /** The whole command line, the global flag --root included. */
  command(...args: string[]): string[] {
    return [this.path, "--root", this.root, ...args];
  }

  start(args: readonly string[], options: CommandOptions = {}): Running {
    return start(this.command(...args), this.#traced(options));
  }

  /** With DUNC_TRACE, each call and each start of the engine is a line of that file: a clean environment keeps it. */
  #traced(options: CommandOptions): CommandOptions {
    const trace = Deno.env.get("DUNC_TRACE");
    if (this.name !== "dunc" || trace === undefined) return options;
    return { ...options, env: { ...options.env, DUNC_TRACE: trace } };
  }

  /** Call to the end. A container whose making has failed must not be there afterwards: that is checked here. */
  async call(args: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
    const before = this.ids();
    const outcome = await call(this.command(...args), this.#traced(options));
    const { code, stderr } = outcome;
    const failed = code !== 0 && /(create|run) failed: /.test(stderr) && !stderr.includes("already exists");
    const id = args.at(-1)!;
    if (failed && !before.includes(id) && this.ids().includes(id)) {
      throw new Error(`${this.name} ${args.join(" ")}: it failed, and ${id} is left: ${stderr}`);
    }
    return outcome;
  }

  /** A call that must succeed; what it wrote to its standard output. */
  async ok(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.call(args);
    if (code !== 0) throw new Error(`${this.name} ${args.join(" ")}: exit code ${code}: ${stderr}${stdout}`);
    return stdout;
  }

  /** A call that must fail with this exit code; the text of its standard error. */
  async fails(code: number, ...args: string[]): Promise<string> {
    const outcome = await this.call(args);
    if (outcome.code === code) return outcome.stderr;
    throw new Error(
      `${this.name} ${args.join(" ")}: exit code ${outcome.code} instead of ${code}: ` +
        `${outcome.stderr}${outcome.stdout}`,
    );
  }

  async state(id: string): Promise<State> {
    return JSON.parse(await this.ok("state", id));
  }

  /** Ids with a folder below the root folder. */
  ids(): string[] {
    return containersIn(this.root);
  }
}
