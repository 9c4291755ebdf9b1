/** How a program ended. A signal counts as the code 128 + N, as in a shell. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  /** Added to the environment, or all of it with `clearEnv`. */
  readonly env?: Record<string, string>;
  readonly clearEnv?: boolean;
  /** What it reads; nothing when left out. `piped`: what `Running.write` sends. */
  readonly stdin?: string | "piped";
  /** Killed after it. */
  readonly timeoutMs?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** Processes that `start` made and Deno waits for itself: nobody else may reap them. */
export const ownChildren = new Set<number>();

/** How much longer everything may take: machines under emulation (scripts/vm) say so. */
const patience = (): number => Number(Deno.env.get("DUNC_PATIENCE") ?? 1);

let folder: string | undefined;
let count = 0;

/** Where outputs are kept: set by the setting of a run, because they must go with it. */
export function keepOutputsIn(path: string): void {
  folder = path;
}

/**
 * A program that runs. Its output goes to files, not to pipes: a detached container keeps the runtime's descriptors,
 * and the end of a pipe would not come.
 */
export class Running {
  readonly #child: Deno.ChildProcess;
  readonly #ended: Promise<Outcome>;
  readonly #files: { readonly out: string; readonly err: string };
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>> | undefined;

  constructor(command: readonly string[], options: CommandOptions) {
    const base = `${folder ?? "/tmp"}/out-${Deno.pid}-${count++}`;
    this.#files = { out: `${base}.out`, err: `${base}.err` };
    const piped = options.stdin === "piped";
    const input = options.stdin === undefined || piped ? undefined : `${base}.in`;
    if (input !== undefined) Deno.writeTextFileSync(input, options.stdin!);
    // The shell becomes the program: its pid is the child's, and it holds no descriptor of ours.
    const script =
      `o=$1; e=$2; ${input === undefined ? "" : "i=$3; shift; "}shift 2; exec "$@" >>"$o" 2>>"$e"` +
      (input === undefined ? "" : ' <"$i"');
    for (const file of Object.values(this.#files)) {
      Deno.writeTextFileSync(file, "");
      Deno.chmodSync(file, 0o666);
    }
    this.#child = new Deno.Command("/bin/sh", {
      args: [
        "-c",
        script,
        "sh",
        this.#files.out,
        this.#files.err,
        ...(input === undefined ? [] : [input]),
        ...command,
      ],
      stdin: piped ? "piped" : "null",
      stdout: "null",
      stderr: "null",
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.clearEnv === undefined ? {} : { clearEnv: options.clearEnv }),
      ...(options.uid === undefined ? {} : { uid: options.uid }),
      ...(options.gid === undefined ? {} : { gid: options.gid }),
    }).spawn();
    this.#writer = piped ? this.#child.stdin.getWriter() : undefined;
    ownChildren.add(this.#child.pid);
    this.#ended = this.#wait(command, (options.timeoutMs ?? 20_000) * patience());
  }

  async #wait(command: readonly string[], timeoutMs: number): Promise<Outcome> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.kill("SIGKILL");
    }, timeoutMs);
    const status = await this.#child.status;
    clearTimeout(timer);
    ownChildren.delete(this.#child.pid);
    await this.#writer?.close().catch(() => {});
    if (late) {
      throw new Error(`${command.join(" ")}: not finished in ${timeoutMs} ms\n${this.stdout}${this.stderr}`);
    }
    return { code: status.code, stdout: this.stdout, stderr: this.stderr };
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** What it has written so far. */
  get stdout(): string {
    return Deno.readTextFileSync(this.#files.out);
  }

  get stderr(): string {
    return Deno.readTextFileSync(this.#files.err);
  }

  async write(text: string): Promise<void> {
    await this.#writer!.write(new TextEncoder().encode(text));
  }

  async closeInput(): Promise<void> {
    await this.#writer!.close();
  }

  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch { /* It has ended already. */ }
  }

  get ended(): Promise<Outcome> {
    return this.#ended;
  }
}

export function start(command: readonly string[], options: CommandOptions = {}): Running {
  return new Running(command, options);
}

/** Run a program to its end. Throws when it takes longer than `timeoutMs` (20 s when left out), and kills it. */
export async function call(command: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
  return await new Running(command, options).ended;
}

/** Run a program that must succeed; its output. */
export async function succeed(command: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await call(command, options);
  if (code !== 0) throw new Error(`${command.join(" ")}: exit code ${code}: ${stderr}${stdout}`);
  return stdout;
}

/** Wait until `probe` has an answer that is not undefined or false. Throws after `timeoutMs`. */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 5000,
): Promise<T> {
  const end = Date.now() + timeoutMs * patience();
  for (;;) {
    const answer = await probe();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
