import { assert, assertEquals, assertThrows } from "@std/assert";
import { ContainerError } from "../errors.ts";
import { createCgroup } from "./apply.ts";
import { exists } from "./files.ts";
import { freeze, isFrozen, thaw } from "./freeze.ts";
import { killCgroup, signalCgroup } from "./kill.ts";
import { pause } from "./kernel.ts";
import { type CgroupPaths, directoriesOf, isV2 } from "./paths.ts";
import { containerPids, listPids } from "./pids.ts";
import { readLayout } from "./read_layout.ts";
import { removeCgroup, removeUnused } from "./remove.ts";
import { startInside, TEST_KERNEL, testUnless, whyNotV1, whyNotV2, withGroups } from "./testing.ts";

// On a host with v1 trees these run on them, inside v2_namespace_test.ts on v2.
const layout = readLayout();
const reason = layout.mode === "v2" ? whyNotV2(layout) : whyNotV1(layout);
const test = (name: string, body: (paths: CgroupPaths) => void | Promise<void>) =>
  testUnless(reason, `${name} [${layout.mode}]`, () =>
    withGroups(layout, (paths) => {
      createCgroup({ layout, paths, writes: [], rootless: false, explicit: true });
      return body(paths);
    }));

/**
 * Whether a process gets time on a CPU: utime and stime of /proc/PID/stat, in steps of 10 ms. On a machine that is
 * busy that may take its time.
 */
function runs(pid: number, withinMs = 5000): boolean {
  const spent = () => Deno.readTextFileSync(`/proc/${pid}/stat`).split(" ").slice(13, 15).map(Number);
  const before = spent();
  for (const end = performance.now() + withinMs; performance.now() < end;) {
    pause(80);
    if (spent().some((ticks, index) => ticks > before[index]!)) return true;
  }
  return false;
}

test("freeze() stops every process of a container, thaw() lets it go on", async (paths) => {
  const process = startInside(paths, ["sh", "-c", "while :; do :; done"]);
  assertEquals([isFrozen(paths), runs(process.pid)], [false, true]);
  freeze(paths, TEST_KERNEL);
  assertEquals([isFrozen(paths), runs(process.pid, 80)], [true, false]);
  freeze(paths, TEST_KERNEL);
  thaw(paths);
  assertEquals([isFrozen(paths), runs(process.pid)], [false, true]);
  await process.end();
});

test("isFrozen() is true in a group below a frozen one and false once the group is gone", (paths) => {
  const inner = Object.fromEntries(Object.entries(paths).map(([key, path]) => [key, `${path}/inner`]));
  createCgroup({ layout, paths: inner, writes: [], rootless: false, explicit: true });
  freeze(paths, TEST_KERNEL);
  assertEquals(isFrozen(inner), true);
  thaw(paths);
  assertEquals(isFrozen(inner), false);
  removeCgroup(paths, TEST_KERNEL);
  assertEquals(isFrozen(paths), false);
  thaw(paths);
});

test("freeze() of a group that is gone says which file is missing", (paths) => {
  removeCgroup(paths, TEST_KERNEL);
  const file = isV2(paths) ? "cgroup.freeze" : "freezer.state";
  assertThrows(() => freeze(paths, TEST_KERNEL), ContainerError, `${file}: no such file or directory`);
});

test("killCgroup() kills what runs, what is frozen and what is in groups below, and leaves nothing frozen", async (paths) => {
  const inner = Object.fromEntries(Object.entries(paths).map(([key, path]) => [key, `${path}/inner`]));
  createCgroup({ layout, paths: inner, writes: [], rootless: false, explicit: true });
  // On v2 a group whose children have controllers takes no process itself.
  const processes = [startInside(inner), startInside(isV2(paths) ? inner : paths)];
  assertEquals(containerPids(paths).toSorted(), processes.map(({ pid }) => pid).toSorted());
  freeze(paths, TEST_KERNEL);
  killCgroup(paths, TEST_KERNEL);
  for (const process of processes) await process.ended;
  if (!isV2(paths)) assertEquals(isFrozen(paths), false);
  assertEquals(containerPids(paths), []);
  removeCgroup(paths, TEST_KERNEL);
  assertEquals(directoriesOf(paths).filter(exists), []);
  killCgroup(paths, TEST_KERNEL);
});

test("signalCgroup() alone kills a process that never stops forking", async (paths) => {
  const shell = startInside(paths, ["sh", "-c", "while :; do (sleep 1; sleep 1) & sleep 0.002; done"]);
  await new Promise((resolve) => setTimeout(resolve, 150));
  signalCgroup(paths, 9, TEST_KERNEL);
  await shell.ended;
  removeCgroup(paths, TEST_KERNEL);
  assertEquals(directoriesOf(paths).filter(exists), []);
});

test("removeCgroup() waits for a process that ends meanwhile, and names the group that stays busy", async (paths) => {
  const process = startInside(paths);
  const error = assertThrows(() => removeCgroup(paths, TEST_KERNEL, 30), ContainerError);
  assert(error.message.includes("device or resource busy"), error.message);
  const killer = new Deno.Command("sh", { args: ["-c", `sleep 0.1; kill -9 ${process.pid}`] }).spawn();
  removeCgroup(paths, TEST_KERNEL);
  await killer.status;
  await process.end();
  assertEquals(directoriesOf(paths).filter(exists), []);
});

test("removeUnused() removes the directories above that nobody uses", (paths) => {
  const top = directoriesOf(paths)[0]!;
  const { made } = createCgroup({
    layout,
    paths: isV2(paths) ? { "": `${top}/a/b` } : { cpu: `${top}/a/b` },
    writes: [],
    rootless: false,
    explicit: true,
  });
  assertEquals(made, [`${top}/a`, `${top}/a/b`]);
  Deno.mkdirSync(`${top}/a/c`);
  removeUnused(made);
  assertEquals([exists(`${top}/a/b`), exists(`${top}/a`)], [false, true]);
});

test("listPids() of a group that is gone is empty", (paths) => {
  removeCgroup(paths, TEST_KERNEL);
  assertEquals(listPids(directoriesOf(paths)[0]!), []);
});
