import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Bench, containerTest } from "./bench/bench.ts";

async function running(bench: Bench): Promise<string> {
  bench.configure((config) => config.process.args = ["sleep", "100"]);
  const id = bench.id();
  assertEquals((await bench.dunc(["run", "-d", id])).code, 0);
  return id;
}

containerTest(
  "exec runs a process in the container's namespaces and exits with its status",
  async (bench) => {
    const id = await running(bench);
    const result = await bench.dunc(["exec", id, "sh", "-c", "hostname; cat /proc/1/comm; exit 42"]);
    assertEquals([result.code, result.stdout], [42, "runc\nsleep\n"]);
    await bench.dunc(["delete", "-f", id]);
  },
);

containerTest("exec works in a created container too", async (bench) => {
  bench.configure((config) => config.process.args = ["sleep", "100"]);
  const id = bench.id();
  await bench.dunc(["create", id]);
  const result = await bench.dunc(["exec", id, "echo", "early"]);
  assertEquals([result.code, result.stdout], [0, "early\n"], result.stderr);
  await bench.dunc(["delete", "-f", id]);
});

containerTest(
  "the flags of exec change user, groups, environment, directory and capabilities",
  async (bench) => {
    const id = await running(bench);
    const flags = [
      "-u",
      "1000:1001",
      "-g",
      "5",
      "-g",
      "6",
      "-e",
      "A=b",
      "--cwd",
      "/tmp",
      "--cap",
      "CAP_NET_RAW",
    ];
    const script =
      "id -u; id -g; grep Groups /proc/self/status; echo $A; pwd; grep -E 'CapInh|CapBnd' /proc/self/status";
    const { code, stdout, stderr } = await bench.dunc(["exec", ...flags, id, "sh", "-c", script]);
    assertEquals(code, 0, stderr);
    const [uid, gid, groups, a, cwd, inheritable, bounding] = stdout.trim().split("\n");
    assertEquals([uid, gid, groups!.replace(/\s+/g, " ").trim(), a, cwd], [
      "1000",
      "1001",
      "Groups: 5 6",
      "b",
      "/tmp",
    ]);
    assertEquals(inheritable, `CapInh:\t${"0".repeat(16)}`);
    assertMatch(bounding!, /2000(2)?4?20$|20002420$/);
    await bench.dunc(["delete", "-f", id]);
  },
);

containerTest("exec --process takes everything from a document", async (bench) => {
  const id = await running(bench);
  const process = {
    args: ["sh", "-c", "echo $X; id -u"],
    env: ["PATH=/bin", "X=y"],
    cwd: "/",
    user: { uid: 12, gid: 0 },
  };
  Deno.writeTextFileSync(`${bench.bundle}/process.json`, JSON.stringify(process));
  const result = await bench.dunc(["exec", "--process", "process.json", id]);
  assertEquals([result.code, result.stdout], [0, "y\n12\n"], result.stderr);
  await bench.dunc(["delete", "-f", id]);
});

containerTest(
  "exec --detach returns at once and writes the pid of a process in the container",
  async (bench) => {
    const id = await running(bench);
    assertEquals((await bench.dunc(["exec", "-d", "--pid-file", "pid", id, "sleep", "50"])).code, 0);
    const pid = Deno.readTextFileSync(`${bench.bundle}/pid`);
    assertEquals(Deno.readTextFileSync(`/proc/${pid}/comm`), "sleep\n");
    assertEquals(Deno.readLinkSync(`/proc/${pid}/ns/pid`) === Deno.readLinkSync("/proc/self/ns/pid"), false);
    const pids = JSON.parse((await bench.dunc(["ps", "--format", "json", id])).stdout);
    assertEquals(pids.includes(Number(pid)), true);
    await bench.dunc(["delete", "-f", id]);
  },
);

containerTest("a failure of exec itself is 255 and says what clients look for", async (bench) => {
  const id = await running(bench);
  const missing = await bench.dunc(["exec", id, "nonesuch"]);
  assertEquals(missing.code, 255);
  assertStringIncludes(missing.stderr, "executable file not found in $PATH");
  const path = await bench.dunc(["exec", id, "/nonesuch"]);
  assertEquals(path.code, 255);
  assertStringIncludes(path.stderr, "stat /nonesuch: no such file or directory");
  assertEquals((await bench.dunc(["exec", "nobody-here", "true"])).code, 255);
  await bench.dunc(["delete", "-f", id]);
});

containerTest(
  "exec --cgroup stays below the container's group, and says what is not there",
  async (bench) => {
    const id = await running(bench);
    const refusals = {
      "..": "bad sub cgroup path: --cgroup: .. is not a sub cgroup path",
      "a/../..": "a/../.. is not a sub cgroup path",
      "nonesuch": "/nonesuch/cgroup.procs: no such file or directory",
      "warp:/": "unknown controller warp",
    };
    for (const [group, words] of Object.entries(refusals)) {
      const { code, stdout, stderr } = await bench.dunc(["exec", "--cgroup", group, id, "echo", "ran"]);
      assertEquals([code, stdout], [255, ""], group);
      assertStringIncludes(stderr, words);
    }
    const own = await bench.dunc(["exec", "--cgroup", "/", id, "cat", "/proc/1/cgroup", "/proc/self/cgroup"]);
    const groups = own.stdout.trim().split("\n");
    assertEquals(groups.slice(0, groups.length / 2), groups.slice(groups.length / 2), own.stderr);
    await bench.dunc(["delete", "-f", id]);
  },
);

