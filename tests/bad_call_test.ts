/** Hooks, sockets and moments that are not as they should be: one clear line, the exit code, nothing left. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { start, until } from "./support/command.ts";
import { containerTest, reaping, runs } from "./support/containers.ts";
import { DescriptorSocket } from "./support/descriptor_socket.ts";
import { libc } from "./support/libc.ts";
import { descendants } from "./support/processes.ts";

interface Hook {
  path: string;
  args?: string[];
  env?: string[];
  timeout?: number;
}

/** One line, which has these words. */
function assertLine(stderr: string, words: string | RegExp, what: string): void {
  assertMatch(stderr, /^[^\n]+\n$/, `${what}: one line`);
  const said = stderr.replaceAll('\\"', '"');
  if (typeof words === "string") assertStringIncludes(said, words, what);
  else assertMatch(said, words, what);
}

const script = (text: string): Hook => ({
  path: "/bin/sh",
  args: ["sh", "-c", text],
  env: ["PATH=/usr/bin:/bin"],
});

/** Hooks that fail, and what is said of them behind `error running KIND hook #1: `. */
const BAD_HOOKS: readonly [name: string, hook: Hook, words: RegExp][] = [
  ["hangs", { ...script("sleep 60"), timeout: 1 }, /hook ran past specified timeout of 1\.0s/],
  [
    "hangs and will not be terminated",
    { ...script("trap '' TERM HUP INT; sleep 60; sleep 60"), timeout: 1 },
    /hook ran past specified timeout of 1\.0s/,
  ],
  ["dies by a signal", script("kill -9 $$"), /signal: killed/],
  ["dies by another signal", script("kill -SEGV $$"), /signal: segmentation fault/],
  ["closes its stdin and fails", script("exec <&-; exit 3"), /exit status 3/],
  ["closes everything and fails", script("exec <&- >&- 2>&-; exit 4"), /exit status 4/],
  ["prints a megabyte and fails", script("head -c 1048576 /dev/zero | tr '\\0' x; exit 5"), /exit status 5/],
  [
    "prints lines and fails",
    script("printf 'a\\nb\\n' >&2; exit 6"),
    /exit status 6, stdout: , stderr: a\\nb/,
  ],
];

for (const kind of ["prestart", "createRuntime", "createContainer", "startContainer"] as const) {
  containerTest(`a ${kind} hook that hangs, dies, closes or prints too much ends the creation`, async (c) => {
    for (const [name, hook, words] of BAD_HOOKS) {
      const { path } = c.bundle((config) => {
        runs(config, "true");
        config.hooks = { [kind]: [{ path: "/bin/true" }, hook] };
      });
      const begin = Date.now();
      const { code, stdout, stderr } = await reaping(c.dunc.call(["run", "--bundle", path, c.id()]));
      assertEquals([code, stdout], [1, ""], name);
      assertLine(stderr, `error running ${kind} hook #1: `, name);
      assertLine(stderr, words, name);
      assert(stderr.length < 70_000, `${name}: ${stderr.length} bytes`);
      assert(Date.now() - begin < 8000, name);
      assertEquals(c.dunc.ids(), [], name);
    }
  }, ["root", "dunc"]);
}

containerTest("a hook that is well but odd is no failure", async (c) => {
  const odd = [
    script("exec <&-; exit 0"),
    script("head -c 1048576 /dev/zero | tr '\\0' x"),
    { ...script("exec >&- 2>&-"), timeout: 5 },
    { path: "/bin/true", args: [] },
  ];
  for (const kind of ["prestart", "createRuntime", "createContainer", "startContainer"] as const) {
    const { path } = c.bundle((config) => {
      runs(config, "echo ran");
      config.hooks = { [kind]: odd };
    });
    const outcome = await reaping(c.dunc.call(["run", "--bundle", path, c.id()]));
    assertEquals(outcome, { code: 0, stdout: "ran\n", stderr: "" }, kind);
  }
}, ["root", "dunc"]);

