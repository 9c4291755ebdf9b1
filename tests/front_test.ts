import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { containersIn } from "./support/ledger.ts";
import { type Bench, containerTest } from "./bench/bench.ts";
import { killedAt, killPointsOf } from "./support/kill_points.ts";
import { duncPath, runCommand } from "./bench/dunc.ts";
import { ENGINE, traced } from "./support/stages.ts";

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

containerTest("pause, resume and ps --format json are carried out by the first stage", async (bench) => {
  const id = await created(bench);
  await bench.dunc(["start", id]);
  const { pid } = JSON.parse((await bench.dunc(["state", id])).stdout);
  const status = async () => JSON.parse((await bench.dunc(["state", id])).stdout).status;
  const front = async (...args: string[]) => {
    const result = await traced(bench, args);
    assertEquals([result.code, result.engine], [0, false], `${args.join(" ")}: ${result.stderr}`);
    return result.stdout;
  };
  for (let round = 0; round < 3; round++) {
    await front("pause", id);
    assertEquals(await status(), "paused");
    assertEquals(await front("ps", "--format", "json", id), `[${pid}]\n`);
    await front("resume", id);
    assertEquals(await status(), "running");
  }
  for (const verb of ["resume", "pause"]) {
    if (verb === "pause") await bench.dunc(["kill", id, "KILL"]);
    for (let i = 0; verb === "pause" && i < 50 && await status() !== "stopped"; i++);
    const [fast, slow] = [await traced(bench, [verb, id]), await bench.dunc([verb, id], ENGINE)];
    const untimed = (text: string) => text.replace(/time="[^"]*"/, "");
    assertEquals(
      [fast.engine, fast.code, untimed(fast.stderr)],
      [true, slow.code, untimed(slow.stderr)],
      verb,
    );
  }
  assertEquals(
    await front("ps", "-f", "json", id),
    (await bench.dunc(["ps", "-f", "json", id], ENGINE)).stdout,
  );
  await bench.dunc(["delete", id]);
});

containerTest("an ordinary user's containers are answered for by the first stage too", async (bench) => {
  const folder = `${bench.bundle}/user`;
  const uid = 54321;
  for (const path of [folder, `${folder}/run`]) {
    Deno.mkdirSync(path, { mode: 0o755 });
    Deno.chownSync(path, uid, uid);
  }
  const trace = `${folder}/trace`;
  const env = { XDG_RUNTIME_DIR: `${folder}/run`, PATH: Deno.env.get("PATH")!, DUNC_TRACE: trace };
  const call = async (...args: string[]) => {
    const result = await runCommand(duncPath(), args, { cwd: folder, uid, gid: uid, clearEnv: true, env });
    assertEquals(result.code, 0, `${args.join(" ")}: ${result.stderr}`);
    return result.stdout;
  };
  await call("spec", "--rootless");
  const config = JSON.parse(Deno.readTextFileSync(`${folder}/config.json`));
  config.process.terminal = false;
  config.process.args = ["sleep", "100"];
  config.root.path = bench.rootfs;
  Deno.writeTextFileSync(`${folder}/config.json`, JSON.stringify(config));
  const id = bench.id();
  await call("create", id);
  await call("exec", id, "echo", "hello");
  Deno.removeSync(trace);
  assertStringIncludes(await call("state", id), '"status": "created"');
  await call("start", id);
  assertEquals(await call("exec", id, "echo", "hello"), "hello\n");
  await call("delete", "--force", id);
  assertEquals(Deno.readTextFileSync(trace), "call\n".repeat(4));
});

containerTest("ps of a container with groups of its own below is the engine's", async (bench) => {
  const id = await created(bench);
  const record = JSON.parse(Deno.readTextFileSync(`${bench.root}/${id}/state.json`));
  const below = `${record.cgroupPaths.devices}/below`;
  Deno.mkdirSync(below);
  Deno.writeTextFileSync(`${below}/cgroup.procs`, `${record.process.pid}`);
  const result = await traced(bench, ["ps", "--format", "json", id]);
  assertEquals([result.engine, result.stdout], [true, `[${record.process.pid}]\n`]);
  await bench.dunc(["delete", "-f", id]);
});

