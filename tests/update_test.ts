/** Limits: at create, changed by update, kept where they are not named, and what is used under them. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { call, until } from "./support/command.ts";
import { type Containers, containerTest, runs } from "./support/containers.ts";
import { layoutHere } from "./support/groups.ts";
import { cgroupDirectories } from "./support/ledger.ts";
import type { Runtime } from "./support/runtime.ts";

/** The value of a limit's file in whichever hierarchy has it. */
function limit(id: string, ...files: string[]): string {
  for (const directory of cgroupDirectories().filter((path) => path.endsWith(`/${id}`))) {
    for (const file of files) {
      try {
        return Deno.readTextFileSync(`${directory}/${file}`).trim();
      } catch { /* Another hierarchy's. */ }
    }
  }
  throw new Error(`no ${files.join(" or ")} of ${id}`);
}

const FILES = [
  ["memory.limit_in_bytes", "memory.max"],
  ["memory.soft_limit_in_bytes", "memory.low"],
  ["pids.max"],
  // Debian's runc has an older formula for the weight of v2: src/cgroup/limits_test.ts has the one of today's runtimes.
  ...layoutHere() === "v1" ? [["cpu.shares"]] : [],
  ["cpu.cfs_quota_us", "cpu.max"],
  ["cpu.cfs_period_us", "cpu.max"],
  ["cpuset.cpus"],
];

const limitsOf = (id: string): string[] => FILES.map((files) => limit(id, ...files));

async function limited(c: Containers, runtime: Runtime): Promise<string> {
  const { path } = c.bundle((config) => {
    runs(config, "sleep 100");
    config.linux!.resources = {
      ...config.linux!.resources,
      memory: { limit: 64 << 20, reservation: 32 << 20 },
      pids: { limit: 50 },
      cpu: { shares: 512, quota: 50_000, period: 100_000, cpus: "0" },
    };
  });
  const id = c.id();
  await runtime.ok("run", "-d", "--bundle", path, id);
  return id;
}

containerTest("limits of config.json and of update come to what runc makes of them", async (c) => {
  const ours = await limited(c, c.dunc);
  const theirs = await limited(c, c.runc);
  assertEquals(limitsOf(ours), limitsOf(theirs));
  const both = async (...words: string[]) => {
    await c.dunc.ok("update", ...words, ours);
    await c.runc.ok("update", ...words, theirs);
    assertEquals(limitsOf(ours), limitsOf(theirs), words.join(" "));
  };
  await both("--memory", "128M");
  await both("--pids-limit", "20", "--cpu-share", "100");
  await both("--cpu-quota", "30000");
  await both("--cpu-period", "50000");
  await both("--cpu-quota", "-1");
  await both("--pids-limit", "-1");
  await both("--memory-reservation", "16m");
  const file = `${c.folder}/resources.json`;
  Deno.writeTextFileSync(file, JSON.stringify({ memory: { limit: 96 << 20 }, pids: { limit: 7 } }));
  await both("--resources", file);
}, ["root", "runc"]);

containerTest("update reads a document from its standard input", async (c) => {
  const id = await limited(c, c.dunc);
  const stdin = JSON.stringify({ pids: { limit: 33 } });
  const { code, stderr } = await c.dunc.call(["update", "--resources", "-", id], { stdin });
  assertEquals([code, stderr], [0, ""]);
  assertEquals(limit(id, "pids.max"), "33");
}, ["root"]);

containerTest(
  "update refuses what is no number, and a container that has ended, and changes nothing",
  async (c) => {
    const id = await limited(c, c.dunc);
    const before = limitsOf(id);
    assertStringIncludes(await c.dunc.fails(1, "update", "--memory", "much", id), "memory");
    assertEquals(limitsOf(id), before);
    await c.dunc.ok("kill", id, "KILL");
    await until("it is stopped", async () => (await c.dunc.state(id)).status === "stopped");
    assertStringIncludes(await c.dunc.fails(1, "update", "--pids-limit", "5", id), "container not running");
  },
  ["root"],
);

