/**
 * Times dunc beside Debian's runc and crun and prints the figures; it asserts nothing.
 *
 * scripts/deno task bench [--rounds=30] [--only=run,state]
 *
 * Every round takes one sample of every program, so that a change of the machine's load falls on all alike; the
 * ratios are the medians of the rounds' own ratios to runc and to crun. A sample is the time from spawn to exit, which includes
 * that of spawning itself (first row).
 *
 * Three forms of dunc: `dunc` is dist/dunc as it is, whose first stage answers what it knows already; `engine` is
 * the same with DUNC_ENGINE=always, as in the first call from a bundle; `dunc.js` is the same program under
 * `deno run` of the newest Deno.
 */
import { type Contestant, contestants, startWorker, type Worker } from "./bench_contestants.ts";

const ROOT = new URL("..", import.meta.url).pathname;

/** What is measured. `ID` stands for a name of the sample's own, `BUNDLE` for the bundle's folder. */
interface Task {
  readonly name: string;
  readonly title: string;
  /** Once before the first and after the last sample. */
  readonly before?: readonly string[];
  readonly after?: readonly string[];
  /** Before and after each sample, not timed. */
  readonly setUp?: readonly (readonly string[])[];
  readonly takeDown?: readonly (readonly string[])[];
  /** The command lines that make a sample, one after the other. */
  readonly timed: readonly (readonly string[])[];
  readonly program: readonly string[];
}

const SLEEP = ["/bin/sleep", "1000"];
const REST_MS = 40;
const CREATE = ["create", "--bundle", "BUNDLE", "ID"];
const START = ["start", "ID"];
const KILL = ["kill", "ID", "KILL"];
const DELETE = ["delete", "--force", "ID"];

const TASKS: readonly Task[] = [
  {
    name: "run",
    title: "run /bin/true",
    timed: [["run", "--bundle", "BUNDLE", "ID"]],
    program: ["/bin/true"],
  },
  {
    name: "life",
    title: "create + start + kill + delete",
    timed: [CREATE, START, KILL, DELETE],
    program: SLEEP,
  },
  { name: "create", title: "create", timed: [CREATE], takeDown: [DELETE], program: SLEEP },
  { name: "start", title: "start", setUp: [CREATE], timed: [START], takeDown: [DELETE], program: SLEEP },
  {
    name: "kill",
    title: "kill KILL",
    setUp: [CREATE, START],
    timed: [KILL],
    takeDown: [DELETE],
    program: SLEEP,
  },
  {
    name: "delete",
    title: "delete --force (running)",
    setUp: [CREATE, START],
    timed: [DELETE],
    program: SLEEP,
  },
  {
    name: "exec",
    title: "exec true",
    before: ["run", "--detach", "--bundle", "BUNDLE", "ID"],
    timed: [["exec", "ID", "/bin/true"]],
    after: ["delete", "--force", "ID"],
    program: SLEEP,
  },
  {
    name: "state",
    title: "state",
    before: ["run", "--detach", "--bundle", "BUNDLE", "ID"],
    timed: [["state", "ID"]],
    after: ["delete", "--force", "ID"],
    program: SLEEP,
  },
];

/** The value below which a part `p` (0..1) of the sorted values lies. */
export function quantile(sorted: readonly number[], p: number): number {
  const at = (sorted.length - 1) * p;
  const low = sorted[Math.floor(at)]!;
  return low + (sorted[Math.ceil(at)]! - low) * (at - Math.floor(at));
}

/** `median (p25–p75)` in milliseconds, and the median of the ratios to each base, sample by sample. */
export function row(samples: readonly number[], bases: Readonly<Record<string, readonly number[]>>): string {
  const sorted = samples.toSorted((a, b) => a - b);
  const [p25, median, p75] = [0.25, 0.5, 0.75].map((p) => quantile(sorted, p).toFixed(1)) as [
    string,
    string,
    string,
  ];
  const text = `${median.padStart(7)} ms  (${p25}–${p75})`.padEnd(30);
  const ratios = Object.entries(bases).filter(([, base]) => base.length === samples.length).map(
    ([name, base]) => {
      const each = samples.map((sample, i) => sample / base[i]!).sort((a, b) => a - b);
      return `${quantile(each, 0.5).toFixed(2)} × ${name}`;
    },
  );
  return `${text} ${ratios.join("  ")}`.trimEnd();
}

function makeBundle(folder: string): void {
  Deno.mkdirSync(`${folder}/rootfs/bin`, { recursive: true });
  Deno.copyFileSync("/bin/busybox", `${folder}/rootfs/bin/busybox`);
  for (const applet of ["sh", "true", "sleep"]) Deno.symlinkSync("busybox", `${folder}/rootfs/bin/${applet}`);
  // runc's own default, so that nobody is measured with a document made for somebody else.
  const { success } = new Deno.Command("runc", { args: ["spec", "--bundle", folder] }).outputSync();
  if (!success) throw new Error("runc spec failed");
}

