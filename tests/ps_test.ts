import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { until } from "./support/command.ts";
import { containerTest, runs } from "./support/containers.ts";

containerTest(
  "ps prints the numbers, or the host's ps's own lines, of all processes of the container",
  async (c) => {
    const { path } = c.bundle((config) => runs(config, "sleep 101 & sleep 102 & wait"));
    const id = c.id();
    await c.dunc.ok("run", "-d", "--bundle", path, id);
    const pids = async (): Promise<number[]> => JSON.parse(await c.dunc.ok("ps", "--format", "json", id));
    await until("all three are there", async () => (await pids()).length === 3);
    const { pid } = await c.dunc.state(id);
    assertEquals((await pids()).includes(pid), true);
    const table = (await c.dunc.ok("ps", id)).trimEnd().split("\n");
    assertMatch(table[0]!, /^UID +PID +PPID /);
    assertEquals(table.length, 4);
    const own = (await c.dunc.ok("ps", id, "-o", "pid,args")).trimEnd().split("\n");
    assertMatch(own[0]!, /^ *PID COMMAND$/);
    assertEquals(own.slice(1).map((line) => /sleep \d+$/.exec(line)?.[0]).filter(Boolean).sort(), [
      "sleep 101",
      "sleep 102",
    ]);
    assertStringIncludes(
      await c.dunc.fails(1, "ps", id, "-o", "args"),
      "couldn't find PID field in ps output",
    );
  },
  ["root"],
);

containerTest("ps of a container that has ended is empty, as with runc", async (c) => {
  const { path } = c.bundle((config) => runs(config, "true"));
  for (const runtime of [c.dunc, c.runc]) {
    const id = c.id();
    await runtime.ok("run", "-d", "--bundle", path, id);
    await until("it is stopped", async () => (await runtime.state(id)).status === "stopped");
    assertEquals(await runtime.ok("ps", "--format", "json", id), "null\n", runtime.name);
  }
}, ["root", "runc"]);