containerTest("a paused container stays paused when it is updated", async (c) => {
  const id = await limited(c, c.dunc);
  await c.dunc.ok("pause", id);
  await c.dunc.ok("update", "--pids-limit", "9", id);
  assertEquals([limit(id, "pids.max"), (await c.dunc.state(id)).status], ["9", "paused"]);
}, ["root"]);

containerTest("the number of processes is held", async (c) => {
  const { path } = c.bundle((config) => {
    runs(config, "sleep 100 & sleep 100 & sleep 100 & sleep 100 & sleep 100 & echo all");
    config.linux!.resources = { ...config.linux!.resources, pids: { limit: 3 } };
  });
  const { stdout, stderr } = await c.dunc.call(["run", "--bundle", path, c.id()]);
  assertEquals(stdout, "");
  assertStringIncludes(stderr, "fork");
}, ["root"]);

containerTest("events --stats prints one line with the container's figures", async (c) => {
  const id = await limited(c, c.dunc);
  const text = await c.dunc.ok("events", "--stats", id);
  assert(text.startsWith(`{"type":"stats","id":"${id}",`) && text.endsWith("}\n"), text);
  const { data } = JSON.parse(text);
  assertEquals(data.pids, { current: 1, limit: 50 });
  assertEquals(data.memory.usage.limit, 64 << 20);
  assert(data.memory.usage.usage > 0);
  assertEquals(typeof data.hugetlb, "object");
  const theirs = await limited(c, c.runc);
  const { data: other } = JSON.parse(await c.runc.ok("events", "--stats", theirs));
  for (const key of Object.keys(other)) assert(key in data, `runc has ${key}`);
  for (const key of Object.keys(other.cpu)) assert(key in data.cpu, `runc has cpu.${key}`);
}, ["root", "runc"]);

containerTest("events goes on by the interval, and ends with the container", async (c) => {
  const id = await limited(c, c.dunc);
  const events = c.dunc.start(["events", "--interval", "50ms", id]);
  await until("three lines have come", () => events.stdout.split("\n").length > 3);
  await c.dunc.ok("kill", id, "KILL");
  assertEquals((await events.ended).code, 0);
  assertStringIncludes(
    await c.dunc.fails(1, "events", "--interval", "0s", id),
    "duration interval must be greater than 0",
  );
}, ["root", "dunc"]);

containerTest("a container that uses too much memory is told of as an event", async (c) => {
  const { path } = c.bundle((config) => {
    runs(config, "read line < /go; sleep 0.1; head -c 100000000 /dev/zero | tail | sleep 5; sleep 100");
    config.root!.readonly = false;
    config.linux!.resources = { ...config.linux!.resources, memory: { limit: 8 << 20 } };
  });
  await call(["mkfifo", `${path}/rootfs/go`]);
  const id = c.id();
  await c.dunc.ok("run", "-d", "--bundle", path, id);
  const events = c.dunc.start(["events", "--interval", "10s", id]);
  await new Promise((resolve) => setTimeout(resolve, 300));
  Deno.writeTextFileSync(`${path}/rootfs/go`, "\n");
  await until("an event of type oom", () => events.stdout.includes(`{"type":"oom","id":"${id}"`));
  // The kernel may have chosen the container's first process: then there is nothing left to kill.
  await c.dunc.call(["kill", id, "KILL"]);
  await events.ended;
}, ["root", "dunc"]);

containerTest(
  "update of cache and bandwidth says what the host lacks, and changes nothing else",
  async (c) => {
    const id = await limited(c, c.dunc);
    for (
      const [flags, says] of [
        [["--l3-cache-schema", "L3:0=f"], "Intel RDT/CAT: l3 cache schema is not enabled"],
        [["--mem-bw-schema", "MB:0=20"], "Intel RDT/MBA: memory bandwidth schema is not enabled"],
      ] as const
    ) {
      assertStringIncludes(await c.dunc.fails(1, "update", ...flags, id), says);
    }
    await c.dunc.ok("update", "--l3-cache-schema", "", "--pids-limit", "99", id);
  },
  ["root", "dunc"],
);
