import { assertEquals, assertStringIncludes } from "@std/assert";
import { until } from "./support/command.ts";
import { type Containers, containerTest, runs } from "./support/containers.ts";

/** A running container that counts: the file grows as long as it may run. */
async function counting(c: Containers): Promise<{ id: string; size: () => number }> {
  const { path, rootfs } = c.bundle((config) => {
    config.root!.readonly = false;
    runs(config, "while :; do echo x >> /count; sleep 0.01; done");
  });
  const id = c.id();
  await c.dunc.ok("run", "-d", "--bundle", path, id);
  const size = () => {
    try {
      return Deno.statSync(`${rootfs}/count`).size;
    } catch {
      return 0;
    }
  };
  await until("it counts", () => size() > 4);
  return { id, size };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 60));

containerTest("a paused container does nothing until it is resumed, and its state says so", async (c) => {
  const { id, size } = await counting(c);
  await c.dunc.ok("pause", id);
  assertEquals((await c.dunc.state(id)).status, "paused");
  const before = size();
  await settle();
  assertEquals(size(), before);
  assertStringIncludes(await c.dunc.ok("list"), " paused ");
  await c.dunc.ok("resume", id);
  await until("it goes on", () => size() > before);
  assertEquals((await c.dunc.state(id)).status, "running");
}, ["root"]);

containerTest("a paused container can be killed and deleted", async (c) => {
  const { id } = await counting(c);
  await c.dunc.ok("pause", id);
  await c.dunc.ok("kill", id, "KILL");
  await until("it is stopped", async () => (await c.dunc.state(id)).status === "stopped");
  await c.dunc.ok("delete", id);
  const other = await counting(c);
  await c.dunc.ok("pause", other.id);
  await c.dunc.fails(1, "delete", other.id);
  await c.dunc.ok("delete", "--force", other.id);
}, ["root"]);

containerTest("a created container can be paused, resumed and started", async (c) => {
  const { path } = c.bundle((config) => runs(config, "sleep 100"));
  const id = c.id();
  await c.dunc.ok("create", "--bundle", path, id);
  await c.dunc.ok("pause", id);
  assertEquals((await c.dunc.state(id)).status, "paused");
  await c.dunc.ok("resume", id);
  assertEquals((await c.dunc.state(id)).status, "created");
  await c.dunc.ok("start", id);
}, ["root"]);

containerTest("exec into a paused container waits for resume when told to ignore the pause", async (c) => {
  const { id } = await counting(c);
  await c.dunc.ok("pause", id);
  assertStringIncludes(await c.dunc.fails(255, "exec", id, "true"), "cannot exec in a paused container");
  const waiting = c.dunc.start(["exec", "--ignore-paused", id, "echo", "thawed"]);
  await settle();
  assertEquals(waiting.stdout, "");
  await c.dunc.ok("resume", id);
  assertEquals((await waiting.ended).stdout, "thawed\n");
}, ["root"]);
