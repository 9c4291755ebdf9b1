/** What goes wrong is said in runc's words: the same call to both, and runc's sentence must be in dunc's. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { until } from "./support/command.ts";
import { type Containers, containerTest, runs } from "./support/containers.ts";
import type { Runtime } from "./support/runtime.ts";

/** The last sentence of an error in logrus's text form, or the text itself, without the program's name. */
function sentence(stderr: string): string {
  const last = stderr.trim().split("\n").at(-1) ?? "";
  const logged = /level=error msg=("(?:[^"\\]|\\.)*"|\S+)/.exec(last)?.[1];
  const text = logged === undefined ? last : logged.startsWith('"') ? JSON.parse(logged) : logged;
  return text.replace(/^\S*(runc|dunc)( create failed| run failed)?: /, "")
    .replace("unable to start container process: ", "").trim();
}

/** Call both with the same words, and compare exit codes and sentences. */
async function compare(c: Containers, words: (runtime: Runtime) => string[], cwd?: string): Promise<void> {
  const options = cwd === undefined ? {} : { cwd };
  const ours = await c.dunc.call(words(c.dunc), options);
  const theirs = await c.runc.call(words(c.runc), options);
  const call = words(c.dunc).join(" ");
  assertEquals(ours.code, theirs.code, `${call}: ${ours.stderr} and runc: ${theirs.stderr}`);
  assertStringIncludes(sentence(ours.stderr), sentence(theirs.stderr), call);
}

containerTest("a container that does not exist", async (c) => {
  for (
    const words of [
      ["state", "nobody"],
      ["start", "nobody"],
      ["kill", "nobody", "KILL"],
      ["delete", "nobody"],
      ["pause", "nobody"],
      ["resume", "nobody"],
      ["ps", "nobody"],
      ["exec", "nobody", "true"],
    ]
  ) await compare(c, () => words);
  assertEquals(await c.dunc.ok("delete", "--force", "nobody"), "");
}, ["root", "runc"]);

containerTest("a container in the wrong state", async (c) => {
  const { path } = c.bundle((config) => runs(config, "sleep 100"));
  const ids = new Map<Runtime, string>([[c.dunc, c.id()], [c.runc, c.id()]]);
  const all = async (...words: string[]) => {
    for (const [runtime, id] of ids) await runtime.ok(...words.map((word) => word === "ID" ? id : word));
  };
  const both = (...words: string[]) =>
    compare(c, (runtime) => words.map((word) => word === "ID" ? ids.get(runtime)! : word));

  await all("create", "--bundle", path, "ID");
  await both("create", "--bundle", path, "ID");
  await both("resume", "ID");
  await all("start", "ID");
  await both("start", "ID");
  await both("resume", "ID");
  await both("kill", "ID", "BOGUS");
  await both("exec", "ID", "/nothing/here");
  await both("exec", "ID", "nothinghere");
  await all("pause", "ID");
  await both("start", "ID");
  await both("exec", "ID", "true");
  await all("resume", "ID");
  await all("kill", "ID", "KILL");
  for (const [runtime, id] of ids) {
    await until(`${runtime.name} says stopped`, async () => (await runtime.state(id)).status === "stopped");
  }
  await both("start", "ID");
  await both("kill", "ID", "TERM");
  await both("exec", "ID", "true");
  await both("pause", "ID");
  await both("resume", "ID");
  await both("create", "--bundle", path, "ID");
  await all("delete", "ID");
}, ["root", "runc"]);

containerTest("a running container is not deleted without --force", async (c) => {
  const { path } = c.bundle((config) => runs(config, "sleep 100"));
  for (const runtime of [c.dunc, c.runc]) {
    const id = c.id();
    await runtime.ok("run", "-d", "--bundle", path, id);
    const stderr = await runtime.fails(1, "delete", id);
    assertEquals(sentence(stderr), `cannot delete container ${id} that is not stopped: running`);
    assertEquals((await runtime.state(id)).status, "running");
  }
}, ["root", "runc"]);

containerTest("a bundle without a config.json, and wrong words", async (c) => {
  await compare(c, () => ["create", c.id()], c.folder);
  await compare(c, () => ["list", "--format", "yaml"]);
  await compare(c, () => ["create"]);
  await compare(c, () => ["state", "a", "b"]);
  await compare(c, () => ["frobnicate", "-h"]);
}, ["root", "runc"]);

containerTest("a program that is not there, or is no program", async (c) => {
  for (
    const program of ["nothinghere", "/nothing/here", "/etc", "/etc/passwd", "./etc/passwd", "bin/nothing"]
  ) {
    const { path } = c.bundle((config) => config.process!.args = [program]);
    await compare(c, () => ["create", "--bundle", path, c.id()]);
  }
}, ["root", "runc"]);

containerTest("--debug tells how far a start has got, in the log where there is one", async (c) => {
  const { path } = c.bundle((config) => runs(config, "sleep 100"));
  const id = c.id();
  const milestones = (text: string) =>
    text.split("\n").flatMap((line) =>
      /level=debug msg="(nsexec container setup|child process in init\(\)|init: closing the pipe|setns_init: about to exec)/
        .exec(line)?.[1] ?? []
    );
  const started = await c.dunc.call(["--debug", "run", "--detach", "--bundle", path, id]);
  assertEquals(started.code, 0, started.stderr);
  assertEquals(milestones(started.stderr), [
    "nsexec container setup",
    "child process in init()",
    "init: closing the pipe",
  ]);
  const log = `${c.folder}/log`;
  const inside = await c.dunc.call(["--debug", "--log", log, "exec", id, "true"]);
  assertEquals([inside.code, inside.stderr], [0, ""]);
  assertEquals(milestones(Deno.readTextFileSync(log)), [
    "nsexec container setup",
    "child process in init()",
    "setns_init: about to exec",
  ]);
  assertEquals(milestones((await c.dunc.call(["exec", id, "true"])).stderr), []);
}, ["root"]);

containerTest("a link called runc shows help and version as runc's", async (c) => {
  Deno.symlinkSync(c.dunc.path, `${c.folder}/runc`);
  const asked = async (...args: string[]) => {
    const { stdout } = await new Deno.Command(`${c.folder}/runc`, { args }).output();
    return new TextDecoder().decode(stdout).split("\n");
  };
  assertMatch((await asked("--version"))[0]!, /^runc version \d+\.\d+\.\d+$/);
  assertEquals((await asked("--help"))[1], "   runc - Open Container Initiative runtime");
  assertEquals((await asked("kill", "--help"))[1]!.split(" - ")[0], "   runc kill");
  assertMatch(await c.dunc.ok("--version"), /^dunc version /);
});
