import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Bench, containerTest } from "./bench/bench.ts";
import { duncPath, type Result, runCommand } from "./bench/dunc.ts";

const ENGINE = { env: { DUNC_ENGINE: "always" } };

/** Run a command and say whether the engine was started: it has threads, the first stage has none. */
async function traced(bench: Bench, args: readonly string[]): Promise<Result & { engine: boolean }> {
  const trace = `${bench.bundle}/trace`;
  const command = [
    // Not its children: threads are made by the first of them, and a detached process would be waited for.
    "-qq",
    "-o",
    trace,
    "-e",
    "trace=clone3,clone",
    duncPath(),
    "--root",
    bench.root,
    ...args,
  ];
  const result = await runCommand("strace", command, { cwd: bench.bundle, timeoutMs: 60_000 });
  return { ...result, engine: Deno.readTextFileSync(trace).includes("CLONE_THREAD") };
}

async function created(bench: Bench): Promise<string> {
  bench.configure((config) => config.process.args = ["sleep", "100"]);
  const id = bench.id();
  const { code, stderr } = await bench.dunc(["create", id]);
  assertEquals(code, 0, stderr);
  return id;
}

containerTest("state, start, kill, exec and delete are carried out by the first stage", async (bench) => {
  const id = await created(bench);
  const verbs: [string[], number][] = [
    [["state", id], 0],
    [["start", id], 0],
    [["state", id], 0],
    [["kill", id, "0"], 0],
    [["kill", id, "KILL"], 0],
  ];
  for (const [args, code] of verbs) {
    const result = await traced(bench, args);
    assertEquals([result.code, result.engine], [code, false], `${args.join(" ")}: ${result.stderr}`);
  }
  for (let i = 0; i < 50 && !(await bench.dunc(["state", id])).stdout.includes("stopped"); i++);
  const result = await traced(bench, ["delete", id]);
  assertEquals([result.code, result.engine], [0, false], result.stderr);
});

containerTest("delete --force of a running container needs no engine either", async (bench) => {
  const id = await created(bench);
  await bench.dunc(["start", id]);
  const result = await traced(bench, ["delete", "--force", id]);
  assertEquals([result.code, result.engine], [0, false], result.stderr);
  assertEquals([...Deno.readDirSync(bench.root)], []);
});

containerTest(
  "an exec that comes again is the first stage's, with the same output and status",
  async (bench) => {
    const id = await created(bench);
    await bench.dunc(["start", id]);
    const args = ["exec", "-e", "A=b", "--cwd", "/tmp", id, "sh", "-c", "echo $A; pwd; exit 9"];
    const first = await traced(bench, args);
    const second = await traced(bench, args);
    assertEquals([first.engine, second.engine], [true, false]);
    assertEquals([second.code, second.stdout], [first.code, first.stdout]);
    assertEquals([first.code, first.stdout], [9, "b\n/tmp\n"]);
    const other = await traced(bench, [
      "exec",
      "-e",
      "A=c",
      "--cwd",
      "/tmp",
      id,
      "sh",
      "-c",
      "echo $A; pwd; exit 9",
    ]);
    assertEquals([other.engine, other.stdout], [true, "c\n/tmp\n"]);
    await bench.dunc(["delete", "-f", id]);
  },
);

containerTest("a kept exec is known by the bytes of --process, and writes the pid file", async (bench) => {
  const id = await created(bench);
  const document = JSON.stringify({
    args: ["sleep", "60"],
    cwd: "/",
    env: ["PATH=/bin"],
    user: { uid: 3, gid: 4 },
  });
  for (const [name, engine] of [["one", true], ["two", false]] as const) {
    Deno.writeTextFileSync(`${bench.bundle}/${name}.json`, document);
    const args = ["exec", "--process", `${name}.json`, "--detach", "--pid-file", `${name}.pid`, id];
    const result = await traced(bench, args);
    assertEquals([result.code, result.engine], [0, engine], result.stderr);
    const pid = Deno.readTextFileSync(`${bench.bundle}/${name}.pid`);
    assertStringIncludes(Deno.readTextFileSync(`/proc/${pid}/status`), "Uid:\t3\t3\t3\t3");
  }
  await bench.dunc(["delete", "-f", id]);
});

containerTest(
  "a changed config.json, a pause or another user makes the engine do it again",
  async (bench) => {
    const id = await created(bench);
    await bench.dunc(["start", id]);
    const args = ["exec", id, "sh", "-c", "echo $NEW"];
    await bench.dunc(args);
    bench.configure((config) => {
      config.process.args = ["sleep", "100"];
      config.process.env.push("NEW=seen");
    });
    assertEquals((await bench.dunc(args)).stdout, "seen\n");
    await bench.dunc(["pause", id]);
    const paused = await bench.dunc(args);
    assertEquals(paused.code, 255);
    assertStringIncludes(paused.stderr, "cannot exec in a paused container");
    assertStringIncludes((await bench.dunc(["state", id])).stdout, '"status": "paused"');
    await bench.dunc(["resume", id]);
    await bench.dunc(["delete", "-f", id]);
  },
);

