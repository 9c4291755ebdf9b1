import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { start, succeed } from "./support/command.ts";
import { type Containers, containerTest, runs } from "./support/containers.ts";
import { DescriptorSocket } from "./support/descriptor_socket.ts";
import { descriptorsOf } from "./support/processes.ts";
import { onTerminal, Terminal } from "./support/terminal.ts";

const withTerminal = ({ bundle }: Containers, script: string, size?: { height: number; width: number }) =>
  bundle((config) => {
    runs(config, script);
    config.process!.terminal = true;
    if (size !== undefined) config.process!.consoleSize = size;
  });

containerTest("a terminal comes through the console socket in one message with one descriptor", async (c) => {
  const bundle = withTerminal(c, 'tty; stty size; read line; echo "got $line"; sleep 100', {
    height: 33,
    width: 99,
  });
  const socket = new DescriptorSocket(`${c.folder}/console`);
  const id = c.id();
  await c.dunc.ok("create", "--bundle", bundle.path, "--console-socket", socket.path, id);
  // Nobody has accepted yet: containerd's shim does so when create has returned.
  const { text, descriptors, controlLength } = socket.receive();
  socket.close();
  assertMatch(text, /^\/dev\/(pts\/)?\S+$/);
  assertEquals([descriptors.length, controlLength], [1, 24]);
  const terminal = new Terminal(descriptors[0]!);
  try {
    assertEquals(terminal.size, { rows: 33, columns: 99 });
    await c.dunc.ok("start", id);
    await terminal.shows(/^\/dev\/pts\/0\r\n33 99\r\n/);
    terminal.type("hello\n");
    await terminal.shows(/got hello\r\n/);
  } finally {
    terminal.close();
  }
});

containerTest("a terminal is the container's own: its session, its devpts, /dev/console", async (c) => {
  const script =
    "ps -o pid,sid,tty; test /dev/console -ef /dev/pts/0 || stat -c %t:%T /dev/console /dev/pts/0; " +
    "ls -l /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2; stat -c %u:%a /dev/pts/0; echo end; sleep 100";
  const bundle = withTerminal(c, script);
  const socket = new DescriptorSocket(`${c.folder}/console`);
  const id = c.id();
  await c.dunc.ok("run", "-d", "--bundle", bundle.path, "--console-socket", socket.path, id);
  const terminal = new Terminal(socket.receive().descriptors[0]!);
  socket.close();
  try {
    await terminal.shows(/end\r\n/);
    const text = terminal.text;
    assertMatch(text, /^\s+1\s+1\s+136,0\r$/m);
    for (const fd of [0, 1, 2]) assertMatch(text, new RegExp(`fd/${fd} -> /dev/pts/0\\r\\n`));
    assertMatch(text, /^0:620\r$/m);
    // The runtime has gone and holds nothing of it; the process holds its three streams.
    const { pid } = await c.dunc.state(id);
    assertEquals([...descriptorsOf(pid).keys()].sort(), [0, 1, 2]);
    assertEquals(
      Deno.statSync(`/proc/${pid}/root/dev/console`).rdev,
      Deno.statSync(`/proc/${pid}/root/dev/pts/0`).rdev,
    );
  } finally {
    terminal.close();
  }
});

containerTest("a foreground run passes keys, output and sizes through, and ends with the code", async (c) => {
  const bundle = withTerminal(
    c,
    'trap "stty size" WINCH; stty size; while ! read line; do :; done; echo "<$line>"; exit 7',
  );
  const { terminal, path } = Terminal.open();
  try {
    terminal.resize(21, 81);
    const running = start(onTerminal(path, c.dunc.command("run", "--bundle", bundle.path, c.id())));
    await terminal.shows(/21 81\r\n/);
    terminal.resize(22, 82);
    await terminal.shows(/22 82\r\n/);
    terminal.type("word\r");
    await terminal.shows(/<word>\r\n/);
    assertEquals((await running.ended).code, 7);
  } finally {
    terminal.close();
  }
});

containerTest("keys that mean a signal reach the container's foreground, not the runtime", async (c) => {
  const bundle = withTerminal(
    c,
    'trap "echo interrupted; exit 5" INT; echo ready; while :; do sleep 0.05; done',
  );
  const { terminal, path } = Terminal.open();
  try {
    const running = start(onTerminal(path, c.dunc.command("run", "--bundle", bundle.path, c.id())));
    await terminal.shows(/ready/);
    terminal.type("\x03");
    await terminal.shows(/interrupted/);
    assertEquals((await running.ended).code, 5);
  } finally {
    terminal.close();
  }
});

