import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Bench, containerTest } from "./bench/bench.ts";
import type { Config } from "./bench/bundle.ts";
import { killedAt, killPointsOf } from "./support/kill_points.ts";
import { duncPath, runCommand } from "./bench/dunc.ts";
import { containersIn } from "./support/ledger.ts";
import { ENGINE, traced } from "./support/stages.ts";

function script(bench: Bench, text: string, change: (config: Config) => void = () => {}): void {
  bench.configure((config) => {
    config.process.args = ["sh", "-c", text];
    change(config);
  });
}

/** The text with everything that differs from one container to the next made equal. */
function leveled(text: string, id: string): string {
  return text.replaceAll(id, "ID").replace(/"incarnation":"\w+"/, "").replace(/"created": ?"[^"]+"/, "")
    .replace(/"pid": ?\d+/, "").replace(/"startTime":\d+/, "");
}

containerTest("run from the same bundle again needs no engine, and all of it is the same", async (bench) => {
  const show =
    "cat /proc/self/cgroup /proc/self/status /proc/self/mountinfo /proc/self/limits; env; hostname; id; exit 7";
  script(bench, show);
  const results = [];
  for (let i = 0; i < 3; i++) {
    const id = bench.id();
    const result = await traced(bench, ["run", id], i === 2 ? ENGINE : {});
    const text = result.stdout.replaceAll(id, "ID")
      // Counters, and what the kernel counts mounts and devices by.
      .replace(/(ctxt_switches|Vm\w+|Rss\w+|Pid|NSpid|NSpgid|NSsid|Tgid|SigQ):.*/g, "")
      .replace(/^\d+ \d+ \d+:\d+ /gm, "").replace(/(Cpus_allowed|Mems_allowed)\w*:.*/g, "");
    results.push({ ...result, stdout: text });
  }
  assertEquals(results.map(({ engine }) => engine), [true, false, true]);
  assertEquals(results.map(({ code }) => code), [7, 7, 7]);
  assertEquals(results[1]!.stdout, results[0]!.stdout);
  assertEquals(results[1]!.stdout, results[2]!.stdout);
  assertEquals(containersIn(bench.root), []);
});

