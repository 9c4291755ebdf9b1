/** A service manager that is to be told of readiness (sd_notify(3)), by dunc as by runc. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { call, type Outcome, start, until } from "./support/command.ts";
import { type Containers, containerTest, reaping, runs } from "./support/containers.ts";
import { NotifyListener } from "./support/descriptor_socket.ts";
import { libc } from "./support/libc.ts";
import type { Runtime } from "./support/runtime.ts";

/** Sends a text to the socket of the environment, with the host's perl. */
const tell = (text: string) =>
  `perl -MSocket -e 'socket(S, AF_UNIX, SOCK_DGRAM, 0); ` +
  `send(S, "${text}", 0, pack_sockaddr_un($ENV{NOTIFY_SOCKET})) or die $!'`;

/** A bundle that has the host's programs. */
function bundleOf(c: Containers, script: string): string {
  const { path, rootfs } = c.bundle((config) => {
    runs(config, script);
    config.root!.readonly = false;
    config.process!.env!.push("PERL_BADLANG=0");
    for (const folder of ["/usr", "/lib", "/lib64"].filter(isFolder)) {
      config.mounts!.push({ destination: folder, source: folder, options: ["rbind", "ro"] });
    }
  });
  Deno.mkdirSync(`${rootfs}/run`, { recursive: true });
  return path;
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** What is told of readiness. The barrier is of runc 1.2: 1.1.5 has none. */
const toldBy = ({ name }: Runtime) => ["READY=1\n", "MAINPID=\n", ...(name === "runc" ? [] : ["BARRIER=1"])];

/** What the service manager is told, the number of the process left out, until all is said or `work` has ended. */
async function heard(runtime: Runtime, listener: NotifyListener, work: Promise<Outcome>) {
  const texts: string[] = [];
  let main = 0;
  let outcome: Outcome | undefined;
  work.then((ended) => outcome = ended, () => {});
  await until("all is said, or the end", () => {
    for (let message = listener.receive(); message !== undefined; message = listener.receive()) {
      texts.push(message.text.replace(/(MAINPID=)(\d+)/, (_, name, pid) => {
        main = Number(pid);
        return name;
      }));
      // The one who waits for this end to be closed is still there.
      if (message.descriptors.length > 0) assertEquals(outcome, undefined);
      for (const descriptor of message.descriptors) libc().close(descriptor);
    }
    return texts.length === toldBy(runtime).length || outcome !== undefined;
  }, 15_000);
  return { texts, main };
}

async function bothRuntimes(
  c: Containers,
  body: (runtime: Runtime, listener: NotifyListener, env: Record<string, string>) => Promise<void>,
): Promise<void> {
  for (const runtime of [c.dunc, c.runc]) {
    const listener = new NotifyListener(`${c.folder}/${runtime.name}.sock`);
    try {
      await reaping(body(runtime, listener, { NOTIFY_SOCKET: listener.path }));
    } finally {
      listener.close();
    }
  }
}

containerTest("a detached run returns when the container is ready and its manager knows", async (c) => {
  const path = bundleOf(c, `${tell("STATUS=soon")}; ${tell("READY=1\\nSTATUS=now")}; sleep 100`);
  await bothRuntimes(c, async (runtime, listener, env) => {
    const id = c.id();
    const work = runtime.call(["run", "-d", "--bundle", path, id], { env });
    const { texts, main } = await heard(runtime, listener, work);
    assertEquals([texts, (await work).code], [toldBy(runtime), 0], runtime.name);
    assertEquals(main, (await runtime.state(id)).pid);
    assertEquals(Deno.statSync(`${runtime.root}/${id}/notify/notify.sock`).mode! & 0o777, 0o777);
    await runtime.ok("delete", "--force", id);
  });
}, ["root", "runc"]);

containerTest("start returns when the container is ready, and create waits for nothing", async (c) => {
  const path = bundleOf(c, `${tell("READY=1")}; sleep 100`);
  await bothRuntimes(c, async (runtime, listener, env) => {
    const id = c.id();
    assertEquals((await runtime.call(["create", "--bundle", path, id], { env })).code, 0);
    const work = runtime.call(["start", id], { env });
    const { texts, main } = await heard(runtime, listener, work);
    assertEquals([texts, (await work).code], [toldBy(runtime), 0], runtime.name);
    assertEquals(main, (await runtime.state(id)).pid);
    await runtime.ok("kill", id, "KILL");
    await until("it is stopped", async () => (await runtime.state(id)).status === "stopped");
    await runtime.ok("delete", id);
  });
}, ["root", "runc"]);

containerTest("a run in the foreground is the main process itself, and goes on relaying", async (c) => {
  const path = bundleOf(c, `${tell("READY=1")}; read word; echo $word; exit 7`);
  await bothRuntimes(c, async (runtime, listener, env) => {
    const running = start(runtime.command("run", "--bundle", path, c.id()), { env, stdin: "piped" });
    const { texts, main } = await heard(runtime, listener, running.ended);
    assertEquals([texts, main], [toldBy(runtime), running.pid], runtime.name);
    await running.write("still here\n");
    const { code, stdout } = await running.ended;
    assertEquals([code, stdout], [7, "still here\n"], runtime.name);
  });
}, ["root", "runc"]);

containerTest("a container that ends before it is ready holds nobody up", async (c) => {
  const path = bundleOf(c, `exit 3`);
  const listener = new NotifyListener(`${c.folder}/manager.sock`);
  const env = { NOTIFY_SOCKET: listener.path };
  await reaping((async () => {
    assertEquals((await c.dunc.call(["run", "--bundle", path, c.id()], { env })).code, 3);
    const id = c.id();
    assertEquals((await c.dunc.call(["run", "-d", "--bundle", path, id], { env })).code, 0);
    await c.dunc.ok("delete", "--force", id);
    assertEquals((await c.dunc.call(["create", "--bundle", path, id], { env })).code, 0);
    assertEquals((await c.dunc.call(["start", id], { env })).code, 0);
    await c.dunc.ok("delete", "--force", id);
  })());
  assertEquals(listener.receive(), undefined);
  listener.close();
}, ["root", "dunc"]);

containerTest("signals reach a container that is not ready yet", async (c) => {
  const path = bundleOf(c, `trap 'exit 9' TERM; echo up; while :; do sleep 0.1; done`);
  const listener = new NotifyListener(`${c.folder}/manager.sock`);
  const running = start(c.dunc.command("run", "--bundle", path, c.id()), {
    env: { NOTIFY_SOCKET: listener.path },
  });
  await until("it runs", () => running.stdout.includes("up"));
  running.kill("SIGTERM");
  assertEquals((await running.ended).code, 9);
  listener.close();
}, ["root", "dunc"]);

containerTest("a manager that is gone is a warning in the foreground, and start's error", async (c) => {
  const path = bundleOf(c, `${tell("READY=1")}; exit 4`);
  const env = { NOTIFY_SOCKET: `${c.folder}/nobody` };
  const { code, stderr } = await c.dunc.call(["run", "--bundle", path, c.id()], { env });
  assertEquals(code, 4);
  assertStringIncludes(stderr, "level=warning");
  assertStringIncludes(stderr, `connect to ${c.folder}/nobody: no such file or directory`);
  const id = c.id();
  await c.dunc.call(["create", "--bundle", path, id], { env });
  const started = await reaping(c.dunc.call(["start", id], { env }));
  assertEquals(started.code, 1);
  assertStringIncludes(started.stderr, "no such file or directory");
}, ["root", "dunc"]);

containerTest("without a manager the container has no socket; a start cannot bring it one", async (c) => {
  const { path } = c.bundle((config) =>
    runs(config, "env | grep NOTIFY; grep -c /run/notify /proc/self/mounts")
  );
  assertEquals((await call(c.dunc.command("run", "--bundle", path, c.id()))).stdout, "0\n");
  const id = c.id();
  await c.dunc.ok("create", "--bundle", path, id);
  const { code, stderr } = await c.dunc.call(["start", id], { env: { NOTIFY_SOCKET: `${c.folder}/nobody` } });
  assertEquals(code, 1);
  assert(stderr.includes("NOTIFY_SOCKET: bind "), stderr);
  assertEquals((await c.dunc.state(id)).status, "created");
}, ["root", "dunc"]);
