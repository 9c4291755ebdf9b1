/**
 * Builds what dunc is made of, and skips what is up to date:
 *
 *   dist/dunc-init    carries out a plan inside the container   \  freestanding C: no libc,
 *   dist/libdunc.so   what the TypeScript calls through FFI     /  raw system calls
 *   dist/dunc-front   the first stage of dist/dunc             /
 *   dist/commit       the commit of the sources, for `--version`
 *   dist/program-id   what tells this program from another, for creations that were kept
 *   dist/js           the program as few modules, one for what every command needs and one for each command, with the
 *                     four files beside them
 *   dist/dunc.js      what `deno run` is given to run them
 *   dist/engine       the program as one script with V8's code cache, where the compiler can use that
 *   dist/dunc         one executable: the first stage, and behind it what `deno compile` made of dist/engine or dist/js
 *
 * scripts/deno run -A scripts/build.ts [--c] [--engine=deno] [--target=aarch64]
 *   --c        the C only
 *   --engine   with `deno`: dist/dunc-deno too, whose second stage is the toolchain's own deno
 *   --target   its machine, with the cross compiler of that name; into dist/MACHINE, C only
 */
import { ENTRY as CACHED_ENTRY, hasQuickVm } from "./code_cache.ts";
import { archive, ENTRY } from "./deno_engine.ts";
import { joinStages } from "./join_stages.ts";

import {
  BuildError,
  filesBelow,
  identityOf,
  INCLUDED,
  matching,
  readStamps,
  removeFolder,
  ROOT,
  run,
  sha256,
  type Stamps,
  step,
  TOOLS,
} from "./build_steps.ts";

const C_FLAGS = [
  "-std=gnu11",
  "-O2",
  "-Wall",
  "-Wextra",
  "-Werror",
  "-ffreestanding",
  "-fno-builtin",
  // The mem functions are ours: a loop in one of them must not become a call of itself.
  "-fno-tree-loop-distribute-patterns",
  "-fno-stack-protector",
  "-fno-asynchronous-unwind-tables",
  "-fvisibility=hidden",
  "-s",
  "-nostdlib",
  "-Wl,--build-id=none",
  "-Wl,-z,noexecstack",
];

/** Every C artefact: what it is made of, below c/, and how. `*` stands for any part of a name. */
const ARTEFACTS = {
  "dunc-init": {
    sources: ["init.c", "bpf.c", "plan.c", "ops*.c", "text.c"],
    // One segment less to map: the file is a few pages long.
    flags: ["-static", "-fno-pic", "-no-pie", "-Wl,-z,noseparate-code"],
  },
  // The first stage of dist/dunc: no relocation is applied to it either.
  "dunc-front": {
    sources: [
      "front.c",
      "front_engine.c",
      "front_create.c",
      "front_exec.c",
      "front_file.c",
      "front_fill.c",
      "front_pid_file.c",
      "front_request.c",
      "front_spawn.c",
      "spawn.c",
      "relay.c",
      "bpf.c",
      "plan.c",
      "ops*.c",
      "text.c",
    ],
    flags: ["-static-pie", "-fPIE", "-Wl,-z,noseparate-code"],
    // It spawns the init from the copy that it holds.
    holds: "dunc-init",
  },
  "libdunc.so": {
    sources: ["stub.c", "spawn.c", "relay.c", "bpf.c", "plan.c", "ops*.c", "text.c"],
    // Nothing undefined: it must load on a host of any libc.
    flags: ["-shared", "-fPIC", "-Wl,-z,defs", "-Wl,-z,relro,-z,now", "-Wl,--hash-style=gnu"],
  },
} as const;

/** GCC calls its own library for atomics on aarch64 unless told not to, and none is linked. */
const MACHINE_FLAGS: Readonly<Record<string, readonly string[]>> = { aarch64: ["-mno-outline-atomics"] };

