import { assertEquals, assertMatch } from "@std/assert";
import { call, start } from "./support/command.ts";
import { type Containers, containerTest, runs } from "./support/containers.ts";
import { DescriptorSocket } from "./support/descriptor_socket.ts";
import { onTerminal, Terminal } from "./support/terminal.ts";

/** A command line in a terminal: type a line, and see the exit code. Tells whether the engine was started. */
async function dialogue(c: Containers, trace: string, ...words: string[]): Promise<boolean> {
  Deno.writeTextFileSync(trace, "");
  const { terminal, path } = Terminal.open();
  try {
    terminal.resize(21, 81);
    const running = start(onTerminal(path, c.dunc.command(...words)), { env: { DUNC_TRACE: trace } });
    await terminal.shows(/21 81\r\n/);
    terminal.type("word\r");
    await terminal.shows(/<word>\r\n/);
    assertEquals((await running.ended).code, 7);
  } finally {
    terminal.close();
  }
  return Deno.readTextFileSync(trace).includes("engine");
}

const SCRIPT = 'stty size; while ! read line; do :; done; echo "<$line>"; exit 7';

containerTest("run with a terminal is kept like any other", async (c) => {
  const bundle = c.bundle((config) => {
    runs(config, SCRIPT);
    config.process!.terminal = true;
  });
  const run = () => dialogue(c, `${c.folder}/trace`, "run", "--bundle", bundle.path, c.id());
  assertEquals([await run(), await run(), await run()], [true, false, false]);
  // Detached there would be nobody to give the terminal to: the engine says so.
  const outcome = await call(c.dunc.command("run", "-d", "--bundle", bundle.path, c.id()));
  assertMatch(outcome.stderr, /cannot allocate tty if runc will detach without setting console socket/);
});

containerTest("exec -t that comes again is the first stage's", async (c) => {
  const bundle = c.bundle((config) => runs(config, "sleep 100"));
  const id = c.id();
  await c.dunc.ok("run", "-d", "--bundle", bundle.path, id);
  const exec = () => dialogue(c, `${c.folder}/trace`, "exec", "-t", id, "sh", "-c", SCRIPT);
  assertEquals([await exec(), await exec(), await exec()], [true, false, false]);
  const outcome = await call(c.dunc.command("exec", "-t", "-d", id, "sh", "-c", SCRIPT));
  assertEquals(outcome.code, 255);
  assertMatch(outcome.stderr, /cannot allocate tty if runc will detach without setting console socket/);
});

containerTest("exec with a console socket that comes again sends the same terminal", async (c) => {
  const bundle = c.bundle((config) => runs(config, "sleep 100"));
  const id = c.id();
  await c.dunc.ok("run", "-d", "--bundle", bundle.path, id);
  const process = `${c.folder}/process.json`;
  Deno.writeTextFileSync(
    process,
    JSON.stringify({
      terminal: true,
      cwd: "/",
      args: ["sh", "-c", "tty; stty size; read line; echo got $line"],
      env: ["PATH=/bin"],
      consoleSize: { height: 33, width: 99 },
    }),
  );
  for (const engine of [true, false, false]) {
    const trace = `${c.folder}/trace`;
    Deno.writeTextFileSync(trace, "");
    const socket = new DescriptorSocket(`${c.folder}/console`);
    const words = ["exec", "--process", process, "--detach", "--console-socket", socket.path, id];
    const outcome = await call(c.dunc.command(...words), { env: { DUNC_TRACE: trace } });
    assertEquals(
      [outcome.code, Deno.readTextFileSync(trace).includes("engine")],
      [0, engine],
      outcome.stderr,
    );
    const { descriptors, controlLength, text } = socket.receive();
    socket.close();
    assertMatch(text, /^\/dev\/(pts\/)?\S+$/);
    assertEquals([descriptors.length, controlLength], [1, 24]);
    const terminal = new Terminal(descriptors[0]!);
    try {
      await terminal.shows(/\/dev\/pts\/\d+\r\n33 99\r\n/);
      terminal.type("hello\n");
      await terminal.shows(/got hello\r\n/);
    } finally {
      terminal.close();
    }
  }
  // Nobody listens any more.
  const words = ["exec", "--process", process, "--detach", "--console-socket", `${c.folder}/gone`, id];
  const outcome = await call(c.dunc.command(...words));
  assertEquals(outcome.code, 255);
  assertMatch(outcome.stderr, /console socket/);
});
