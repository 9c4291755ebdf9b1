/** pause, update, resume and kill in any order, one after the other and at once. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { until } from "./support/command.ts";
import { type Containers, containerTest, reaping, runs } from "./support/containers.ts";
import { groupsOf, groupText } from "./support/groups.ts";
import { inGuest } from "./support/setting.ts";

const rounds = Deno.env.get("DUNC_FULL") === "1" ? 300 : inGuest() ? 12 : 60;
const SEED = 20261129;

/** A generator of numbers from 0 up to below `end` (mulberry32): the same sequence every time. */
function generator(seed: number): (end: number) => number {
  return (end) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % end;
  };
}

const VERBS = ["pause", "update", "resume", "kill"] as const;
type Verb = typeof VERBS[number];
type Status = "running" | "paused" | "stopped";

async function newContainer(c: Containers, bundle: string): Promise<string> {
  const id = c.id();
  await c.dunc.ok("run", "-d", "--bundle", bundle, id);
  return id;
}

const wordsOf = (verb: Verb, id: string, limit: number): string[] =>
  verb === "update"
    ? ["update", "--pids-limit", `${limit}`, id]
    : verb === "kill"
    ? ["kill", id, "KILL"]
    : [verb, id];

/** What a verb makes of a container, or the words with which it is refused. */
function next(verb: Verb, status: Status): Status | { readonly refused: string } {
  if (verb === "resume") return status === "paused" ? "running" : { refused: "container not paused" };
  if (status === "stopped") return { refused: "container not running" };
  if (verb === "pause") return status === "running" ? "paused" : { refused: "container not running" };
  return verb === "kill" ? "stopped" : status;
}

containerTest(
  `${rounds} times pause, update, resume or kill leave what they should, and nothing frozen`,
  async (c) => {
    const random = generator(SEED);
    const { path } = c.bundle((config) =>
      runs(config, "sleep 1000 & sleep 1000 & while :; do sleep 1; done")
    );
    const containers: { id: string; status: Status; limit: number }[] = [];
    for (let i = 0; i < 3; i++) {
      containers.push({ id: await newContainer(c, path), status: "running", limit: 0 });
    }
    const counts = { done: 0, refused: 0 };
    for (let round = 0; round < rounds; round++) {
      const container = containers[random(containers.length)]!;
      const verb = VERBS[random(VERBS.length)]!;
      const { id, status } = container;
      const limit = 10 + random(90);
      const wanted = next(verb, status);
      const place = `seed ${SEED}, round ${round}: ${verb} of ${id}, ${status}`;
      const { code, stderr } = await c.dunc.call(wordsOf(verb, id, limit));
      if (typeof wanted === "object") {
        counts.refused++;
        assertEquals(code, 1, place);
        assertStringIncludes(stderr, wanted.refused, place);
      } else {
        counts.done++;
        assertEquals([code, stderr], [0, ""], place);
        container.status = wanted;
        if (verb === "update") container.limit = limit;
      }
      await until(place, async () => (await c.dunc.state(id)).status === container.status);
      if (container.status !== "stopped") {
        if (container.limit > 0) assertEquals(groupText(id, "pids.max"), `${container.limit}`, place);
        continue;
      }
      assertEquals(isFrozen(id), false, place);
      if (random(2) === 0) continue;
      await reaping(c.dunc.ok("delete", id));
      Object.assign(container, { id: await newContainer(c, path), status: "running", limit: 0 });
    }
    console.log(`  ${rounds} rounds: ${counts.done} done, ${counts.refused} refused`);
    await endAll(c, containers.map(({ id }) => id));
  },
  ["root", "dunc"],
);

containerTest(
  `${rounds / 4} times four verbs at once leave a container that can be used and removed`,
  async (c) => {
    const random = generator(SEED + 1);
    const { path } = c.bundle((config) => runs(config, "while :; do sleep 1; done"));
    let id = await newContainer(c, path);
    for (let round = 0; round < rounds / 4; round++) {
      const verbs = Array.from({ length: 4 }, () => VERBS[random(round % 5 === 4 ? 4 : 3)]!);
      const place = `seed ${SEED + 1}, round ${round}: ${verbs.join(" ")}`;
      const outcomes = await Promise.all(verbs.map((verb) => c.dunc.call(wordsOf(verb, id, 50))));
      for (const { code, stderr } of outcomes) {
        // Whoever comes too late is told so, in words that everybody knows.
        if (code !== 0) {
          assertEquals(
            /container not (running|paused)/.test(stderr),
            true,
            `${place}: ${stderr}`,
          );
        }
      }
      if (verbs.includes("kill")) {
        await until(place, async () => (await c.dunc.state(id)).status === "stopped");
        await reaping(c.dunc.ok("delete", id));
        id = await newContainer(c, path);
      } else if ((await c.dunc.state(id)).status === "paused") await c.dunc.ok("resume", id);
      assertEquals(isFrozen(id), false, place);
      assertEquals((await c.dunc.call(["exec", id, "true"])).code, 0, place);
    }
    await endAll(c, [id]);
  },
  ["root", "dunc"],
);

function isFrozen(id: string): boolean {
  return ![undefined, "THAWED"].includes(groupText(id, "freezer.state")) ||
    (groupText(id, "cgroup.events") ?? "").includes("frozen 1");
}

async function endAll(c: Containers, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    await reaping(c.dunc.ok("delete", "--force", id));
    assertEquals(groupsOf(id), []);
  }
}