async function buildC(stamps: Stamps, machine: string | undefined): Promise<void> {
  const compiler = machine === undefined ? "gcc" : `${machine}-linux-gnu-gcc`;
  const folder = machine === undefined ? "dist" : `dist/${machine}`;
  Deno.mkdirSync(ROOT + folder, { recursive: true });
  const headers = filesBelow("c", (path) => path.endsWith(".h"));
  const buildId = await buildIdFlags();
  for (const [name, artefact] of Object.entries(ARTEFACTS)) {
    const { sources, flags } = artefact;
    const output = `${folder}/${name}`;
    const files = matching("c", sources);
    const held = "holds" in artefact ? [`${folder}/${artefact.holds}`] : [];
    const args = [
      ...C_FLAGS,
      ...buildId,
      ...(MACHINE_FLAGS[machine ?? Deno.build.arch] ?? []),
      ...flags,
      ...held.map((path) => `-DINIT_PROGRAM="${path}"`),
      "-o",
      output,
      ...files,
    ];
    await step(stamps, output, [...files, ...headers, ...held], [compiler, ...args], () => {
      run(compiler, args);
      assertNoRelocation(output, machine);
    });
  }
}

/**
 * 128 bits over everything that the meaning of a kept plan depends on: all of c/, and what builds plans. A first stage
 * of another build starts the engine instead of misreading a plan (c/kept.h).
 */
async function buildIdFlags(): Promise<string[]> {
  const sources = [
    ...filesBelow("c", () => true),
    ...filesBelow("src/plan", (path) => !path.endsWith("_test.ts")),
    "src/container/kept.ts",
  ];
  const hashes: string[] = [];
  for (const source of sources) hashes.push(await sha256(Deno.readFileSync(ROOT + source)));
  const id = await sha256(new TextEncoder().encode(hashes.join()));
  return [`-DBUILD_ID_LOW=0x${id.slice(0, 16)}ull`, `-DBUILD_ID_HIGH=0x${id.slice(16, 32)}ull`];
}

/** Nothing applies relocations to dunc-init and the first stage: with one, they would crash in the field. */
function assertNoRelocation(output: string, machine: string | undefined): void {
  if (output.endsWith("/libdunc.so")) return;
  const readelf = machine === undefined ? "readelf" : `${machine}-linux-gnu-readelf`;
  const text = run(readelf, ["--relocs", "--program-headers", "--wide", output]);
  if (!text.includes("There are no relocations in this file") || text.includes("INTERP")) {
    throw new BuildError(`${output} is not freestanding:\n${text}`);
  }
}

/**
 * The program as few modules. Reading one is what costs most of a start after the engine's own: V8 goes through 30 KB
 * of it in a millisecond, whether it is used or not. In one module all of it is read for every command; split at the
 * commands' dynamic imports, `state` reads a third and starts 10 ms sooner.
 */
async function bundle(stamps: Stamps): Promise<void> {
  const sources = programSources();
  const artefacts = INCLUDED.map((name) => `dist/${name}`);
  const args = ["bundle", "--quiet", "--no-check", "--platform=deno", "--code-splitting"];
  args.push("--outdir=dist/js.new", "main.ts");
  await step(stamps, "dist/js/main.js", [...sources, ...artefacts], args, () => {
    removeFolder("dist/js.new");
    run(`${ROOT}scripts/deno`, args);
    for (const file of artefacts) {
      Deno.copyFileSync(ROOT + file, file.replace("dist/", `${ROOT}dist/js.new/`));
    }
    // Names of modules hold a hash of their contents: an old one would stay for ever.
    removeFolder("dist/js.old");
    if (identityOf(`${ROOT}dist/js`) !== undefined) Deno.renameSync(`${ROOT}dist/js`, `${ROOT}dist/js.old`);
    Deno.renameSync(`${ROOT}dist/js.new`, `${ROOT}dist/js`);
    removeFolder("dist/js.old");
    Deno.writeTextFileSync(`${ROOT}dist/dunc.js`, 'import "./js/main.js";\n');
  });
}

function programSources(): string[] {
  const isSource = (path: string) => path.endsWith(".ts") && !path.endsWith("_test.ts");
  return ["main.ts", "deno.json", ...filesBelow("src", isSource), ...filesBelow("ffi", isSource)];
}

