import { assertEquals } from "@std/assert";
import { containerTest } from "./bench/bench.ts";
import { runCommand } from "./bench/dunc.ts";
import { findProgram } from "./support/setting.ts";

const FRONT = new URL("../dist/aarch64/dunc-front", import.meta.url).pathname;

/** Why it cannot be run here, if it cannot. */
function missing(): string | undefined {
  if (Deno.build.arch !== "x86_64") return "this machine is the other one";
  if (findProgram("qemu-aarch64-static") === undefined) return "qemu-aarch64-static is not installed";
  try {
    Deno.statSync(FRONT);
  } catch {
    return "dist/aarch64/dunc-front was not built (scripts/test.sh c)";
  }
  return undefined;
}

const reason = missing();
const NAME =
  "the first stage for aarch64, under qemu-user, carries out the verbs of this machine's containers";
if (reason !== undefined) {
  Deno.test({ name: `${NAME} (skipped: ${reason})`, ignore: true, fn: () => {} });
} else {
  // qemu-user 7.2 knows no openat2: the folders are walked. Plans are the same bytes for both machines.
  containerTest(NAME, async (bench) => {
    bench.configure((config) => config.process.args = ["sleep", "100"]);
    const id = bench.id();
    assertEquals((await bench.dunc(["run", "-d", id])).code, 0);
    const front = async (...words: string[]) => {
      const result = await runCommand("qemu-aarch64-static", [FRONT, "--root", bench.root, ...words]);
      assertEquals([result.code, result.stderr], [0, ""], words.join(" "));
      return result.stdout;
    };
    const native = async (...words: string[]) => (await bench.dunc(words)).stdout;
    assertEquals(await front("state", id), await native("state", id));
    assertEquals(await front("ps", "--format", "json", id), await native("ps", "--format", "json", id));
    await front("pause", id);
    assertEquals(JSON.parse(await native("state", id)).status, "paused");
    await front("resume", id);
    await front("kill", id, "KILL");
    for (let i = 0; i < 50 && !(await native("state", id)).includes("stopped"); i++);
    assertEquals(await front("state", id), await native("state", id));
    await front("delete", id);
    assertEquals(await native("list", "-q"), "");
  });
}
