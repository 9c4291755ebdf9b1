/** The state document on a hook's stdin, when it is longer than a pipe holds. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Config } from "./support/bundle.ts";
import { containerTest, runs } from "./support/containers.ts";

const LENGTH = 300_000;

function longState(config: Config, script: string, timeout: number): void {
  runs(config, "true");
  config.annotations = { "org.example.long": "y".repeat(LENGTH) };
  config.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", script], timeout }] };
}

containerTest("a hook that does not read its state keeps its time-out", async (c) => {
  const { path } = c.bundle((config) => longState(config, "exec sleep 30", 1));
  const start = Date.now();
  const stderr = await c.dunc.fails(1, "run", "--bundle", path, c.id());
  assertStringIncludes(
    stderr,
    "error running createRuntime hook #0: hook ran past specified timeout of 1.0s",
  );
  assertEquals(Date.now() - start < 10_000, true);
}, ["root", "dunc"]);

containerTest("a hook that reads late gets the whole state", async (c) => {
  const { path, rootfs } = c.bundle((config) => longState(config, "sleep 0.2; cat > rootfs/state", 20));
  await c.dunc.ok("run", "--bundle", path, c.id());
  const state = JSON.parse(Deno.readTextFileSync(`${rootfs}/state`));
  assertEquals([state.status, typeof state.pid, state.annotations["org.example.long"].length], [
    "creating",
    "number",
    LENGTH,
  ]);
}, ["root", "dunc"]);

containerTest(
  "a hook that closes its stdin, or ends without reading it, is a hook like any other",
  async (c) => {
    for (const script of ["exec <&-; sleep 0.1", "exit 0"]) {
      const { path } = c.bundle((config) => {
        longState(config, script, 20);
        runs(config, "echo fine");
      });
      assertEquals(await c.dunc.ok("run", "--bundle", path, c.id()), "fine\n");
    }
  },
  ["root", "dunc"],
);