containerTest(
  "the flag for systemd leaves verbs to the first stage, and making a container to the engine",
  async (bench) => {
    const id = await created(bench);
    for (
      const verb of [["state", id], ["start", id], ["exec", id, "true"], ["exec", id, "true"], [
        "kill",
        id,
        "KILL",
      ]]
    ) {
      const result = await traced(bench, ["--systemd-cgroup", ...verb]);
      // The first exec of its kind is the engine's.
      if (verb[0] !== "exec") assertEquals([result.code, result.engine], [0, false], verb.join(" "));
    }
    const { code, engine, stderr } = await traced(bench, ["--systemd-cgroup", "create", bench.id()], {
      env: { DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/nowhere" },
    });
    assertEquals([code, engine], [1, true]);
    assertStringIncludes(stderr, "systemd support for managing cgroups is not available");
    assertEquals((await traced(bench, ["--systemd-cgroup", "delete", "-f", id])).engine, false);
  },
);

containerTest("delete --force of a running container needs no engine either", async (bench) => {
  const id = await created(bench);
  await bench.dunc(["start", id]);
  const result = await traced(bench, ["delete", "--force", id]);
  assertEquals([result.code, result.engine], [0, false], result.stderr);
  assertEquals(containersIn(bench.root), []);
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

containerTest("a root folder that others may write to, or own, is refused by both stages", async (bench) => {
  const id = await created(bench);
  const verbs = [["start", id], ["kill", id], ["pause", id], ["exec", id, "true"], ["delete", "-f", id], [
    "create",
    bench.id(),
  ]];
  const cases: [string, () => void, () => void][] = [
    [
      "others may write to it",
      () => Deno.chmodSync(bench.root, 0o777),
      () => Deno.chmodSync(bench.root, 0o700),
    ],
    [
      "belongs to uid 12345",
      () => Deno.chownSync(bench.root, 12345, null),
      () => Deno.chownSync(bench.root, 0, null),
    ],
  ];
  for (const [words, spoil, mend] of cases) {
    spoil();
    for (const verb of verbs) {
      const result = await traced(bench, verb);
      assert(result.code !== 0 && result.engine, `${verb[0]}: ${words}`);
      assertStringIncludes(result.stderr, words, verb[0]);
    }
    // Who only looks may look.
    assertStringIncludes((await bench.dunc(["state", id])).stdout, '"status": "created"');
    mend();
  }
  await bench.dunc(["delete", "-f", id]);
});

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
    // Every fifth call in the everyday run, all of them with DUNC_FULL=1.
    const stride = Deno.env.get("DUNC_FULL") === "1" ? 1 : 5;
    let places = 0;
    const verbs: [string[], string[]?][] = [
      [["start"]],
      [["delete"]],
      [["pause"]],
      [["resume"]],
      [["state"]],
      [["kill"]],
      [["ps", "--format", "json"]],
      [["delete", "--force"]],
      [["exec"], ["true"]],
    ];
    for (const [words, tail = []] of verbs) {
      const command = (id: string) => [duncPath(), "--root", bench.root, ...words, id, ...tail];
      // What the verb wants to find.
      const ready = async () => {
        const id = await created(bench);
        if (words[0] === "resume") await bench.dunc(["pause", id]);
        if (words[0] === "exec") await bench.dunc(["exec", id, ...tail]);
        return id;
      };
      const first = await ready();
      const points = await killPointsOf(command(first), bench.bundle);
      await bench.dunc(["delete", "--force", first]);
      for (let at = 0; at < points.length; at += stride) {
        const id = await ready();
        if (await killedAt(points[at]!, command(id), bench.bundle)) places++;
        const removed = await bench.dunc(["delete", "--force", id]);
        const where = `${words.join(" ")} killed at ${points[at]!.name} ${points[at]!.when}`;
        assertEquals(removed.code, 0, `${where}: ${removed.stderr}`);
        assertEquals(containersIn(bench.root), [], where);
      }
    }
    assert(places > 30, `${places}`);
  },
);