function writeProgram(folder: string, program: readonly string[]): void {
  const config = JSON.parse(Deno.readTextFileSync(`${folder}/config.json`));
  config.process.terminal = false;
  config.process.args = program;
  Deno.writeTextFileSync(`${folder}/config.json`, JSON.stringify(config));
}

const fill = (line: readonly string[], id: string, bundle: string): string[] =>
  line.map((word) => word === "ID" ? id : word === "BUNDLE" ? bundle : word);

/** The samples of a task by contestant; a text instead says why there are none. */
async function measure(
  task: Task,
  workers: ReadonlyMap<string, Worker>,
  bundle: string,
  rounds: number,
): Promise<Map<string, number[] | string>> {
  writeProgram(bundle, task.program);
  const results = new Map<string, number[] | string>();
  const lasting = (name: string) => `bench-${Deno.pid}-${name.replace(".", "-")}`;
  for (const [name, worker] of workers) {
    const failure = task.before && (await worker.call([fill(task.before, lasting(name), bundle)])).failure;
    results.set(name, failure ?? []);
  }
  const warmUps = 2;
  for (let round = -warmUps; round < rounds; round++) {
    for (const [name, worker] of workers) {
      const samples = results.get(name)!;
      if (typeof samples === "string") continue;
      const id = task.before === undefined ? `${lasting(name)}-${round + warmUps}` : lasting(name);
      const all = (lines: Task["setUp"] = []) => worker.call(lines.map((line) => fill(line, id, bundle)));
      await all(task.setUp);
      // The kernel takes namespaces down after their last process has gone, and makes no new ones meanwhile: nobody
      // is to pay for the one before.
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
      const { ms, failure } = await all(task.timed);
      await all(task.takeDown);
      if (failure !== undefined) {
        results.set(name, failure);
        if (task.before === undefined) await worker.call([["delete", "--force", id]]);
      } else if (round >= 0) samples.push(ms);
    }
  }
  for (const [name, worker] of workers) {
    if (task.after !== undefined) await worker.call([fill(task.after, lasting(name), bundle)]);
  }
  return results;
}

function print(title: string, results: ReadonlyMap<string, number[] | string>): void {
  console.log(`\n${title}`);
  for (const [name, samples] of results) {
    const bases: Record<string, readonly number[]> = {};
    for (const base of ["runc", "crun"].filter((base) => base !== name)) {
      const values = results.get(base);
      if (Array.isArray(values)) bases[base] = values;
    }
    const text = typeof samples === "string" ? `not measured: ${samples}` : row(samples, bases);
    console.log(`  ${name.padEnd(9)} ${text}`);
  }
}

/** Spawning alone, and each engine with a program that does nothing: what no work on dunc's own code can save. */
async function measureFloor(list: readonly Contestant[], rounds: number): Promise<void> {
  const samples = new Map<string, number[]>();
  const floors = [
    { name: "/bin/true", command: ["/bin/true"] },
    ...list.flatMap(({ name, empty }) => empty === undefined ? [] : [{ name, command: empty }]),
  ];
  for (let round = -2; round < rounds; round++) {
    for (const { name, command } of floors) {
      const begin = performance.now();
      await new Deno.Command(command[0]!, { args: command.slice(1), stdin: "null", stdout: "null" }).output();
      if (round >= 0) samples.set(name, [...samples.get(name) ?? [], performance.now() - begin]);
    }
  }
  print("an empty program", samples);
}

async function main(): Promise<void> {
  const option = (name: string) =>
    Deno.args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
  const rounds = Number(option("rounds") ?? 30);
  const only = option("only")?.split(",");
  const folder = Deno.makeTempDirSync({ prefix: "dunc-bench-" });
  const workers = new Map<string, Worker>();
  try {
    makeBundle(folder);
    const list = contestants(ROOT, folder);
    for (const contestant of list) workers.set(contestant.name, startWorker(contestant, folder));
    console.log(
      `${rounds} rounds; load of the machine before: ${Deno.loadavg().map((n) => n.toFixed(1)).join(" ")}`,
    );
    for (const { name, about } of list) console.log(`  ${name.padEnd(9)} ${about}`);
    await measureFloor(list, rounds);
    for (const task of TASKS) {
      if (only !== undefined && !only.includes(task.name)) continue;
      print(task.title, await measure(task, workers, folder, rounds));
    }
  } finally {
    for (const worker of workers.values()) await worker.close();
    Deno.removeSync(folder, { recursive: true });
  }
}

if (import.meta.main) await main();
