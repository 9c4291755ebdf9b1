/** What shells offer for a command line of dunc, and the pages of the manual, from the one table of commands. */
import { assert, assertEquals } from "@std/assert";
import { call, succeed } from "./support/command.ts";
import { type Containers, containerTest, runs } from "./support/containers.ts";
import { theSetting } from "./support/setting.ts";

/** A folder in which `dunc` is the executable under test, for the front of PATH. */
function folderWithDunc(c: Containers): string {
  const folder = `${c.folder}/bin`;
  Deno.mkdirSync(folder);
  Deno.symlinkSync(theSetting().dunc, `${folder}/dunc`);
  return folder;
}

/** What bash offers when the cursor stands behind the last word. */
async function bash(path: string, words: readonly string[]): Promise<string[]> {
  const script = `source <(dunc completion bash)
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _dunc; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const env = { PATH: `${path}:/usr/bin:/bin` };
  const text = await succeed(["bash", "--norc", "-c", script, "bash", ...words], { env });
  return text.split("\n").filter((line) => line !== "").sort();
}

containerTest("bash completes commands, flags, values and containers", async (c) => {
  const path = folderWithDunc(c);
  const [one, other] = [`${c.id()}-one`, `${c.id()}-other`];
  const { path: bundle } = c.bundle((config) => runs(config, "sleep 100"));
  for (const id of [one, other]) await c.dunc.ok("create", "--bundle", bundle, id);
  const offers = (...words: string[]) => bash(path, ["dunc", ...words]);
  const root = ["--root", c.dunc.root];

  assertEquals(await offers("st"), ["start", "state", "stats"]);
  assertEquals(await offers("--log-"), ["--log-format"]);
  assertEquals(await offers("--log-format", ""), ["json", "text"]);
  assertEquals(await offers("--log-format", "=", "j"), ["json"]);
  assertEquals(await offers("run", "--no-"), ["--no-new-keyring", "--no-pivot", "--no-subreaper"]);
  assertEquals(await offers("list", "--format", ""), ["json", "table"]);
  assertEquals(await offers("help", "fea"), ["features"]);
  assertEquals(await offers("completion", ""), ["bash", "fish", "zsh"]);
  assertEquals(await offers(...root, "state", ""), [one, other].sort());
  assertEquals(await offers("--root", "=", c.dunc.root, "delete", "--force", one), [one]);
  assertEquals(await offers(...root, "exec", "--user", "0", other.slice(0, -2)), [other]);
  // One is enough, and what is to be made has no name yet; the command of exec is no flag of ours.
  assertEquals(await offers(...root, "state", one, ""), []);
  assertEquals(await offers(...root, "create", ""), []);
  assertEquals(await offers(...root, "exec", one, "--us"), []);
  assertEquals(await offers("run", "--bundle", `${c.folder}/bund`), [bundle]);
}, ["root", "dunc"]);

containerTest("fish completes commands, flags and containers", async (c) => {
  const env = { PATH: `${folderWithDunc(c)}:/usr/bin:/bin`, HOME: c.folder };
  const id = c.id();
  await c.dunc.ok("create", "--bundle", c.bundle().path, id);
  const offers = async (line: string) => {
    const script = `dunc completion fish | source; complete -C '${line}'`;
    const text = await succeed(["fish", "--no-config", "-c", script], { env });
    return text.split("\n").filter((row) => row !== "").map((row) => row.split("\t")[0]).sort();
  };
  assertEquals(await offers("dunc st"), ["start", "state", "stats"]);
  assertEquals(await offers("dunc list --qu"), ["--quiet"]);
  assertEquals(await offers(`dunc --root ${c.dunc.root} state ${id.slice(0, 6)}`), [id]);
}, ["root", "dunc", "fish"]);

containerTest("zsh takes the completion for its own", async (c) => {
  const env = { PATH: `${folderWithDunc(c)}:/usr/bin:/bin`, HOME: c.folder };
  const script =
    "autoload -Uz compinit && compinit -D && source <(dunc completion zsh) && print $_comps[dunc]";
  assertEquals(await succeed(["zsh", "-f", "-c", script], { env }), "_dunc\n");
}, ["root", "dunc", "zsh"]);

containerTest("an unknown shell is refused", async (c) => {
  const { code, stderr } = await c.dunc.call(["completion", "csh"]);
  assertEquals(code, 1);
  assert(stderr.includes('unknown shell \\"csh\\": must be bash, zsh or fish'), stderr);
}, ["dunc"]);

const MAN = new URL("../man", import.meta.url).pathname;

Deno.test("each command has a page of the manual", () => {
  const names = [...Deno.readDirSync(MAN)].map(({ name }) => name);
  assert(names.length > 15 && names.includes("dunc.8") && names.includes("dunc-exec.8"), names.join());
  for (const name of names) {
    const text = Deno.readTextFileSync(`${MAN}/${name}`);
    for (const section of ["NAME", "SYNOPSIS", "SEE ALSO"]) assert(text.includes(`.SH ${section}\n`), name);
  }
});

containerTest("man shows the pages without a complaint", async () => {
  for (const name of ["dunc", "dunc-exec", "dunc-update"]) {
    const { code, stdout, stderr } = await call(["man", "--warnings", "-l", `${MAN}/${name}.8`], {
      env: { MANWIDTH: "80" },
    });
    assertEquals([code, stderr], [0, ""], name);
    if (name === "dunc-exec") assert(stdout.includes("--additional-gids GID, -g GID"), stdout);
  }
}, ["man"]);
