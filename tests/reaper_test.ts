/** Who the container's process belongs to: clients wait for it themselves once the runtime has gone. */
import { assert, assertEquals } from "@std/assert";
import { succeed, until } from "./support/command.ts";
import { type Containers, containerTest, runs } from "./support/containers.ts";
import { isAlive, processRow, reap } from "./support/processes.ts";

/** The exit code as the parent gets it from wait(2), 128 + N for a signal. */
const exitCode = (pid: number) => until(`process ${pid} has ended`, () => reap(pid));

containerTest(
  "the waiting process is a child of whoever reaps the runtime, and so is the program",
  async (c) => {
    const { path } = c.bundle((config) => runs(config, "exit 23"));
    const id = c.id();
    await c.dunc.ok("create", "--bundle", path, id);
    const { pid } = await c.dunc.state(id);
    assertEquals(processRow(pid)!.parent, Deno.pid);
    await c.dunc.ok("start", id);
    assertEquals(await exitCode(pid), 23);
    assertEquals((await c.dunc.state(id)).status, "stopped");
  },
);

containerTest("the raw wait status tells a signal apart from an exit code", async (c) => {
  const { path } = c.bundle((config) => runs(config, "sleep 100"));
  const id = c.id();
  await c.dunc.ok("run", "-d", "--bundle", path, id);
  const { pid } = await c.dunc.state(id);
  await c.dunc.ok("kill", id, "9");
  assertEquals(await exitCode(pid), 137);
});

containerTest("delete of a created container ends it without a wait for its reaper", async (c) => {
  const { path } = c.bundle();
  const id = c.id();
  await c.dunc.ok("create", "--bundle", path, id);
  const { pid } = await c.dunc.state(id);
  await c.dunc.ok("delete", id);
  assert(!isAlive(pid));
});

containerTest("nothing of the runtime stays beside the container's own process", async (c) => {
  const { path } = c.bundle((config) => runs(config, "sleep 100"));
  const ids = [c.id(), c.id(), c.id()];
  for (const id of ids) await c.dunc.ok("run", "-d", "--bundle", path, id);
  const pids = await Promise.all(ids.map(async (id) => (await c.dunc.state(id)).pid));
  const children = (await succeed(["ps", "-o", "pid=", "--ppid", String(Deno.pid)])).trim().split(/\s+/).map(
    Number,
  );
  // The ps itself, and one process for each container.
  assertEquals(children.filter((pid) => isAlive(pid)).sort(), pids.sort());
});

/** A container whose program leaves an orphan behind, which writes its parent's pid to `out` when it is orphaned. */
function orphaning({ bundle }: Containers) {
  return bundle((config) => {
    config.root!.readonly = false;
    config.linux!.namespaces = config.linux!.namespaces!.filter(({ type }) => type !== "pid");
    runs(config, '(sleep 0.2; read -r _ _ _ parent _ < /proc/self/stat; echo "$parent" > /out) & exit 0');
    config.mounts!.find(({ destination }) => destination === "/proc")!.options = [];
  });
}

containerTest(
  "a program's orphans are killed with the container, also without a pid namespace",
  async (c) => {
    const { path, rootfs } = orphaning(c);
    const { code, stderr } = await c.dunc.call(["run", "--bundle", path, c.id()]);
    assertEquals([code, stderr], [0, ""]);
    await new Promise((resolve) => setTimeout(resolve, 400));
    assertEquals([...Deno.readDirSync(rootfs)].some(({ name }) => name === "out"), false);
  },
);
