/**
 * The same command line under dunc and under runc: exit code, shape of the output, the error where it is logged and on
 * standard error, and the containers and files afterwards. A difference is accepted where the row says why.
 */
import { type Bundle, type Config, configText, defaultConfig, makeBundle } from "./bundle.ts";
import { call, type Outcome } from "./command.ts";
import { type Containers, reaping } from "./containers.ts";
import { type Aspect, ASPECTS, logForms, see, type Seen, type Shape } from "./outcome.ts";
import type { Runtime } from "./runtime.ts";

/** One command line. */
export interface Step {
  /**
   * The words behind the program's name and `--root`, or one text that is split at blanks. `ID` is the scene's
   * container, `BUNDLE` its bundle, `HERE` the directory of the call, which is the runtime's own.
   */
  readonly words: string | readonly string[];
  /** What is changed in the default config.json before; it stays so for the steps that follow. */
  readonly config?: (config: Config) => void;
  /** Done before, in the directory of each runtime. */
  readonly prepare?: (here: string, bundle: Bundle) => void;
  readonly env?: Record<string, string>;
  readonly stdin?: string;
  /** What of standard output is compared; `text` when left out: all of it. */
  readonly stdout?: Shape;
  /** Accepted differences, with the reason. One that is not there is a failure too. */
  readonly differs?: Readonly<Partial<Record<Aspect, string>>>;
  /** What it makes is taken away after it. */
  readonly alone?: true;
  /** After it, wait until the container has this status. */
  readonly until?: string;
  /** Without --root: the words have one, or it must not be there. */
  readonly bare?: true;
}

/** Steps that share one container and one bundle, in their order. */
export interface Scene {
  readonly name: string;
  readonly steps: readonly Step[];
}

export interface Difference {
  readonly words: string;
  readonly aspects: Aspect[];
  readonly reason: string;
}

/** What a run of scenes came to. */
export interface Tally {
  count: number;
  readonly differences: Difference[];
}

/** Where one runtime plays a scene. */
interface Stage {
  readonly runtime: Runtime;
  readonly id: string;
  readonly here: string;
  readonly bundle: Bundle;
}

/** Play a scene under both runtimes and compare each step. Throws at the first difference that is not accepted. */
export async function playScene(c: Containers, scene: Scene, tally: Tally): Promise<void> {
  const bundle = makeBundle(`${c.folder}/bundle-${tally.count}`);
  const stages = [c.runc, c.dunc].map((runtime): Stage => {
    const here = `${c.folder}/${runtime.name}-${tally.count}`;
    Deno.mkdirSync(here);
    Deno.mkdirSync(runtime.root, { recursive: true, mode: 0o700 });
    return { runtime, id: c.id(), here, bundle };
  });
  const faults: string[] = [];
  for (const [index, step] of scene.steps.entries()) {
    if (step.config !== undefined) configure(bundle, step.config);
    for (const { here } of stages) step.prepare?.(here, bundle);
    const [theirs, ours] = await reaping(Promise.all(stages.map((stage) => playStep(stage, step, index))));
    tally.count++;
    faults.push(...judge(step, theirs!, ours!, tally));
  }
  if (faults.length > 0) throw new Error(`${faults.length} differences:\n${faults.join("\n")}`);
}

function configure(bundle: Bundle, change: (config: Config) => void): void {
  const config = defaultConfig();
  // Sets of their own: the default document has one list for all of them.
  config.process!.capabilities = JSON.parse(JSON.stringify(config.process!.capabilities));
  config.process!.args = ["true"];
  change(config);
  Deno.writeTextFileSync(`${bundle.path}/config.json`, configText(config));
}

async function playStep(stage: Stage, step: Step, index: number): Promise<Seen> {
  const { runtime, id, here, bundle } = stage;
  const fill = (word: string) =>
    word.replaceAll("BUNDLE", bundle.path).replaceAll("HERE", here).replaceAll(/\bID\b/g, id);
  const words = (typeof step.words === "string" ? step.words.split(" ").filter(Boolean) : step.words).map(
    fill,
  );
  const logFile = `${here}/log`;
  const form = logForms(logFile)[index % logForms(logFile).length]!;
  const program = step.bare === true ? [runtime.path] : runtime.command();
  const options = {
    cwd: here,
    timeoutMs: 20_000,
    ...(step.stdin === undefined ? {} : { stdin: step.stdin }),
    ...(step.env === undefined ? {} : { env: step.env }),
  };
  const outcome = await call([...program, ...(step.bare === true ? [] : form), ...words], options);
  if (step.until !== undefined) await waitFor(runtime, id, step.until);
  const seen = await see(outcome, { ...stage, words, logFile, shape: step.stdout ?? "text" });
  removeIfThere(logFile);
  if (step.alone === true) await clear(stage);
  return seen;
}

async function clear({ runtime, id, here }: Stage): Promise<void> {
  if (runtime.ids().includes(id)) await call(runtime.command("delete", "--force", id));
  for (const { name } of Deno.readDirSync(here)) Deno.removeSync(`${here}/${name}`, { recursive: true });
}

async function waitFor(runtime: Runtime, id: string, status: string): Promise<void> {
  for (let round = 0; round < 500; round++) {
    const { code, stdout }: Outcome = await call(runtime.command("state", id));
    if (code === 0 && JSON.parse(stdout).status === status) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`${runtime.name}: ${id} is not ${status} after five seconds`);
}

/** The words, and the change of config.json as it is written in the table. */
function nameOf({ words, config }: Step): string {
  const text = typeof words === "string" ? words : words.map((word) => JSON.stringify(word)).join(" ");
  const change = config?.toString().replace(/^\(?(\{ ?)?\w+( ?\})?\)? ?=> ?/, "").replaceAll(/\s+/g, " ");
  return change === undefined ? text : `${text} with ${change}`;
}

/** Differences that the step does not accept, and acceptances of differences that are not there. */
function judge(step: Step, theirs: Seen, ours: Seen, tally: Tally): string[] {
  const words = nameOf(step);
  const faults: string[] = [];
  for (const aspect of ASPECTS) {
    const [their, our] = [JSON.stringify(theirs[aspect]), JSON.stringify(ours[aspect])];
    const equal = aspect === "message" ? says(ours.message, theirs.message) : their === our;
    const reason = step.differs?.[aspect];
    if (!equal && reason === undefined) faults.push(`${words}: ${aspect}: runc ${their}, dunc ${our}`);
    if (equal && reason !== undefined) faults.push(`${words}: ${aspect} does not differ: ${our}`);
    if (equal || reason === undefined) continue;
    const known = tally.differences.find((one) => one.words === words && one.reason === reason);
    if (known === undefined) tally.differences.push({ words, aspects: [aspect], reason });
    else known.aspects.push(aspect);
  }
  return faults;
}

/** Whether each of our errors says what runc's does. dunc adds the place in config.json, and a hint. */
function says(ours: Seen["message"], theirs: Seen["message"]): boolean {
  return ours.length === theirs.length &&
    ours.every(({ chain, text }, at) => chain === theirs[at]!.chain && text.includes(theirs[at]!.text));
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
