/** `stats`: what containers use, for people and for machines. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { call, start, until } from "./support/command.ts";
import { type Containers, containerTest, runs } from "./support/containers.ts";
import { onTerminal, Terminal } from "./support/terminal.ts";

async function running(c: Containers, script: string): Promise<string> {
  const { path } = c.bundle((config) => {
    runs(config, script);
    config.linux!.resources = {
      ...config.linux!.resources,
      memory: { limit: 64 << 20 },
      pids: { limit: 50 },
      cpu: { quota: 30_000, period: 100_000 },
    };
  });
  const id = c.id();
  await c.dunc.ok("run", "-d", "--bundle", path, id);
  return id;
}

interface Line {
  readonly id: string;
  readonly cpu: { readonly percent: number; readonly total_ns: number };
  readonly memory: { readonly usage: number; readonly charged: number; readonly limit: number };
  readonly pids: { readonly current: number; readonly limit: number };
}

function lines(text: string): Line[] {
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

containerTest("stats --once tells of all containers that run, in each of the three formats", async (c) => {
  const busy = await running(c, "while :; do :; done");
  const idle = await running(c, "sleep 100 & sleep 100 & wait");
  const gone = await running(c, "true");
  await until("it has ended", async () => (await c.dunc.state(gone)).status === "stopped");

  const json = lines(await c.dunc.ok("stats", "--once", "--interval", "2s", "--format", "json"));
  assertEquals(json.map(({ id }) => id), [busy, idle].sort());
  const [first, second] = [json.find(({ id }) => id === busy)!, json.find(({ id }) => id === idle)!];
  assert(first.cpu.percent > 20 && first.cpu.percent < 40, `the quota is 30 %: ${first.cpu.percent}`);
  assert(second.cpu.percent < 5, `it sleeps: ${second.cpu.percent}`);
  assertEquals([second.memory.limit, second.pids.limit, second.pids.current], [64 << 20, 50, 3]);
  assert(second.memory.usage > 0 && second.memory.usage <= second.memory.charged);

  const [titles, ...rows] = (await c.dunc.ok("stats", "--no-stream", idle)).trimEnd().split("\n");
  assertMatch(titles!, /^ID +CPU % +MEMORY/);
  assertEquals(rows.length, 1);
  assertMatch(rows[0]!, new RegExp(`^${idle} +\\d+\\.\\d% +.+ / 64\\.0MiB +\\d\\.\\d% +3 / 50 `));

  const metrics = await c.dunc.ok("stats", "--format", "prometheus");
  assertStringIncludes(metrics, `dunc_container_pids{id="${idle}"} 3\n`);
  assertStringIncludes(metrics, `dunc_container_memory_limit_bytes{id="${busy}"} ${64 << 20}\n`);
}, ["root"]);

containerTest("stats goes on in a pipe, a line at a time, until its containers have ended", async (c) => {
  const id = await running(c, "sleep 100");
  const stats = c.dunc.start(["stats", "--interval", "100ms", id]);
  await until("there are three rounds", () => stats.stdout.split(id).length > 3);
  assertEquals(stats.stdout.split("CPU %").length, 2, "titles once");
  assertEquals(stats.stdout.includes("\x1b"), false);
  await c.dunc.ok("kill", id, "KILL");
  const { code, stderr } = await stats.ended;
  assertEquals([code, stderr], [0, ""]);
}, ["root"]);

containerTest("stats ends by an interrupt, and when nobody reads on", async (c) => {
  const id = await running(c, "sleep 100");
  const stats = c.dunc.start(["stats", "--interval", "100ms"]);
  await until("it has begun", () => stats.stdout.includes(id));
  stats.kill("SIGINT");
  assertEquals((await stats.ended).code, 130);
  const command = `${c.dunc.command("stats").join(" ")} --interval 50ms | head -n 2; echo the end`;
  const { stdout } = await call(["/bin/sh", "-c", command], { timeoutMs: 10_000 });
  assertMatch(stdout, new RegExp(`^ID .*\n${id} .*\nthe end\n$`));
}, ["root"]);

containerTest("stats in a terminal draws its table again over the one before", async (c) => {
  const id = await running(c, "sleep 100");
  const { terminal, path } = Terminal.open();
  try {
    terminal.resize(20, 60);
    const stats = start(onTerminal(path, c.dunc.command("stats", "--interval", "100ms", id)));
    await until("it is drawn again", () => terminal.text.includes("\r\n\x1b[2A\x1b[JID "));
    assertEquals(terminal.text.split("\r\n")[0]!.length, 59, "no line is broken by the window's edge");
    terminal.type("\x03");
    assertEquals((await stats.ended).code, 130);
  } finally {
    terminal.close();
  }
}, ["root"]);

containerTest("stats refuses what it does not know, with the name of it", async (c) => {
  const id = await running(c, "true");
  await until("it has ended", async () => (await c.dunc.state(id)).status === "stopped");
  const refused = async (...words: string[]) => await c.dunc.fails(1, "stats", ...words);
  assertStringIncludes(await refused("no-such"), "container does not exist");
  assertStringIncludes(await refused(id), `container with id ${id} is not running`);
  assertStringIncludes(await refused("--format", "xml"), "invalid format option");
  assertStringIncludes(await refused("--interval", "0s"), "--interval");
  assertStringIncludes(await refused("--interval", "soon"), "--interval");
}, ["root"]);
