import { assertEquals } from "@std/assert";
import { type Bundle, type Config, rewrite } from "../support/bundle.ts";
import { call, type CommandOptions, type Outcome } from "../support/command.ts";
import { type Containers, reaping } from "../support/containers.ts";
import type { Runtime } from "../support/runtime.ts";
import { Canary, MARK } from "./canary.ts";
import { type Cell, inCell } from "./cells.ts";
import { type Call, gateWords, type LookUp, readLookUps } from "./gate.ts";

/** What looks up, makes or attaches something: a race is won right before one of these. */
const LOOK_UPS: readonly Call[] = [
  ...(["openat2", "openat", "mkdirat", "mknodat", "symlinkat", "unlinkat", "chdir"] as const),
  ...(["move_mount", "mount", "pivot_root", "execve"] as const),
];

interface GateWish {
  readonly log?: string;
  readonly stop?: { readonly at: number; readonly script: string };
}

/** What a scenario works with: dunc in one cell, and a canary that every call is judged by. */
export class Stage {
  readonly canary: Canary;
  readonly dunc: Runtime;
  /** A folder that dunc's caller may write to. */
  readonly output: string;
  /** Shared by all cells of one scenario. */
  private readonly logs = { count: 0 };

  constructor(readonly c: Containers, readonly cell: Cell) {
    this.canary = new Canary(`${c.folder}/canary`);
    this.dunc = c.dunc;
    this.output = `${c.folder}/output`;
    Deno.mkdirSync(this.output);
    Deno.chmodSync(this.output, 0o777);
    if (cell.user === undefined) return;
    Deno.mkdirSync(c.dunc.root, { mode: 0o700 });
    Deno.chownSync(c.dunc.root, cell.user, cell.user);
  }

  /**
   * A bundle as the cell has it, its root file system writable and the container's own root's. A bundle is a copy of one
   * that is made once: most of it are the links of busybox.
   */
  bundle(change: (config: Config) => void = () => {}): Bundle {
    const bundle = this.c.bundle((config) => {
      inCell(config, this.cell);
      config.root!.readonly = false;
      change(config);
    });
    if (this.cell.mapped !== undefined) chownAll(bundle.rootfs, this.cell.mapped);
    return bundle;
  }

  /** Call dunc in the cell. The canary must be what it was, and nothing of it be shown. */
  async call(args: readonly string[], options: CommandOptions = {}, wish: GateWish = {}): Promise<Outcome> {
    const outcome = await reaping(call(this.words(args, wish), { timeoutMs: 10_000, ...options }));
    this.check(args.join(" "));
    // Whatever a kernel lacks: what fails for that reason has not been tried.
    assertEquals(outcome.stderr.includes("function not implemented"), false, outcome.stderr);
    assertEquals(
      `${outcome.stdout}${outcome.stderr}`.includes(MARK),
      false,
      `${outcome.stdout}${outcome.stderr}`,
    );
    return outcome;
  }

  /** The same, with another cell's calls and user. */
  in(cell: Cell): Stage {
    return Object.assign(Object.create(Stage.prototype), { ...this, cell });
  }

  /** The whole command line: dunc behind the cell's gate. */
  words(args: readonly string[], wish: GateWish = {}): string[] {
    const { user, missing } = this.cell;
    const watched = wish.log === undefined && wish.stop === undefined
      ? []
      : LOOK_UPS.filter((name) => !missing.includes(name));
    return [...gateWords({ user, missing, watched, ...wish }), ...this.dunc.command(...args)];
  }

  /** The canary must be what it was. */
  check(what: string): void {
    assertEquals(this.canary.changes(), [], what);
  }

  async run(bundle: Bundle, flags: readonly string[] = [], options: CommandOptions = {}): Promise<Outcome> {
    return await this.call(["run", ...flags, "--bundle", bundle.path, this.c.id()], options);
  }

  /** A run that must succeed; its output. */
  async ran(bundle: Bundle, flags: readonly string[] = []): Promise<string> {
    const { code, stdout, stderr } = await this.run(bundle, flags);
    assertEquals([code, stderr], [0, ""], stdout);
    return stdout;
  }

