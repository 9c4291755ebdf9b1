import { assert, assertEquals } from "@std/assert";
import { type Bench, containerTest } from "./bench/bench.ts";
import { duncPath, runCommand } from "./bench/dunc.ts";
import { start, until } from "./support/command.ts";
import { traced } from "./support/stages.ts";

async function running(bench: Bench): Promise<string> {
  bench.configure((config) => config.process.args = ["sleep", "100"]);
  const id = bench.id();
  assertEquals((await bench.dunc(["run", "-d", id])).code, 0);
  return id;
}

containerTest("the first stage that waits for an exec or a run holds less than 1 MiB", async (bench) => {
  const id = await running(bench);
  bench.configure((config) => config.process.args = ["sleep", "1"]);
  await bench.dunc(["exec", id, "sleep", "1"]);
  await bench.dunc(["run", bench.id()]);
  for (const words of [["exec", id, "sleep", "1"], ["run", bench.id()]]) {
    const waiting = start([duncPath(), "--root", bench.root, ...words], { cwd: bench.bundle });
    const status = await until(`${words[0]} waits`, () => {
      const text = statusOf(waiting.pid);
      // It has forked the init, and sleeps.
      return /^Threads:\t1$/m.test(text) && /^Name:\tdunc/m.test(text) && childrenOf(waiting.pid) > 0
        ? text
        : undefined;
    });
    const resident = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)![1]);
    assert(resident < 1024, `${words[0]}: at most ${resident} kB were resident`);
    assertEquals((await waiting.ended).code, 0);
  }
});

function statusOf(pid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/status`);
  } catch {
    return "";
  }
}

function childrenOf(pid: number): number {
  return Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).trim().split(" ").filter(Boolean).length;
}

containerTest("execs by the thousand through the first stage: none fails, none is left", async (bench) => {
  const count = Deno.env.get("DUNC_FULL") === "1" ? 10_000 : 400;
  const id = await running(bench);
  await bench.dunc(["exec", id, "true"]);
  let left = count;
  const worker = async () => {
    while (left-- > 0) {
      // The shell's own loop: what is measured is dunc, not the spawning of this test.
      const script = 'i=0; while [ $i -lt 20 ]; do "$@" || exit 9; i=$((i+1)); done';
      const args = ["-c", script, "sh", duncPath(), "--root", bench.root, "exec", id, "true"];
      left -= 19;
      const { code, stderr } = await runCommand("sh", args, { timeoutMs: 60_000 });
      assertEquals(code, 0, stderr);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  assertEquals((await traced(bench, ["exec", id, "true"])).engine, false);
  const { pid } = JSON.parse((await bench.dunc(["state", id])).stdout);
  assertEquals((await bench.dunc(["ps", "--format", "json", id])).stdout, `[${pid}]\n`);
});

containerTest("without /proc, or from a deleted file, there is one clear line", async (bench) => {
  const copy = `${bench.bundle}/copy`;
  Deno.copyFileSync(duncPath(), copy);
  const hidden = await runCommand("unshare", [
    "-m",
    "sh",
    "-c",
    "mount -t tmpfs none /proc; exec $0 list",
    copy,
  ]);
  assertEquals([hidden.code, hidden.stdout], [111, ""]);
  assertEquals(hidden.stderr, "dunc: cannot open its own file: is /proc mounted?\n");
  const script = 'exec 9<"$0"; rm "$0"; exec /proc/self/fd/9 list';
  const deleted = await runCommand("sh", ["-c", script, copy]);
  assertEquals([deleted.code, deleted.stdout], [111, ""]);
  assertEquals(deleted.stderr, "dunc: its own file has been deleted\n");
});