containerTest(
  "a container of a kept creation has the record, the plans and the files of any other",
  async (bench) => {
    script(bench, "sleep 100", (config) => {
      config.annotations = { "a": "b" };
      config.linux.resources.memory = { limit: 64 << 20 };
      config.linux.resources.pids = { limit: 50 };
      config.linux.resources.cpu = { shares: 512, quota: 50000, period: 100000 };
    });
    const seen = [];
    for (let i = 0; i < 2; i++) {
      const id = bench.id();
      const pidFile = `${bench.bundle}/pid`;
      const made = await traced(bench, ["create", "--pid-file", pidFile, id]);
      assertEquals([made.code, made.engine], [0, i === 0], made.stderr);
      const folder = `${bench.root}/${id}`;
      const record = Deno.readTextFileSync(`${folder}/state.json`);
      const state = await traced(bench, ["state", id]);
      assertEquals(state.engine, false, "its plans are sound");
      const forced = await bench.dunc(["state", id], ENGINE);
      assertEquals(forced.stdout, state.stdout);
      const { pid, created } = JSON.parse(state.stdout);
      assertEquals(Deno.readTextFileSync(pidFile), String(pid));
      assertMatch(created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert(Math.abs(Date.now() - Date.parse(created)) < 60_000, created);
      const limits = Object.entries(JSON.parse(record).cgroupPaths as Record<string, string>).flatMap(
        ([controller, directory]) =>
          [
            "memory.limit_in_bytes",
            "pids.max",
            "cpu.shares",
            "cpu.cfs_quota_us",
            "cpuset.cpus",
            "devices.list",
          ]
            .filter((file) => file.startsWith(`${controller}.`)).map((file) =>
              `${file}: ${Deno.readTextFileSync(`${directory}/${file}`)}`
            ),
      );
      seen.push({
        record: leveled(record, id),
        state: leveled(state.stdout, id),
        config: Deno.readTextFileSync(`${folder}/config.json`),
        files: [...Deno.readDirSync(folder)].map(({ name }) => name).sort().map((name) =>
          `${name} ${(Deno.lstatSync(`${folder}/${name}`).mode! & 0o7777).toString(8)}`
        ),
        folder: Deno.lstatSync(folder).mode! & 0o7777,
        limits,
      });
      for (const args of [["start", id], ["kill", id, "KILL"], ["delete", "--force", id]]) {
        const result = await traced(bench, args);
        assertEquals([result.code, result.engine], [0, false], `${args[0]}: ${result.stderr}`);
      }
    }
    assert(seen[0]!.limits.length >= 5, `${seen[0]!.limits}`);
    assertEquals(seen[1], seen[0]);
  },
);

containerTest("run -d and --keep are kept too, and other flags are the engine's", async (bench) => {
  script(bench, "sleep 100");
  for (let i = 0; i < 2; i++) {
    const id = bench.id();
    const result = await traced(bench, ["run", "-d", id]);
    assertEquals([result.code, result.engine], [0, i === 0], result.stderr);
    assertStringIncludes((await bench.dunc(["state", id])).stdout, '"status": "running"');
    await bench.dunc(["delete", "-f", id]);
  }
  script(bench, "true");
  for (let i = 0; i < 2; i++) {
    const id = bench.id();
    const result = await traced(bench, ["run", "--keep", id]);
    assertEquals([result.code, result.engine], [0, i === 0], result.stderr);
    assertStringIncludes((await bench.dunc(["state", id])).stdout, '"status": "stopped"');
    await bench.dunc(["delete", id]);
  }
  for (const flags of [["--no-pivot"], ["--no-new-keyring"], ["--preserve-fds", "0"], ["--no-subreaper"]]) {
    assertEquals((await traced(bench, ["run", ...flags, bench.id()])).engine, true, flags.join(" "));
  }
});

containerTest("what a creation depends on is compared before it is carried out again", async (bench) => {
  script(bench, "cat /mark");
  Deno.writeTextFileSync(`${bench.rootfs}/mark`, "one\n");
  const run = (options = {}) => traced(bench, ["run", bench.id()], options);
  assertEquals((await run()).engine, true);
  assertEquals((await run()).engine, false);

  // Another root file system at the same place.
  Deno.renameSync(bench.rootfs, `${bench.bundle}/old`);
  await runCommand("cp", ["-a", `${bench.bundle}/old`, bench.rootfs]);
  Deno.writeTextFileSync(`${bench.rootfs}/mark`, "two\n");
  let result = await run();
  assertEquals([result.engine, result.stdout], [true, "two\n"]);
  assertEquals((await run()).engine, false);

  // Another config.json, and the first one again.
  const config = Deno.readTextFileSync(`${bench.bundle}/config.json`);
  Deno.writeTextFileSync(`${bench.bundle}/config.json`, config.replace("cat /mark", "cat /mark;"));
  assertEquals((await run()).engine, true);
  Deno.writeTextFileSync(`${bench.bundle}/config.json`, config);
  assertEquals((await run()).engine, false);

  // Another view of the cgroups.
  const moved = await runCommand("unshare", [
    "-m",
    "sh",
    "-c",
    `mkdir ${bench.bundle}/cg && mount -t cgroup -o none,name=systemd none ${bench.bundle}/cg && exec "$@"`,
    "sh",
    duncPath(),
    "--root",
    bench.root,
    "run",
    bench.id(),
  ], { cwd: bench.bundle, env: { DUNC_TRACE: `${bench.bundle}/moved` } });
  assertEquals(
    [moved.code, Deno.readTextFileSync(`${bench.bundle}/moved`)],
    [0, "call\nengine\n"],
    moved.stderr,
  );

  // The same bundle by another path is another creation; written another way it is the engine's.
  const elsewhere = await traced(bench, ["run", "--bundle", `${bench.bundle}/.`, bench.id()], { cwd: "/" });
  assertEquals([elsewhere.code, elsewhere.engine], [0, true], elsewhere.stderr);
  result = await traced(bench, ["run", "--bundle", bench.bundle, bench.id()], { cwd: "/" });
  assertEquals([result.code, result.stdout, result.engine], [0, "two\n", false], result.stderr);
});

containerTest("what fails is taken back and told by the engine, word for word", async (bench) => {
  const source = `${bench.bundle}/source`;
  Deno.mkdirSync(source);
  script(bench, "true", (config) => {
    config.mounts.push({ destination: "/data", type: "bind", source, options: ["bind"] });
  });
  const good = bench.id();
  await bench.dunc(["create", good]);
  const cases: [string, () => void, () => void, string?][] = [
    ["a source that is gone", () => Deno.removeSync(source), () => Deno.mkdirSync(source)],
    [
      "a program that is gone",
      () => Deno.renameSync(`${bench.rootfs}/bin/sh`, `${bench.rootfs}/bin/hidden`),
      () => {
        Deno.renameSync(`${bench.rootfs}/bin/hidden`, `${bench.rootfs}/bin/sh`);
      },
    ],
    ["an id that is taken", () => {}, () => {}, good],
    ["an id that is too long for the kept text", () => {}, () => {}, "i".repeat(65)],
    ["a pid file that cannot be written", () => {}, () => {}],
  ];
  for (const [name, damage, mend, taken] of cases) {
    damage();
    const answers = [];
    for (const options of [{}, ENGINE]) {
      const id = taken ?? bench.id();
      const flags = name.startsWith("a pid file") ? ["--pid-file", "/nowhere/pid"] : [];
      const result = await traced(bench, ["create", ...flags, id], options);
      answers.push({
        code: result.code,
        stderr: result.stderr.replaceAll(id, "ID").replace(/time="[^"]*"/, ""),
      });
      if (result.code === 0) await bench.dunc(["delete", "-f", id]);
      assertEquals(result.engine, true, name);
    }
    mend();
    assertEquals(answers[0], answers[1], name);
    assertEquals(containersIn(bench.root), [good], name);
  }
  assertEquals((await traced(bench, ["run", bench.id()])).engine, true);
  assertEquals((await traced(bench, ["run", bench.id()])).engine, false, "and all is well again");
});

containerTest(
  "kept creations that are damaged, foreign or open to others are not carried out",
  async (bench) => {
    script(bench, "echo ran");
    await bench.dunc(["run", bench.id()]);
    const folder = `${bench.root}/@creations`;
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
    assertEquals(names.length, 1);
    const path = `${folder}/${names[0]}`;
    const sound = Deno.readFileSync(path);
    let cases = 0;
    const check = async (what: string) => {
      const result = await traced(bench, ["run", bench.id()]);
      assertEquals(
        [result.code, result.stdout, result.engine],
        [0, "ran\n", true],
        `${what}: ${result.stderr}`,
      );
      cases++;
      // The engine has kept it anew.
      Deno.chmodSync(folder, 0o700);
      Deno.chownSync(folder, 0, null);
      Deno.removeSync(path);
      Deno.writeFileSync(path, sound, { mode: 0o600 });
    };
    const parts = Deno.env.get("DUNC_FULL") === "1" ? 64 : 12;
    for (let part = 0; part < parts; part++) {
      const bytes = sound.slice();
      bytes[Math.floor(bytes.length * part / parts)]! ^= 0x41;
      Deno.writeFileSync(path, bytes, { mode: 0o600 });
      await check(`byte in part ${part}`);
    }
    for (const size of [0, 247, 359, 360, sound.length - 8]) {
      Deno.writeFileSync(path, sound.slice(0, size), { mode: 0o600 });
      await check(`${size} bytes`);
    }
    Deno.chmodSync(path, 0o660);
    await check("writable for the group");
    Deno.chownSync(path, 12345, null);
    await check("another owner");
    Deno.chmodSync(folder, 0o777);
    await check("an open folder");
    Deno.chownSync(folder, 12345, null);
    await check("a folder of somebody else");
    assert(cases >= 20, `${cases}`);
    assertEquals((await traced(bench, ["run", bench.id()])).engine, false, "sound again");
  },
);

containerTest(
  "a first stage that is killed at any call of a creation leaves nothing that delete cannot clean",
  async (bench) => {
    const stride = Deno.env.get("DUNC_FULL") === "1" ? 1 : 7;
    script(bench, "sleep 100");
    const create = (id: string) => [duncPath(), "--root", bench.root, "create", id];
    const first = bench.id();
    await bench.dunc(["create", first]);
    await bench.dunc(["delete", "-f", first]);
    const second = bench.id();
    const points = await killPointsOf(create(second), bench.bundle);
    await bench.dunc(["delete", "-f", second]);
    assert(points.some(({ name }) => name === "clone3") && points.length > 100, `${points.length}`);
    let killed = 0;
    for (let at = 0; at < points.length; at += stride) {
      const id = bench.id();
      if (await killedAt(points[at]!, create(id), bench.bundle)) killed++;
      const removed = await bench.dunc(["delete", "--force", id]);
      const where = `killed at ${points[at]!.name} ${points[at]!.when}`;
      assertEquals(removed.code, 0, `${where}: ${removed.stderr}`);
      assertEquals(containersIn(bench.root), [], where);
    }
    // A call that came once may not come again: the waits.
    assert(killed > points.length / stride * 0.8, `${killed} of ${points.length}`);
  },
);

containerTest("many are made of one bundle at the same time", async (bench) => {
  const count = Deno.env.get("DUNC_FULL") === "1" ? 2000 : 160;
  script(bench, "echo $0; exit 3");
  await bench.dunc(["run", bench.id()]);
  const ids = Array.from({ length: count }, () => bench.id());
  const worker = async () => {
    for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
      const { code, stdout, stderr } = await bench.dunc(["run", id]);
      assertEquals([code, stdout], [3, "sh\n"], stderr);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  assertEquals((await traced(bench, ["run", bench.id()])).engine, false);
});
