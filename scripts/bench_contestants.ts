/** A program that is timed. */
export interface Contestant {
  readonly name: string;
  /** What it is, for the reader of the figures. */
  readonly about: string;
  /** The command line before the verb. */
  readonly command: readonly string[];
  /** The same engine with a program that does nothing. */
  readonly empty?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A shell line that the worker's own mount namespace is made ready with. */
  readonly mounts?: string;
}

/** One sample: the time of its command lines together. */
export interface Sample {
  readonly ms: number;
  /** Why there is no time: the last line that the command wrote to stderr. */
  readonly failure?: string;
}

/** A process that spawns one contestant's command lines, in a mount namespace of its own where that is needed. */
export interface Worker {
  call(lines: readonly (readonly string[])[]): Promise<Sample>;
  close(): Promise<void>;
}

function textOf(command: string, args: readonly string[]): string {
  try {
    return new TextDecoder().decode(new Deno.Command(command, { args: [...args] }).outputSync().stdout)
      .trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** The programs that are there. `root` is the repository with a slash at its end, `folder` a place for files. */
export function contestants(root: string, folder: string): Contestant[] {
  const tools = Deno.env.get("DUNC_TOOLS") ?? `${root}.tools`;
  const list: Contestant[] = [];
  for (const name of ["runc", "crun"]) {
    const about = textOf(name, ["--version"]).split("\n")[0]!;
    if (about === "") {
      console.log(`${name} is not installed`);
      continue;
    }
    // crun refuses a v2 tree beside v1 hierarchies.
    const hybrid = name === "crun" && exists("/sys/fs/cgroup/unified/cgroup.procs");
    list.push({
      name,
      about: about + (hybrid ? ", in a mount namespace without /sys/fs/cgroup/unified" : ""),
      command: [name, "--root", `${folder}/${name}`],
      ...(hybrid ? { mounts: "umount /sys/fs/cgroup/unified" } : {}),
    });
  }
  Deno.writeTextFileSync(`${folder}/empty.js`, "export {};\n");
  const deno = [`${tools}/deno`, "run", "--allow-all", "--no-config", "--no-lock"];
  if (exists(`${root}dist/dunc`)) {
    list.push({
      name: "dunc",
      about: `dist/dunc, compiled with ${versionOf(`${tools}/deno-compile`)}`,
      command: [`${root}dist/dunc`, "--root", `${folder}/dunc`],
      ...emptyProgram(tools, folder),
    });
    list.push({
      name: "engine",
      about: "the same with DUNC_ENGINE=always",
      command: [`${root}dist/dunc`, "--root", `${folder}/engine`],
      env: { DUNC_ENGINE: "always" },
    });
  }
  if (exists(`${root}dist/dunc-deno`)) {
    list.push({
      name: "deno",
      about: `dist/dunc-deno with DUNC_ENGINE=always: its engine is the plain ${versionOf(`${tools}/deno`)}`,
      command: [`${root}dist/dunc-deno`, "--root", `${folder}/deno`],
      env: { DUNC_ENGINE: "always" },
    });
  }
  list.push({
    name: "dunc.js",
    about: `dist/dunc.js under deno run of ${versionOf(`${tools}/deno`)}`,
    command: [...deno, `${root}dist/dunc.js`, "--root", `${folder}/dunc.js`],
    empty: [...deno, `${folder}/empty.js`],
  });
  return list;
}

const versionOf = (deno: string) => textOf(deno, ["--version"]).split(" (")[0];

function emptyProgram(tools: string, folder: string): { empty?: readonly string[] } {
  const denort = `${tools}/denort`;
  const { success } = new Deno.Command(`${tools}/deno-compile`, {
    args: [
      ...["compile", "--quiet", "--no-check", "--no-config", "--no-code-cache"],
      ...["--output", `${folder}/empty`, `${folder}/empty.js`],
    ],
    env: {
      DENO_DIR: `${tools}/cache`,
      ...(exists(denort) ? { DENORT_BIN: denort } : {}),
    },
    stdout: "null",
    stderr: "null",
  }).outputSync();
  return success ? { empty: [`${folder}/empty`] } : {};
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Start the process that spawns for a contestant. It speaks JSON, a line a message. */
export function startWorker(contestant: Contestant, folder: string): Worker {
  const self = [Deno.execPath(), "run", "--allow-all", "--no-config", "--no-lock", import.meta.url];
  const [program, ...args] = contestant.mounts === undefined ? self : [
    "unshare",
    "--mount",
    "--propagation=private",
    "sh",
    "-c",
    `${contestant.mounts} && exec "$@"`,
    "sh",
    ...self,
  ];
  const child = new Deno.Command(program!, {
    args: [...args, JSON.stringify([...contestant.command])],
    cwd: folder,
    env: { ...contestant.env },
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const encoder = new TextEncoder();
  return {
    async call(words) {
      await writer.write(encoder.encode(JSON.stringify(words) + "\n"));
      let text = "";
      while (!text.endsWith("\n")) {
        const { value, done } = await lines.read();
        if (done) throw new Error(`the worker of ${contestant.name} has ended`);
        text += value;
      }
      return JSON.parse(text);
    },
    async close() {
      await writer.close();
      await lines.cancel();
      await child.status;
    },
  };
}

/** Run the command lines of one sample. */
function takeSample(command: readonly string[], lines: readonly (readonly string[])[]): Sample {
  const [program, ...head] = command;
  let ms = 0;
  for (const line of lines) {
    const args = [...head, ...line];
    const begin = performance.now();
    const { success } = new Deno.Command(program!, { args, ...QUIET }).outputSync();
    ms += performance.now() - begin;
    if (!success) return { ms, failure: failureOf([program!, ...args]) };
  }
  return { ms };
}

const QUIET = { stdin: "null", stdout: "null", stderr: "null" } as const;

/** The last line that a command writes to stderr when it is run once more. Not through a pipe: a container that stays keeps one open. */
function failureOf(command: readonly string[]): string {
  const log = `stderr.${Deno.pid}`;
  new Deno.Command("sh", { args: ["-c", 'exec "$@" 2>"$0"', log, ...command], ...QUIET }).outputSync();
  return Deno.readTextFileSync(log).trim().split("\n").at(-1)!;
}

if (import.meta.main) {
  const command = JSON.parse(Deno.args[0]!) as string[];
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    rest += text;
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      console.log(JSON.stringify(takeSample(command, JSON.parse(rest.slice(0, end)))));
      rest = rest.slice(end + 1);
    }
  }
}