/** dist/program-id: 16 bytes over everything that the program is made of. A creation that another one kept is not used. */
async function writeProgramId(): Promise<void> {
  const hashes: string[] = [];
  for (const path of [...programSources(), "dist/dunc-init", "dist/dunc-front", "dist/libdunc.so"]) {
    hashes.push(path, await sha256(Deno.readFileSync(ROOT + path)));
  }
  const hex = await sha256(new TextEncoder().encode(hashes.join()));
  Deno.writeFileSync(`${ROOT}dist/program-id`, Uint8Array.fromHex(hex.slice(0, 32)));
}

/**
 * dist/commit, which `--version` prints: the commit of the sources, with `-dirty` when something differs from it.
 * Written only when it changes, since the bundle is made again then.
 */
function writeCommit(): void {
  let commit = "unknown";
  try {
    commit = run("git", ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]).trim();
  } catch (error) {
    // An archive of the sources has no history.
    if (!(error instanceof BuildError)) throw error;
  }
  const path = `${ROOT}dist/commit`;
  if (identityOf(path) !== undefined && Deno.readTextFileSync(path) === `${commit}\n`) return;
  Deno.writeTextFileSync(path, `${commit}\n`);
}

/**
 * dist/dunc-deno: the same with the plain `deno` as its engine, where the newest `deno compile` cannot be had. The
 * program is one script: deno would parse a module itself before V8 does.
 */
async function joinDeno(stamps: Stamps): Promise<void> {
  const deno = `${TOOLS}/deno`;
  const args = ["bundle", "--quiet", "--no-check", "--platform=deno", "--format=iife", "--minify"];
  args.push("--output=dist/dunc.script.js", "main.ts");
  const inputs = [...filesBelow("dist/js", () => true), "dist/dunc-front", "scripts/deno_engine.ts"];
  await step(stamps, "dist/dunc-deno", inputs, [...args, identityOf(deno) ?? ""], () => {
    run(`${ROOT}scripts/deno`, args);
    const read = (name: string) => Deno.readFileSync(`${ROOT}dist/${name}`);
    const files = Object.fromEntries(INCLUDED.map((name) => [name, read(name)]));
    const program = {
      entry: new TextEncoder().encode(ENTRY),
      archive: archive({ "main.js": read("dunc.script.js"), ...files }),
    };
    const id = read("program-id");
    joinStages({ front: `${ROOT}dist/dunc-front`, engine: deno, id, program }, `${ROOT}dist/dunc-deno.new`);
    Deno.removeSync(`${ROOT}dist/dunc.script.js`);
    const version = run(`${ROOT}dist/dunc-deno.new`, ["--version"], { clearEnv: true, cwd: "/" });
    if (!/^dunc\S* version /.test(version)) {
      throw new BuildError(`dist/dunc-deno --version printed: ${version}`);
    }
    Deno.renameSync(`${ROOT}dist/dunc-deno.new`, `${ROOT}dist/dunc-deno`);
  });
}

/** dist/engine: the program as one script, with the code cache of the V8 that `deno compile` brings. */
async function cacheCode(stamps: Stamps, compiler: string, compilerId: string): Promise<void> {
  const args = ["bundle", "--quiet", "--no-check", "--platform=deno", "--format=iife"];
  args.push("--output=dist/engine/script.js", "main.ts");
  const maker = [
    "run",
    "--allow-all",
    "--no-config",
    "--no-lock",
    "--no-check",
    "scripts/code_cache.ts",
    "dist/engine",
  ];
  const inputs = [...filesBelow("dist/js", () => true), "scripts/code_cache.ts"];
  await step(stamps, "dist/engine/code-cache", inputs, [...args, ...maker, compilerId], () => {
    removeFolder("dist/engine");
    Deno.mkdirSync(`${ROOT}dist/engine`);
    for (const name of INCLUDED) Deno.copyFileSync(`${ROOT}dist/${name}`, `${ROOT}dist/engine/${name}`);
    Deno.writeTextFileSync(`${ROOT}dist/engine/main.js`, CACHED_ENTRY);
    run(`${ROOT}scripts/deno`, args);
    run(compiler, maker, { env: compilerEnv() });
  });
}