containerTest("a poststart hook that is bad ends the container, a poststop hook is a warning", async (c) => {
  for (const [name, hook, words] of BAD_HOOKS) {
    const { path } = c.bundle((config) => {
      runs(config, "sleep 100");
      config.hooks = { poststart: [hook] };
    });
    const { code, stderr } = await reaping(c.dunc.call(["run", "-d", "--bundle", path, c.id()]));
    assertEquals(code, 1, name);
    assertLine(stderr, "error running poststart hook #0: ", name);
    assertLine(stderr, words, name);
    assertEquals(c.dunc.ids(), [], name);
  }
  const { path } = c.bundle((config) => {
    runs(config, "exit 3");
    config.hooks = { poststop: [script("kill -9 $$"), script("exit 0")] };
  });
  const { code, stderr } = await reaping(c.dunc.call(["run", "--bundle", path, c.id()]));
  assertEquals(code, 3);
  assertLine(stderr, /level=warning.*error running poststop hook #0: signal: killed/, "poststop");
}, ["root", "dunc"]);

containerTest("a console socket that cannot be connected to is named with the reason", async (c) => {
  const { path } = c.bundle((config) => {
    runs(config, "sleep 100");
    config.process!.terminal = true;
  });
  const plain = c.bundle((config) => runs(config, "sleep 100"));
  const id = c.id();
  await c.dunc.ok("run", "-d", "--bundle", plain.path, id);
  const dead = new DescriptorSocket(`${c.folder}/dead`);
  Deno.renameSync(dead.path, `${c.folder}/left`);
  Deno.writeTextFileSync(dead.path, "");
  dead.close();
  Deno.writeTextFileSync(`${c.folder}/file`, "");
  const sockets: readonly [string, string][] = [
    [`${c.folder}/nobody`, "no such file or directory"],
    [`${c.folder}/left`, "connection refused"],
    [`${c.folder}/file`, "connection refused"],
    [`${c.folder}/file/x`, "not a directory"],
    [`${c.folder}/${"x".repeat(108)}`, "file name too long"],
    ["relative", "no such file or directory"],
  ];
  for (const [socket, reason] of sockets) {
    const place = socket.startsWith("/") ? socket : `${c.folder}/${socket}`;
    const words = `connect to the console socket: ${place}: ${reason}`;
    const created = await c.dunc.call(["create", "--bundle", path, "--console-socket", socket, c.id()], {
      cwd: c.folder,
    });
    assertEquals(created.code, 1, socket);
    assertLine(created.stderr, words, socket);
    const executed = await c.dunc.call(["exec", "-t", "-d", "--console-socket", socket, id, "true"], {
      cwd: c.folder,
    });
    assertEquals(executed.code, 255, socket);
    assertLine(executed.stderr, words, socket);
    assertEquals(c.dunc.ids(), [id], socket);
  }
}, ["root", "dunc"]);

containerTest("a relative console socket counts from the caller's directory", async (c) => {
  const { path } = c.bundle((config) => {
    runs(config, "sleep 100");
    config.process!.terminal = true;
  });
  const socket = new DescriptorSocket(`${c.folder}/console`);
  try {
    const words = ["create", "--bundle", path, "--console-socket", "console", c.id()];
    assertEquals((await c.dunc.call(words, { cwd: c.folder })).stderr, "");
    const { descriptors } = socket.receive();
    assertEquals(descriptors.length, 1);
    closeAll(descriptors);
  } finally {
    socket.close();
  }
}, ["root", "dunc"]);

containerTest("a container that dies between the check and the join is told as stopped", async (c) => {
  const { path } = c.bundle((config) => runs(config, "sleep 100"));
  const id = c.id();
  await c.dunc.ok("run", "-d", "--bundle", path, id);
  const { pid } = await c.dunc.state(id);
  const inject = ["-e", "trace=setns", "-e", "inject=setns:delay_enter=1500000:when=1"];
  const trace = ["strace", "-f", "-qq", "-o", `${c.folder}/trace`, ...inject];
  const executing = start([...trace, ...c.dunc.command("exec", id, "echo", "inside")], {
    env: { DUNC_ENGINE: "always" },
  });
  await until("the init of exec is there", isInitHere);
  Deno.kill(pid, "SIGKILL");
  const { code, stdout, stderr } = await reaping(executing.ended);
  assertEquals([code, stdout], [255, ""]);
  assertLine(stderr, "exec failed: ", "exec");
  assertLine(stderr, "no such process (hint: the container has ended meanwhile)", "exec");
}, ["root", "strace", "dunc"]);

/** Whether somebody below us is about to carry out a plan. */
function isInitHere(): boolean {
  return descendants().some(({ name }) => name.includes("dunc-init"));
}

function closeAll(descriptors: readonly number[]): void {
  for (const descriptor of descriptors) libc().close(descriptor);
}
