/** Hooks at their edges: a state that is longer than a pipe holds, and a poststop hook that fails. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Config } from "./support/bundle.ts";
import { containerTest, runs } from "./support/containers.ts";
import { bundleOf, hook } from "./support/parity.ts";

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

containerTest(
  "a poststop hook that fails is a warning: the other hooks run and the code is the program's",
  async (c) => {
    const { path } = bundleOf(c, {
      name: "",
      program: "exit 4",
      change: (config) =>
        config.hooks = { poststop: [hook("exit 1"), hook(`echo ran > ${c.folder}/second`)] },
    });
    const { code, stderr } = await c.dunc.call(["run", "--bundle", path, c.id()]);
    assertEquals(code, 4);
    assertMatch(stderr, /level=warning msg="error running poststop hook #0: exit status 1/);
    assertEquals(Deno.readTextFileSync(`${c.folder}/second`), "ran\n");
  },
  ["root", "dunc"],
);