containerTest("exec survives a bundle that is gone", async (bench) => {
  const id = await running(bench);
  Deno.renameSync(`${bench.bundle}/config.json`, `${bench.bundle}/elsewhere.json`);
  const result = await bench.dunc(["exec", id, "echo", "still"]);
  assertEquals([result.code, result.stdout], [0, "still\n"], result.stderr);
  await bench.dunc(["delete", "-f", id]);
});

containerTest("of a bundle that has changed, exec takes the process alone, as runc does", async (bench) => {
  bench.configure((config) => {
    config.process.args = ["sleep", "100"];
    config.linux.seccomp = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28 }],
    };
  });
  const [ours, theirs] = [bench.id(), bench.id()];
  assertEquals((await bench.dunc(["run", "-d", ours])).code, 0);
  assertEquals((await bench.runc(["run", "-d", theirs])).code, 0);
  bench.configure((config) => {
    config.process.args = ["sleep", "100"];
    config.process.env.push("CHANGED=yes");
  });
  const command = ["sh", "-c", "echo $CHANGED; mkdir /tmp/x"];
  const outcome = await bench.dunc(["exec", ours, ...command]);
  assertEquals([outcome.code, outcome.stdout], [1, "yes\n"], outcome.stderr);
  assertStringIncludes(outcome.stderr, "No space left on device");
  assertEquals(await bench.runc(["exec", theirs, ...command]), outcome);
  await bench.dunc(["delete", "-f", ours]);
  await bench.runc(["delete", "-f", theirs]);
});

containerTest(
  "an empty value is not taken for a flag that was not given, whatever was executed before",
  async (bench) => {
    const id = await running(bench);
    // Kept for the first stage, which knows it by its words.
    for (let round = 0; round < 2; round++) {
      assertEquals((await bench.dunc(["exec", id, "id", "-u"])).stdout, "0\n");
      const { code, stderr } = await bench.dunc(["exec", "--user", "", id, "id", "-u"]);
      assertEquals(code, 255, stderr);
      assertMatch(stderr, /bad uid/);
      assertEquals((await bench.dunc(["exec", "--user=", id, "id", "-u"])).code, 255);
      assertEquals((await bench.dunc(["exec", "-e", "", "--cwd", "0", "--user", "0", id, "id"])).code, 255);
      assertEquals((await bench.dunc(["exec", "--cwd=", id, "id", "-u"])).stdout, "0\n");
    }
    await bench.dunc(["delete", "-f", id]);
  },
);

containerTest("a pid file that cannot be written is told, logged and leaves no process", async (bench) => {
  const id = await running(bench);
  const log = `${bench.bundle}/log`;
  const words = ["exec", "-d", "--pid-file", `${bench.bundle}/none/pid`, id, "sleep", "77"];
  await bench.dunc(["exec", "-d", id, "sleep", "77"]);
  for (let round = 0; round < 2; round++) {
    const { code, stderr } = await bench.dunc(["--log", log, ...words]);
    assertEquals(code, 255);
    assertStringIncludes(stderr, `open ${bench.bundle}/none/.pid: no such file or directory`);
    assertStringIncludes(Deno.readTextFileSync(log), "level=error");
    assertEquals(
      (await bench.dunc(["exec", id, "sh", "-c", "grep -lsx sleep /proc/[0-9]*/comm | wc -l"])).stdout,
      "2\n",
    );
  }
  await bench.dunc(["exec", "--pid-file", `${bench.bundle}/pid`, id, "true"]);
  assertEquals(Deno.statSync(`${bench.bundle}/pid`).mode! & 0o777, 0o644);
  assertEquals([...Deno.readDirSync(bench.bundle)].map(({ name }) => name).includes(".pid"), false);
  await bench.dunc(["delete", "-f", id]);
});

containerTest("many execs, eight at a time: exact codes, no byte lost, no zombie", async (bench) => {
  const id = await running(bench);
  const count = Deno.env.get("DUNC_FULL") === "1" ? 2000 : 200;
  const mebibyte = "x".repeat(1 << 20);
  const kinds = [
    () => ({ words: ["true"], code: 0, stdout: "" }),
    (n: number) => ({ words: ["echo", `${n}`], code: 0, stdout: `${n}\n` }),
    (n: number) => ({
      words: ["sh", "-c", `head -c ${mebibyte.length} /dev/zero | tr '\\0' x; exit ${n % 256}`],
      code: n % 256,
      stdout: mebibyte,
    }),
  ];
  let next = 0;
  const lane = async () => {
    for (let n = next++; n < count; n = next++) {
      const { words, code, stdout } = kinds[n % kinds.length]!(n);
      const outcome = await bench.dunc(["exec", id, ...words]);
      assertEquals([outcome.code, outcome.stderr, outcome.stdout === stdout], [code, "", true], `exec ${n}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  // What is left of them in the container: its own process alone, and no zombie anywhere below us (the ledger).
  assertEquals((await bench.dunc(["ps", "--format", "json", id])).stdout.split(",").length, 1);
  await bench.dunc(["delete", "-f", id]);
});