containerTest("both stages say the same: output, exit code and log", async (bench) => {
  const id = await created(bench);
  const commands = [
    ["state", id],
    ["start", id],
    ["start", id],
    ["state", id],
    ["kill", id, "NOPE"],
    ["kill", id, "0"],
    ["delete", id],
    ["state", "nobody"],
    ["delete", "nobody"],
    ["delete", "-f", "nobody"],
    ["kill", "nobody"],
    ["exec", "nobody", "true"],
  ];
  const both = async (args: string[]) => {
    const log = `${bench.bundle}/log`;
    const answer = async (options: typeof ENGINE | undefined) => {
      const result = await bench.dunc(["--log", log, "--log-format", "json", ...args], options);
      const text = Deno.readTextFileSync(log).replace(/"time":"[^"]*"/, "");
      Deno.removeSync(log);
      return { ...result, log: text };
    };
    return [await answer(undefined), await answer(ENGINE)];
  };
  for (const args of commands) {
    const [fast, slow] = await both(args);
    // What changes the container is done by the first of both.
    if (args[0] === "start" && fast!.code === 0) continue;
    assertEquals(fast, slow, args.join(" "));
  }
  await bench.dunc(["delete", "-f", id]);
});

containerTest(
  "plans that are damaged, foreign, linked or open to others are never carried out",
  async (bench) => {
    const id = await created(bench);
    const path = `${bench.root}/${id}/plans`;
    const sound = Deno.readFileSync(path);
    const write = (bytes: Uint8Array) => Deno.writeFileSync(path, bytes, { mode: 0o600 });
    let cases = 0;
    const check = async (what: string, undo: () => void) => {
      const result = await traced(bench, ["state", id]);
      assertEquals([result.code, result.engine], [0, true], what);
      assertStringIncludes(result.stdout, '"status": "created"', what);
      undo();
      cases++;
    };
    const restore = () => {
      Deno.removeSync(path);
      write(sound);
      Deno.chmodSync(path, 0o600);
    };
    for (let part = 0; part < 16; part++) {
      const bytes = sound.slice();
      bytes[Math.floor(bytes.length * part / 16)]! ^= 0x41;
      write(bytes);
      await check(`byte in part ${part}`, restore);
    }
    for (const size of [0, 8, 247, 248, 311, 312, sound.length - 1]) {
      write(sound.slice(0, size));
      await check(`${size} bytes`, restore);
    }
    for (const mode of [0o660, 0o606, 0o644]) {
      Deno.chmodSync(path, mode);
      await check(`mode ${mode.toString(8)}`, restore);
    }
    Deno.chownSync(path, 12345, null);
    await check("another owner", restore);
    Deno.linkSync(path, `${bench.bundle}/second`);
    await check("a second name", () => {
      Deno.removeSync(`${bench.bundle}/second`);
      restore();
    });
    Deno.renameSync(path, `${bench.bundle}/elsewhere`);
    Deno.symlinkSync(`${bench.bundle}/elsewhere`, path);
    await check("a link", restore);
    assert(cases >= 29, `${cases}`);
    assertEquals((await traced(bench, ["state", id])).engine, false, "sound again");
    await bench.dunc(["delete", "-f", id]);
  },
);

containerTest("plans of another container of the same name are the engine's", async (bench) => {
  const id = await created(bench);
  const path = `${bench.root}/${id}/plans`;
  const old = Deno.readFileSync(path);
  await bench.dunc(["delete", "-f", id]);
  assertEquals((await bench.dunc(["create", id])).code, 0);
  const pid = JSON.parse((await bench.dunc(["state", id])).stdout).pid;
  Deno.writeFileSync(path, old, { mode: 0o600 });
  const result = await traced(bench, ["state", id]);
  assertEquals([result.engine, JSON.parse(result.stdout).pid], [true, pid]);
  await bench.dunc(["delete", "-f", id]);
});

containerTest(
  "the first stage killed at any of its system calls leaves nothing that delete cannot clean",
  async (bench) => {
    // Every third place in the everyday run, all of them with DUNC_FULL=1.
    const stride = Deno.env.get("DUNC_FULL") === "1" ? 1 : 7;
    let places = 0;
    for (const verb of ["start", "delete"]) {
      for (let at = 1; at < 60; at += stride) {
        const id = await created(bench);
        const inject = `inject=all:signal=SIGKILL:when=${at}`;
        const args = ["-qq", "-o", "/dev/null", "-e", inject, duncPath(), "--root", bench.root, verb, id];
        const killed = (await runCommand("strace", args, { cwd: bench.bundle })).code !== 0;
        const removed = await bench.dunc(["delete", "--force", id]);
        assertEquals(removed.code, 0, `${verb} killed at call ${at}: ${removed.stderr}`);
        assertEquals([...Deno.readDirSync(bench.root)], []);
        places++;
        if (!killed) break;
      }
    }
    assert(places > 6);
  },
);
