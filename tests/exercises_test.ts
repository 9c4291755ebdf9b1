/** What limits are for: a program that eats memory, a fork bomb, and one that takes all the CPU it can get. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { until } from "./support/command.ts";
import { containerTest, runs } from "./support/containers.ts";
import { groupText, layoutHere } from "./support/groups.ts";

const MiB = 1 << 20;
/** Keeps all that it reads: a line without an end. */
const EATER = "head -c 300000000 /dev/zero | tail";

containerTest("the OOM kill of a program under a limit of 50 MB is told as an event", async (c) => {
  const { path } = c.bundle((config) => {
    runs(config, "sleep 100");
    config.linux!.resources!.memory = { limit: 50 * MiB };
  });
  const id = c.id();
  await c.dunc.ok("run", "-d", "--bundle", path, id);
  const events = c.dunc.start(["events", "--interval", "100s", id], { timeoutMs: 60_000 });
  await until("events has begun", () => events.stdout.includes(`"type":"stats"`));
  const { code } = await c.dunc.call(["exec", id, "sh", "-c", EATER]);
  assertEquals(code, 137);
  await until("an event of type oom", () => events.stdout.includes(`{"type":"oom","id":"${id}"`));
  assertEquals((await c.dunc.state(id)).status, "running");
  await c.dunc.ok("kill", id, "KILL");
  assertEquals((await events.ended).code, 0);
}, ["root", "dunc"]);

containerTest(
  "a container that dies of its memory limit says so, in an event and to who runs it",
  async (c) => {
    const { path } = c.bundle((config) => {
      config.process!.args = [
        "sh",
        "-c",
        "while ! [ -e /dev/shm/go ]; do sleep 0.05; done; exec tail /dev/zero",
      ];
      config.linux!.resources!.memory = { limit: 50 * MiB };
    });
    const id = c.id();
    const running = c.dunc.start(["run", "--bundle", path, id], { timeoutMs: 60_000 });
    await until("it runs", async () => (await c.dunc.call(["state", id])).stdout.includes("running"));
    const events = c.dunc.start(["events", "--interval", "100s", id], { timeoutMs: 60_000 });
    await until("events has begun", () => events.stdout.includes(`"type":"stats"`));
    await c.dunc.ok("exec", id, "sh", "-c", "echo go > /dev/shm/go");
    const { code, stderr } = await running.ended;
    assertEquals(code, 137);
    assertStringIncludes(stderr, "memory limit too low");
    assertStringIncludes(stderr, "linux.resources.memory.limit");
    assertEquals((await events.ended).code, 0);
    assertStringIncludes(events.stdout, `{"type":"oom","id":"${id}"`);
  },
  ["root", "dunc"],
);

containerTest("whoever runs a container that dies of its memory limit is told each time", async (c) => {
  const { path } = c.bundle((config) => {
    config.process!.args = ["tail", "/dev/zero"];
    config.linux!.resources!.memory = { limit: 20 * MiB };
  });
  for (let round = 0; round < 2; round++) {
    const { code, stderr } = await c.dunc.call(["run", "--bundle", path, c.id()]);
    assertEquals(code, 137);
    assertStringIncludes(stderr, "memory limit too low");
  }
}, ["root", "dunc"]);

containerTest("a limit that not even the init fits into is told before anything has run", async (c) => {
  const { path } = c.bundle((config) => {
    runs(config, "true");
    config.linux!.resources!.memory = { limit: 4096 };
  });
  assertStringIncludes(await c.dunc.fails(1, "create", "--bundle", path, c.id()), "memory limit too low");
}, ["root", "dunc"]);

containerTest("a limit of 100 processes stops a fork bomb, and the container can be ended", async (c) => {
  const { path } = c.bundle((config) => {
    runs(config, "bomb() { bomb | bomb & }; bomb 2>/dev/null; while :; do sleep 1; done");
    config.linux!.resources!.pids = { limit: 100 };
    // The host goes on meanwhile.
    config.linux!.resources!.cpu = { shares: 64, quota: 50_000 };
  });
  const id = c.id();
  await c.dunc.ok("run", "-d", "--bundle", path, id);
  const refused = () => Number(/^max (\d+)$/m.exec(groupText(id, "pids.events") ?? "")?.[1]);
  await until("the kernel refuses to fork", () => refused() > 0, 20_000);
  const highest = Number(groupText(id, "pids.peak") ?? groupText(id, "pids.current"));
  assert(highest <= 100, `${highest} processes`);
  await c.dunc.ok("delete", "--force", id);
  assertEquals(groupText(id, "pids.max"), undefined);
}, ["root"]);

containerTest("a quota of 50 % of a CPU is 50 % over 3 s, within a tenth", async (c) => {
  const { path } = c.bundle((config) => {
    runs(config, "while :; do :; done");
    config.linux!.resources!.cpu = { quota: 50_000, period: 100_000 };
  });
  const id = c.id();
  await c.dunc.ok("run", "-d", "--bundle", path, id);
  const shares: number[] = [];
  // Others on the machine may take what it was allowed: it gets three times to have it. Never may it get more.
  for (let round = 0; round < 3 && !shares.some(isHalf); round++) shares.push(await shareOver(3000, id));
  console.log(`  share of a CPU: ${shares.map((share) => share.toFixed(3)).join(", ")}`);
  assert(shares.some(isHalf) && shares.every((share) => share < 0.55), `${shares}`);
}, ["root"]);

const isHalf = (share: number): boolean => share > 0.45 && share < 0.55;

/** CPU time over time. */
async function shareOver(ms: number, id: string): Promise<number> {
  const begin = performance.now();
  const before = usedMs(id);
  await new Promise((resolve) => setTimeout(resolve, ms));
  const used = usedMs(id) - before;
  return used / (performance.now() - begin);
}

function usedMs(id: string): number {
  if (layoutHere() === "v1") return Number(groupText(id, "cpuacct.usage")) / 1e6;
  return Number(/^usage_usec (\d+)$/m.exec(groupText(id, "cpu.stat")!)![1]) / 1e3;
}
