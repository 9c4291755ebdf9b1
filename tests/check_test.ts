/** `dunc check`, on a host that allows all that the tests need, and where parts of it are taken away. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { call } from "./support/command.ts";
import { inUserNamespace } from "./support/user_namespace.ts";
import { type Containers, containerTest } from "./support/containers.ts";

interface Result {
  readonly user: string;
  readonly usable: boolean;
  readonly findings: readonly { name: string; status: string; detail: string; fix?: string }[];
}

const ORDINARY = ["setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups"];

/** Run the check by way of other programs, with nothing in the environment but PATH and what is given. */
async function check(c: Containers, prefix: readonly string[], env: Record<string, string> = {}) {
  const command = [...prefix, c.dunc.path, "check", "--format", "json"];
  const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
  const { code, stdout, stderr } = await call(command, { clearEnv: true, env: { PATH, ...env } });
  assertEquals(stderr, "");
  const result: Result = JSON.parse(stdout);
  assertEquals(code, result.usable ? 0 : 1);
  const of = (name: string) => result.findings.find((finding) => finding.name === name)!;
  return { ...result, of };
}

/** XDG_RUNTIME_DIR of the ordinary user. */
function runtimeDirectory(c: Containers): string {
  const path = `${c.folder}/run`;
  Deno.mkdirSync(path, { mode: 0o700 });
  Deno.chownSync(path, 54321, 54321);
  return path;
}

containerTest(
  "check tells root that containers can be run, in one line a finding, and exits with 0",
  async (c) => {
    const { code, stdout, stderr } = await c.dunc.call(["check"]);
    assertEquals([code, stderr], [0, ""]);
    const lines = stdout.trimEnd().split("\n");
    assertEquals(lines.at(-1), "root can run containers here");
    for (const line of lines.slice(0, -2)) {
      assertEquals(/^(ok|limited|missing) +\S.*$/.test(line), true, line);
      assertEquals(line.startsWith("ok") || line.includes(" (fix: "), true, line);
    }
    assertEquals(c.dunc.ids(), []);
  },
  ["root", "dunc"],
);

containerTest("check tells an ordinary user the same, and which ids it can have", async (c) => {
  const XDG_RUNTIME_DIR = runtimeDirectory(c);
  const { usable, user, of } = await check(c, ORDINARY, { XDG_RUNTIME_DIR });
  assertEquals([usable, user, of("user namespaces").status], [true, "#54321", "ok"]);
  assertEquals(of("state folder").detail, `${XDG_RUNTIME_DIR}/dunc`);
  assertStringIncludes(of("id ranges").fix!, "echo 54321:");
  assertEquals([...Deno.readDirSync(`${XDG_RUNTIME_DIR}/dunc`)], []);
}, ["root", "dunc", "setpriv"]);

containerTest(
  "without XDG_RUNTIME_DIR an ordinary user is told to set it, and the exit code is 1",
  async (c) => {
    const { usable, of } = await check(c, ORDINARY);
    assertEquals([usable, of("state folder").status], [false, "missing"]);
    assertStringIncludes(of("state folder").fix!, "XDG_RUNTIME_DIR");
  },
  ["root", "dunc", "setpriv"],
);

containerTest("where user namespaces are forbidden, check names the sysctl that forbids them", async (c) => {
  const XDG_RUNTIME_DIR = runtimeDirectory(c);
  const forbid = "echo 0 > /proc/sys/user/max_user_namespaces";
  const words = inUserNamespace(`${c.folder}/fifo`, forbid, ORDINARY);
  const { usable, of } = await check(c, words, { XDG_RUNTIME_DIR });
  assertEquals([usable, of("user namespaces").detail], [false, "none can be made (clone: ENOSPC)"]);
  assertStringIncludes(of("user namespaces").fix!, "sysctl -w user.max_user_namespaces");
}, ["root", "dunc", "setpriv"]);

containerTest("check finds newuidmap where it is, and says what its absence costs", async (c) => {
  const XDG_RUNTIME_DIR = runtimeDirectory(c);
  const without = await check(c, [...ORDINARY, "env", "PATH=/nowhere"], { XDG_RUNTIME_DIR });
  assertEquals([without.usable, without.of("newuidmap").status], [true, "limited"]);
}, ["root", "dunc", "setpriv"]);

containerTest("no_new_privs is found, with what it takes away", async (c) => {
  const XDG_RUNTIME_DIR = runtimeDirectory(c);
  const { usable, of } = await check(c, [...ORDINARY, "--no-new-privs"], { XDG_RUNTIME_DIR });
  assertEquals([usable, of("no_new_privs").status], [true, "limited"]);
}, ["root", "dunc", "setpriv"]);

containerTest("check refuses a format that it does not know", async (c) => {
  assertStringIncludes(await c.dunc.fails(1, "check", "--format", "xml"), "invalid format option");
}, ["root", "dunc"]);

containerTest("root without CAP_SYS_ADMIN is told so by create, and by check", async (c) => {
  const weak = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"];
  const { usable, of } = await check(c, weak);
  assertEquals([usable, of("namespaces").status], [false, "missing"]);
  assertStringIncludes(of("namespaces").fix!, "CAP_SYS_ADMIN");
  const { path } = c.bundle();
  const { code, stderr } = await call([...weak, ...c.dunc.command("create", "--bundle", path, c.id())]);
  assertEquals([code, stderr.trim().split("\n").length], [1, 1], stderr);
  assertStringIncludes(stderr, "CAP_SYS_ADMIN");
  assertStringIncludes(stderr, "dunc check");
}, ["root", "dunc", "setpriv"]);
