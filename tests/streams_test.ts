/** Standard streams, descriptors and signals between the caller and the program. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { call, start, until } from "./support/command.ts";
import { type Containers, containerTest, runs } from "./support/containers.ts";
import { parseStatus } from "./support/processes.ts";

/** A foreground run of a script. */
const runScript = (c: Containers, script: string): string[] =>
  c.dunc.command("run", "--bundle", c.bundle((config) => runs(config, script)).path, c.id());

containerTest("what the caller reads, writes and complains about is the program's", async (c) => {
  const words = runScript(c, "tr a-z A-Z; echo done; echo oops >&2; exit 4");
  const outcome = await call(words, { stdin: "some words\n" });
  assertEquals(outcome, { code: 4, stdout: "SOME WORDS\ndone\n", stderr: "oops\n" });
});

containerTest("a megabyte goes through a pipe in both directions, and its end is seen", async (c) => {
  const words = runScript(c, "cat");
  const script = 'head -c 1000000 /dev/zero | "$@" | wc -c';
  assertEquals((await call(["sh", "-c", script, "sh", ...words])).stdout.trim(), "1000000");
});

containerTest("a program sees the end of its input when the caller closes it, and not before", async (c) => {
  const running = start(runScript(c, "read line; echo $line; cat; echo end"), { stdin: "piped" });
  await running.write("first\n");
  await until("the first line is answered", () => running.stdout === "first\n");
  await running.closeInput();
  assertEquals((await running.ended).stdout, "first\nend\n");
});

containerTest("streams that the caller has closed are closed for nobody else's file", async (c) => {
  const words = runScript(c, "ls -l /proc/self/fd >/dev/null; echo x; exit 3");
  const { code } = await call(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", ...words]);
  assertEquals(code, 3);
  for (const { name } of Deno.readDirSync(c.folder)) {
    if (name.startsWith("bundle")) {
      assertStringIncludes(Deno.readTextFileSync(`${c.folder}/${name}/config.json`), "{");
    }
  }
});

containerTest("/dev/null as a stream is the container's own one", async (c) => {
  const words = runScript(c, "stat -L -c '%t:%T %m' /proc/self/fd/0; ls -l /proc/self/fd/0");
  const { stdout } = await call(words);
  assertMatch(stdout, /^1:3 /);
  assertMatch(stdout, /-> \/dev\/null\n$/);
}, ["dunc"]);

containerTest("the program starts with no signal blocked or ignored, whatever its caller does", async (c) => {
  const words = runScript(c, "exec cat /proc/self/status");
  const { stdout } = await call(["sh", "-c", 'trap "" PIPE USR1 QUIT; exec "$@"', "sh", ...words]);
  const { SigBlk, SigIgn, SigCgt } = parseStatus(stdout);
  assertEquals([SigBlk, SigIgn, SigCgt], Array(3).fill("0".repeat(16)));
}, ["dunc"]);

containerTest("every signal that can be forwarded is", async (c) => {
  const names = ["HUP", "INT", "QUIT", "USR1", "USR2", "TERM", "CONT", "ALRM", "WINCH"];
  const traps = names.map((name) => `trap "echo ${name}" ${name}`).join("; ");
  const running = start(runScript(c, `${traps}; echo ready; while :; do sleep 0.02; done`));
  await until("it is ready", () => running.stdout.includes("ready"));
  const { pid } = await c.dunc.state(c.dunc.ids()[0]!);
  for (const name of names.filter((name) => name !== "WINCH")) {
    running.kill(`SIG${name}` as Deno.Signal);
    await until(`SIG${name} is forwarded`, () => running.stdout.endsWith(`${name}\n`));
  }
  Deno.kill(pid, "SIGKILL");
  assertEquals((await running.ended).code, 137);
});

containerTest(
  "a signal for a run that has hardly begun reaches the program or ends it, and nothing stays",
  async (c) => {
    for (const delayMs of [20, 60, 90]) {
      const running = start(runScript(c, "trap 'exit 11' TERM; echo ready; while :; do sleep 0.02; done"));
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      running.kill("SIGTERM");
      const id = c.dunc.ids()[0];
      await Promise.race([running.ended, until("it is ready", () => running.stdout.includes("ready"), 3000)]);
      // Before the program has set its trap a signal means nothing to the first process of a pid namespace.
      if (running.stdout.includes("ready")) running.kill("SIGTERM");
      const { code } = await running.ended;
      assertEquals([11, 128 + 15, 1].includes(code), true, `code ${code}, ${running.stderr}`);
      if (id !== undefined && c.dunc.ids().length > 0) await c.dunc.ok("delete", "--force", id);
    }
  },
  ["dunc"],
);

containerTest(
  "the pid file holds the number alone, counts from the caller's folder, and is there at the end",
  async (c) => {
    const { path } = c.bundle((config) => runs(config, "sleep 100"));
    const cwd = `${c.folder}/elsewhere`;
    Deno.mkdirSync(cwd);
    for (const verb of [["create"], ["run", "--detach"]]) {
      const id = c.id();
      const { code, stderr } = await c.dunc.call([...verb, "--bundle", path, "--pid-file", "the.pid", id], {
        cwd,
      });
      assertEquals([code, stderr], [0, ""]);
      assertEquals(Deno.readTextFileSync(`${cwd}/the.pid`), String((await c.dunc.state(id)).pid));
      assertEquals([...Deno.readDirSync(cwd)].length, 1);
      await c.dunc.ok("delete", "--force", id);
    }
  },
);

containerTest("a pid file that cannot be written is an error, and there is no container", async (c) => {
  const { path } = c.bundle();
  for (const verb of ["create", "run"]) {
    const stderr = await c.dunc.fails(1, verb, "--bundle", path, "--pid-file", `${c.folder}/no/pid`, c.id());
    assertMatch(stderr, /no\/(\.)?pid[^\n]*no such file or directory/);
    assertEquals(c.dunc.ids(), []);
  }
});
