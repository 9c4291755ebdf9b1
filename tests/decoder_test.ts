/** Whatever the planner makes, the decoder in C takes: thousands of configurations with one change each. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { SpecError } from "../src/errors.ts";
import { buildCreatePlan } from "../src/plan/build.ts";
import { buildExecPlan } from "../src/plan/build_exec.ts";
import { encodePlan } from "../src/plan/encode.ts";
import type { CreateRequest } from "../src/plan/frame.ts";
import { namespacesOf } from "../src/plan/namespaces.ts";
import { compileSeccomp } from "../src/seccomp/compile.ts";
import { generator, mutantOf, placesOf, SEEDS } from "../src/spec/mutants_testing.ts";
import { parseSpec } from "../src/spec/parse.ts";
import type { Spec } from "../src/spec/schema.ts";
import { defaultDocument } from "../src/spec/testing.ts";
import { validateSpec } from "../src/spec/validate.ts";

const PLANS = 2000;

Deno.test(`the decoder takes every plan of ${PLANS} changed configurations, and of an exec in each`, async () => {
  const folder = Deno.makeTempDirSync({ prefix: "dunc-decoder-" });
  try {
    const program = await compile(folder);
    const file = `${folder}/plans`;
    using out = Deno.openSync(file, { write: true, create: true });
    let plans = 0;
    for (const text of mutants()) {
      const made = plansOf(text, plans);
      for (const bytes of made) {
        out.writeSync(new Uint8Array(Uint32Array.of(bytes.length).buffer));
        for (let at = 0; at < bytes.length;) at += out.writeSync(bytes.subarray(at));
      }
      if (made.length > 0 && ++plans === PLANS) break;
    }
    assertEquals(plans, PLANS);
    const { stdout, stderr } = await new Deno.Command(program, { args: [file] }).output();
    const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assertMatch(text, new RegExp(`^${2 * PLANS} accepted, 0 refused\n$`));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("the decoder's test refuses what is no plan", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "dunc-decoder-" });
  try {
    const program = await compile(folder);
    const bytes = plansOf(JSON.stringify(defaultDocument()), 0)[0]!;
    // The code of the first operation.
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(32, 9999, true);
    const size = new Uint8Array(Uint32Array.of(bytes.length).buffer);
    Deno.writeFileSync(`${folder}/plans`, Uint8Array.of(...size, ...bytes));
    const { stdout } = await new Deno.Command(program, { args: [`${folder}/plans`] }).output();
    assert(new TextDecoder().decode(stdout).endsWith("0 accepted, 1 refused\n"));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

/** Configurations with one change. */
function* mutants(): Generator<string> {
  const below = generator(7);
  const seeds = SEEDS.map((change) => {
    const document = defaultDocument();
    change(document);
    return { seed: JSON.stringify(document), places: placesOf(document) };
  });
  for (let index = 0; index < 20 * PLANS; index++) {
    const { seed, places } = seeds[index % seeds.length]!;
    yield mutantOf(seed, places, below).text;
  }
}

/** The plans that are made of a configuration; none when it is refused. */
function plansOf(text: string, turn: number): Uint8Array<ArrayBuffer>[] {
  try {
    const spec = parseSpec(text);
    const { errors } = validateSpec(spec);
    return errors.length === 0 && spec.process !== undefined ? goodPlansOf(spec, turn) : [];
  } catch (error) {
    if (error instanceof SpecError) return [];
    throw new Error(`uncaught for ${text}`, { cause: error });
  }
}

/** The plans of a creation and of an exec, with other surroundings each time. */
function goodPlansOf(spec: Spec, turn: number): Uint8Array<ArrayBuffer>[] {
  const flag = (bit: number) => (turn >> bit & 1) === 1;
  const kernel = { openat2: !flag(4), mountApi: !flag(5) };
  const profile = spec.linux?.seccomp;
  const filter = profile === undefined ? undefined : compileSeccomp(profile, "x86_64");
  const seccomp = filter && { program: filter.program, flags: filter.flags, notify: filter.notify };
  const user = namespacesOf(spec).has("user");
  const request: CreateRequest = {
    spec,
    id: "c1",
    bundle: "/b",
    rootfs: "/b/rootfs",
    stateDirectory: "/run/dunc/c1",
    barrier: flag(0),
    noPivot: flag(1),
    noNewKeyring: flag(2),
    preserveFds: turn % 3,
    consoleSocket: flag(3),
    cgroup: flag(2)
      ? { joinFiles: [], directory: "/sys/fs/cgroup/c1", mounts: [] }
      : { joinFiles: ["/sys/fs/cgroup/memory/c1/tasks"], mounts: [] },
    userNamespace: user
      ? { isNew: true, privileged: flag(0), rootfsReachable: flag(1), setgroups: flag(0) }
      : undefined,
    seccomp,
    hookState: { creating: ["{", "}"], created: ["{", "}"] },
    host: { canMknod: !user, hasKcore: true, hasKeyrings: flag(1), kernelMounts: ["/proc"] },
    kernel,
  };
  const exec = buildExecPlan({
    process: spec.process!,
    origin: ["process"],
    id: "c1",
    pid: 77,
    namespaces: 0x20000,
    userNamespace: user,
    setgroups: flag(0),
    noNewKeyring: flag(1),
    preserveFds: turn % 3,
    consoleSocket: flag(3),
    joinFiles: ["/sys/fs/cgroup/memory/c1/tasks"],
    kernel,
    seccomp,
    linux: spec.linux,
  });
  return [encodePlan(buildCreatePlan(request)), encodePlan(exec)];
}

/** plan_check under ASan and UBSan. */
async function compile(folder: string): Promise<string> {
  const path = (name: string) => new URL(name, import.meta.url).pathname;
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
  const ours = ["../c/plan.c", "../c/text.c", "./fuzz/check_one.c"].map(path);
  await gcc([...flags, "-std=gnu11", "-ffreestanding", "-fno-builtin", ...names, "-c", ...ours], folder);
  await gcc(
    [...flags, "-o", "plan_check", path("./fuzz/plan_check.c"), "plan.o", "text.o", "check_one.o"],
    folder,
  );
  return `${folder}/plan_check`;
}

async function gcc(args: readonly string[], cwd: string): Promise<void> {
  const { code, stderr } = await new Deno.Command("gcc", { args: [...args], cwd }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr).slice(0, 4000));
}