  /** A container that runs; its id. `end` takes it away. */
  async running(bundle: Bundle): Promise<string> {
    const id = this.c.id();
    const { code, stderr } = await this.call(["run", "--detach", "--bundle", bundle.path, id]);
    assertEquals([code, stderr], [0, ""]);
    return id;
  }

  /**
   * `exec`. In the cell of the first stage it is called again: by then its plan is kept, and no thread may be made,
   * which the engine alone has.
   */
  async exec(id: string, flags: readonly string[], args: readonly string[]): Promise<Outcome> {
    const words = ["exec", ...flags, id, ...args];
    const first = await this.call(words);
    if (this.cell.name !== "first stage" || first.code === 255) return first;
    const trace = `${this.c.folder}/trace`;
    const strace = ["strace", "-qq", "-o", trace, "-e", "trace=clone3,clone", ...this.dunc.command(...words)];
    const again = await call(strace, { timeoutMs: 10_000 });
    this.check(words.join(" "));
    assertEquals(
      Deno.readTextFileSync(trace).includes("CLONE_THREAD"),
      false,
      `the engine: ${words.join(" ")}`,
    );
    assertEquals(again.code, first.code, again.stderr);
    return again;
  }

  async end(id: string): Promise<void> {
    const { code, stderr } = await this.call(["delete", "--force", id]);
    assertEquals([code, stderr], [0, ""]);
  }

  /** Which look-ups the init makes for this call, when nobody is in the way. */
  async lookUps(args: (id: string) => readonly string[], options: CommandOptions = {}): Promise<LookUp[]> {
    const log = `${this.c.folder}/lookups-${this.logs.count++}`;
    await this.call(args(this.c.id()), options, { log });
    return readLookUps(log);
  }

  /**
   * A race that is won: before each look-up that `pick` wants, `script` runs (PID: the init; it gets the look-up).
   * `reset` puts the bundle back between the rounds. Returns how often it was raced.
   */
  async race(race: Race): Promise<number> {
    const { bundle, options = {} } = race;
    const args = race.args ?? ((id: string) => ["run", "--bundle", bundle.path, id]);
    race.reset?.();
    const lookUps = await this.lookUps(args, options);
    const stops = `${this.output}/stops-${this.logs.count}`;
    Deno.writeTextFileSync(stops, "");
    let rounds = 0;
    for (const [index, lookUp] of lookUps.entries()) {
      if (!race.pick(lookUp, index)) continue;
      race.reset?.();
      const outcome = await this.call(args(this.c.id()), options, {
        stop: { at: index + 1, script: `echo >> ${stops}; ${race.script(lookUp)}` },
      });
      // A round in which nobody was stopped has tried nothing.
      assertEquals(
        Deno.readTextFileSync(stops).length,
        rounds + 1,
        `${JSON.stringify(lookUp)}: ${outcome.stderr}`,
      );
      race.judge?.(outcome, lookUp);
      rounds++;
    }
    return rounds;
  }
}

export interface Race {
  readonly bundle: Bundle;
  /** The command line with the id last; `run` of the bundle when left out. */
  readonly args?: (id: string) => readonly string[];
  readonly options?: CommandOptions;
  readonly pick: (lookUp: LookUp, index: number) => boolean;
  readonly script: (lookUp: LookUp) => string;
  readonly reset?: () => void;
  readonly judge?: (outcome: Outcome, lookUp: LookUp) => void;
}

export function chownAll(path: string, id: number): void {
  for (const { name, isDirectory, isSymlink } of Deno.readDirSync(path)) {
    if (isDirectory) chownAll(`${path}/${name}`, id);
    else if (!isSymlink) Deno.chownSync(`${path}/${name}`, id, id);
  }
  Deno.chownSync(path, id, id);
}

/** Take a name away, whatever it is. */
export function remove(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch { /* It was not there. */ }
}

/** Put a link in the place of a name. */
export function plantLink(path: string, target: string): void {
  remove(path);
  Deno.symlinkSync(target, path);
}

/** The way from inside to a path of the host, for a link that is relative. */
export const up = (path: string): string => `../../../../../../../../..${path}`;

export { rewrite };
