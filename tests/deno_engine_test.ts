import { assertEquals, assertStringIncludes } from "@std/assert";
import { containerTest } from "./bench/bench.ts";
import { duncPath, runCommand } from "./bench/dunc.ts";

const PATH = new URL("../dist/dunc-deno", import.meta.url).pathname;

function isBuilt(): boolean {
  try {
    return Deno.statSync(PATH).isFile;
  } catch {
    return false;
  }
}

const NAME = "the build with the plain deno as its engine answers as the compiled one";
if (!isBuilt()) {
  Deno.test({ name: `${NAME} (skipped: dist/dunc-deno was not built)`, ignore: true, fn: () => {} });
} else {
  containerTest(NAME, async (bench) => {
    bench.configure((config) => config.process.args = ["sh", "-c", "echo out; echo err >&2; exit 3"]);
    const answers = [];
    for (const program of [duncPath(), PATH]) {
      // Nothing in the environment, from a folder that holds nothing of ours; every call starts the engine.
      const call = async (...words: string[]) => {
        const result = await runCommand(program, ["--root", bench.root, ...words], {
          cwd: "/",
          clearEnv: true,
          env: { DUNC_ENGINE: "always", PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
        });
        return { ...result, stderr: result.stderr.replace(/time="[^"]*"/g, "") };
      };
      const id = "one-id-for-both-deno";
      answers.push([
        await call("--version"),
        await call("run", "--bundle", bench.bundle, id),
        await call("state", "no-such-container"),
        await call("kill"),
        await call("features"),
        await call("create", "--bundle", bench.bundle, id),
        await call("start", id),
        await call("delete", "--force", id),
        await call("list"),
      ]);
    }
    assertEquals(answers[1], answers[0]);
    assertEquals([answers[1]![1]!.code, answers[1]![1]!.stdout], [3, "out\n"]);
    assertStringIncludes(answers[1]![2]!.stderr, "container does not exist");
  });
}
