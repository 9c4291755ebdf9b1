import { assertEquals, assertMatch } from "@std/assert";
import { buildExecPlan } from "../src/plan/build_exec.ts";
import { buildCreatePlan } from "../src/plan/build.ts";
import type { CreateRequest } from "../src/plan/frame.ts";
import { encodePlan } from "../src/plan/encode.ts";
import { creationPlans } from "../src/plan/creation.ts";
import { encodeKept, keptPlans } from "../src/plan/kept.ts";
import { encodeCreation, HOLES } from "../src/plan/kept_creation.ts";
import { recorderPlan } from "../src/plan/recorder.ts";
import type { Plan } from "../src/plan/plan.ts";
import { defaultSpecText } from "../src/spec/defaults.ts";
import { parseSpec } from "../src/spec/parse.ts";

const SECONDS = Deno.env.get("DUNC_FULL") === "1" ? 600 : Number(Deno.env.get("DUNC_FUZZ_SECONDS") ?? 60);

Deno.test(`the check of plans and the executor stand ${SECONDS} s of fuzzing under ASan and UBSan`, async () => {
  const folder = Deno.makeTempDirSync({ prefix: "dunc-fuzz-" });
  try {
    const program = `${folder}/plan_fuzz`;
    const c = new URL("../c/", import.meta.url).pathname;
    const sources = [...Deno.readDirSync(c)].map(({ name }) => name).filter((name) =>
      /^(plan|ops.*|text|bpf|front_fill|front_file|front_pid_file)\.c$/.test(name)
    );
    const fuzz = new URL("./fuzz/", import.meta.url).pathname;
    const flags = [
      "-O1",
      "-g",
      "-Wall",
      "-Wextra",
      "-fsanitize=address,undefined",
      "-fno-sanitize-recover=all",
    ];
    // Under other names, or they would take the place of the sanitizer's.
    const names = ["memcpy", "memset", "memmove", "memcmp", "strlen"].map((name) => `-D${name}=dunc_${name}`);
    const ours = ["-std=gnu11", "-ffreestanding", "-fno-builtin", "-DDUNC_FUZZ", ...names];
    await compile([
      ...flags,
      ...ours,
      "-c",
      `${fuzz}kernel.c`,
      `${fuzz}creation_one.c`,
      ...sources.map((name) => c + name),
    ], folder);
    const objects = [...Deno.readDirSync(folder)].map(({ name }) => name);
    await compile([...flags, "-o", program, `${fuzz}plan_fuzz.c`, ...objects], folder);
    const seeds = Object.entries(plans()).map(([name, plan]) => {
      Deno.writeFileSync(`${folder}/${name}`, encodePlan(plan));
      return `${folder}/${name}`;
    });
    Deno.writeFileSync(`${folder}/kept.creation`, creation());
    seeds.push(`${folder}/kept.creation`);
    const run = await new Deno.Command(program, {
      args: [String(SECONDS), String(Date.now()), ...seeds],
      env: { ASAN_OPTIONS: "detect_leaks=0" },
    }).output();
    const text = new TextDecoder().decode(run.stdout);
    assertEquals(run.code, 0, new TextDecoder().decode(run.stderr).slice(0, 4000));
    assertMatch(text, /^\d+ plans, \d+ accepted/);
    console.log(text.trim());
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

async function compile(args: readonly string[], cwd: string): Promise<void> {
  const { code, stderr } = await new Deno.Command("gcc", { args: [...args], cwd }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr).slice(0, 4000));
}

/** Plans of each kind, with every family of operations in them. */
function plans(): Record<string, Plan> {
  const spec = parseSpec(defaultSpecText({ cgroup2: false }));
  const hooks = {
    createContainer: [{ path: "/bin/true", env: ["A=b"] }],
    startContainer: [{ path: "/bin/true" }],
  };
  const request: CreateRequest = {
    spec: {
      ...spec,
      hooks,
      mounts: [...spec.mounts!, { destination: "/c", type: "tmpfs", options: ["tmpcopyup"] }],
    },
    id: "fuzz",
    bundle: "/b",
    rootfs: "/b/rootfs",
    stateDirectory: "/run/dunc/fuzz",
    barrier: true,
    noPivot: false,
    noNewKeyring: false,
    preserveFds: 0,
    consoleSocket: false,
    cgroup: { joinFiles: ["/sys/fs/cgroup/pids/fuzz/tasks"], mounts: [] },
    seccomp: { program: new Uint8Array(64), flags: 0, notify: true },
    hookState: { creating: ['{"pid":', "}"], created: ['{"pid":', "}"] },
    host: { canMknod: true, hasKcore: true, hasKeyrings: true, kernelMounts: [] },
    kernel: { openat2: true, mountApi: true },
  };
  const create = buildCreatePlan(request);
  // For a kernel that lacks the newer calls: other operations, and look-ups of our own.
  const old = buildCreatePlan({ ...request, kernel: { openat2: false, mountApi: false } });
  const exec = buildExecPlan({
    process: spec.process!,
    origin: ["process"],
    id: "fuzz",
    pid: 1,
    namespaces: 0x2020000,
    userNamespace: true,
    setgroups: true,
    kernel: { openat2: true, mountApi: true },
    noNewKeyring: false,
    preserveFds: 0,
    consoleSocket: true,
    joinFiles: ["/sys/fs/cgroup/pids/fuzz/tasks"],
  });
  const kept = keptPlans({
    id: "fuzz",
    target: { pid: 1, startTime: 1 },
    barrier: "exec.fifo",
    freezer: { path: "/f", word: "FR" },
    freeze: { path: "/f", frozen: "FROZEN", thawed: "THAWED", state: "/f", word: "FROZEN", again: true },
    processes: "/sys/fs/cgroup/devices/fuzz",
    cgroups: ["/sys/fs/cgroup/pids/fuzz"],
    states: { created: "c", running: "r", paused: "p", stopped: "s" },
    files: ["state.json"],
    engine: [],
  });
  return { create, old, exec, recorder: recorderPlan("/f"), ...kept };
}

/** A kept creation with every kind of step and hole. */
function creation(): Uint8Array<ArrayBuffer> {
  const identity = {
    id: HOLES.id,
    incarnation: HOLES.incarnation,
    bootId: "boot",
    uid: 0,
    buildId: new Uint8Array(16),
  };
  const target = { pid: HOLES.pid, startTime: HOLES.startTime };
  const directory = `/sys/fs/cgroup/cpuset/${HOLES.id}`;
  const states = { created: `"${HOLES.id}" ${HOLES.pid}`, running: "r", paused: "p", stopped: HOLES.created };
  const files = ["state.json"];
  const verbs = encodeKept(
    keptPlans({
      id: HOLES.id,
      target,
      barrier: "exec.fifo",
      cgroups: [directory],
      states,
      files,
      engine: [],
    }),
    identity,
  )!;
  return encodeCreation({
    barrier: true,
    terminal: false,
    bundle: "/b",
    config: "{}",
    rootfs: "/b/rootfs",
    rootfsIdentity: [1n, 2n],
    layout: "0::/\n",
    init: plans().exec!,
    verbs,
    host: creationPlans({
      id: HOLES.id,
      creating: `{"id":"${HOLES.id}","created":"${HOLES.created}","incarnation":"${HOLES.incarnation}"}`,
      created: `{"id":"${HOLES.id}","pid":${HOLES.pid},"startTime":${HOLES.startTime}}`,
      config: "{}",
      verbs,
      groups: [{
        directory,
        inherited: ["cpuset.cpus"],
        freezer: { path: `${directory}/freezer.state`, word: "FR" },
        program: new Uint8Array(16),
      }],
      writes: [{ path: `${directory}/pids.max`, text: "5", origin: [], tolerate: [2] }],
      files,
    }),
  }, identity)!;
}