function compilerEnv(): Record<string, string> {
  const denort = `${TOOLS}/denort`;
  const env: Record<string, string> = { DENO_DIR: `${TOOLS}/cache`, DENO_NO_UPDATE_CHECK: "1" };
  if (identityOf(denort) !== undefined) env.DENORT_BIN = denort;
  return env;
}

async function compile(stamps: Stamps): Promise<void> {
  const compiler = `${TOOLS}/deno-compile`;
  const compilerId = identityOf(compiler);
  const denortId = identityOf(`${TOOLS}/denort`);
  if (compilerId === undefined) {
    console.log(`build: no dist/dunc: this toolchain has no denort for ${Deno.build.arch}; use dist/dunc.js`);
    return;
  }
  const cached = hasQuickVm(run(compiler, ["--version"]));
  if (cached) await cacheCode(stamps, compiler, compilerId);
  const folder = cached ? "dist/engine" : "dist/js";
  const files = filesBelow(folder, () => true);
  const data = [...INCLUDED, ...cached ? ["script.js", "code-cache"] : []].map((name) =>
    `--include=${folder}/${name}`
  );
  const args = [
    "compile",
    "--quiet",
    "--allow-all",
    "--no-check",
    "--no-config",
    "--no-lock",
    "--no-remote",
    "--no-npm",
  ];
  // The cache would lie under a predictable name in the temporary directory, and root would load it.
  args.push("--no-code-cache", ...data, "--output=dist/dunc.engine", `${folder}/main.js`);
  const inputs = [...files, "dist/dunc-front"];
  await step(stamps, "dist/dunc", inputs, [...args, compilerId, denortId ?? ""], () => {
    run(compiler, args, { env: compilerEnv() });
    const id = Deno.readFileSync(`${ROOT}dist/program-id`);
    joinStages(
      { front: `${ROOT}dist/dunc-front`, engine: `${ROOT}dist/dunc.engine`, id },
      `${ROOT}dist/dunc.new`,
    );
    Deno.removeSync(`${ROOT}dist/dunc.engine`);
    // Nothing compares a compiler's version with that of its denort: the product says whether they fit.
    const trace = Deno.makeTempFileSync({ prefix: "dunc-build-" });
    const env = { DUNC_TRACE: trace };
    const version = run(`${ROOT}dist/dunc.new`, ["--version"], { clearEnv: true, cwd: "/", env });
    if (!version.startsWith("dunc version ")) throw new BuildError(`dist/dunc --version printed: ${version}`);
    const told = Deno.readTextFileSync(trace);
    Deno.removeSync(trace);
    if (told !== "call\nengine\n") throw new BuildError(`dist/dunc --version said of its start: ${told}`);
    // At once, so that nobody runs half a file.
    Deno.renameSync(`${ROOT}dist/dunc.new`, `${ROOT}dist/dunc`);
  });
}

if (import.meta.main) {
  const machine = Deno.args.find((arg) => arg.startsWith("--target="))?.slice("--target=".length);
  Deno.mkdirSync(`${ROOT}dist`, { recursive: true });
  // Two builds at once would write the same files.
  using lock = Deno.openSync(`${ROOT}dist/.lock`, { write: true, create: true });
  lock.lockSync(true);
  const path = `${ROOT}dist/.stamps.json`;
  const stamps = readStamps(path);
  try {
    await buildC(stamps, machine);
    if (machine === undefined && !Deno.args.includes("--c")) {
      writeCommit();
      await writeProgramId();
      await bundle(stamps);
      await compile(stamps);
      if (Deno.args.includes("--engine=deno")) await joinDeno(stamps);
    }
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    console.error(`build: ${error.message}`);
    Deno.exitCode = 1;
  } finally {
    Deno.writeTextFileSync(path, JSON.stringify(stamps, undefined, 2) + "\n");
  }
}