containerTest("the caller's terminal is raw while it runs and what it was afterwards", async (c) => {
  const bundle = withTerminal(c, "echo ready; read line; exit 0");
  const { terminal, path } = Terminal.open();
  const modes = () => succeed(["stty", "-F", path, "-g"]);
  try {
    const before = await modes();
    const running = start(onTerminal(path, c.dunc.command("run", "--bundle", bundle.path, c.id())));
    await terminal.shows(/ready/);
    assertNotEquals(await modes(), before);
    assertMatch(await succeed(["stty", "-F", path, "-a"]), /-icanon/);
    terminal.type("\r");
    await running.ended;
    assertEquals(await modes(), before);
  } finally {
    terminal.close();
  }
});

containerTest("the caller's terminal is what it was when the container is killed, too", async (c) => {
  const bundle = withTerminal(c, "echo ready; sleep 100");
  const { terminal, path } = Terminal.open();
  const modes = () => succeed(["stty", "-F", path, "-g"]);
  try {
    const before = await modes();
    const id = c.id();
    const running = start(onTerminal(path, c.dunc.command("run", "--bundle", bundle.path, id)));
    await terminal.shows(/ready/);
    await c.dunc.ok("kill", id, "KILL");
    assertEquals((await running.ended).code, 137);
    assertEquals(await modes(), before);
  } finally {
    terminal.close();
  }
});

containerTest("hanging up the caller's terminal tells the program, and its end is the code", async (c) => {
  const bundle = withTerminal(c, 'trap "exit 9" HUP; echo ready; while :; do sleep 0.05; done');
  const { terminal, path } = Terminal.open();
  const running = start(onTerminal(path, c.dunc.command("run", "--bundle", bundle.path, c.id())));
  await terminal.shows(/ready/);
  terminal.close();
  assertEquals((await running.ended).code, 9);
});

containerTest(
  "who wants a terminal and has no place for it, or the reverse, is told in runc's words",
  async (c) => {
    const plain = c.bundle();
    const wanting = withTerminal(c, "true");
    const socket = new DescriptorSocket(`${c.folder}/console`);
    try {
      for (
        const args of [
          ["create", "--bundle", wanting.path],
          ["run", "-d", "--bundle", wanting.path],
          ["create", "--bundle", plain.path, "--console-socket", socket.path],
          ["run", "--bundle", wanting.path, "--console-socket", socket.path],
        ]
      ) {
        const ours = await c.dunc.fails(1, ...args, c.id());
        const theirs = await c.runc.fails(1, ...args, c.id());
        const sentence = /cannot (allocate tty|use console socket) if runc will .*?(?="|\n|$)/;
        assertEquals(sentence.exec(ours)?.[0], sentence.exec(theirs)?.[0]);
        assertMatch(ours, sentence);
      }
    } finally {
      socket.close();
    }
  },
  ["runc"],
);

containerTest("a console socket that nobody listens at is an error that names it", async (c) => {
  const bundle = withTerminal(c, "true");
  const stderr = await c.dunc.fails(
    1,
    ...["create", "--bundle", bundle.path, "--console-socket", `${c.folder}/nobody`, c.id()],
  );
  assertMatch(stderr, /nobody/);
  assertMatch(stderr, /no such file or directory/);
}, ["dunc"]);

containerTest("the pidfd socket receives the process's pidfd", async (c) => {
  const bundle = c.bundle((config) => runs(config, "sleep 100"));
  const socket = new DescriptorSocket(`${c.folder}/pidfd`);
  const id = c.id();
  try {
    await c.dunc.ok("create", "--bundle", bundle.path, "--pidfd-socket", socket.path, id);
    const { text, descriptors } = socket.receive();
    assertEquals([text, descriptors.length], ["standard", 1]);
    const info = Deno.readTextFileSync(`/proc/self/fdinfo/${descriptors[0]}`);
    assertEquals(/^Pid:\s+(\d+)$/m.exec(info)?.[1], String((await c.dunc.state(id)).pid));
    new Terminal(descriptors[0]!).close();
  } finally {
    socket.close();
  }
}, ["dunc"]);
