/** What fails, is killed or loses a race leaves nothing behind, says one line, and can be done again. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { call, start, until } from "./support/command.ts";
import { type Containers, containerTest, runs } from "./support/containers.ts";
import { cgroupDirectories } from "./support/ledger.ts";
import { descendants } from "./support/processes.ts";
import { theSetting } from "./support/setting.ts";

/** Nothing of this container is there: no state, no group, no process. */
function assertGone({ dunc }: Containers, id: string): void {
  assertEquals(dunc.ids(), []);
  assertEquals(cgroupDirectories().filter((path) => path.includes(id)), []);
  assertEquals(descendants().map(({ pid, name, state }) => `${pid} ${name} ${state}`), []);
}

containerTest("a failed create is gone when it returns, its process reaped by nobody else", async (c) => {
  const { path } = c.bundle((config) => config.process!.args = ["nothing"]);
  const id = c.id();
  for (const verb of ["create", "run"]) {
    await c.dunc.fails(1, verb, "--bundle", path, id);
    assertGone(c, id);
  }
});

containerTest("a failed exec leaves no zombie, which would keep the container from ending", async (c) => {
  const { path } = c.bundle((config) => runs(config, "sleep 100"));
  const id = c.id();
  await c.dunc.ok("run", "-d", "--bundle", path, id);
  await c.dunc.fails(255, "exec", id, "/nothing");
  assertEquals(descendants().length, 1);
  await c.dunc.ok("kill", id, "KILL");
}, ["dunc"]);

/**
 * System calls of a creation, each made to fail by strace the first time that a process makes it (clone3 is left out:
 * the engine aborts when it cannot make a thread).
 */
const CALLS = [
  "openat2",
  "mkdirat",
  "fsopen",
  "fsconfig",
  "fsmount",
  "move_mount",
  "open_tree",
  "mount_setattr",
  "pivot_root",
  "umount2",
  "sethostname",
  "mknodat",
  "symlinkat",
  "capset",
  "setgroups",
  "setresuid",
  "setresgid",
  "prlimit64",
];

containerTest("whatever system call fails, create says one line and leaves nothing", async (c) => {
  const { path } = c.bundle();
  const most = Deno.env.get("DUNC_FULL") === "1" ? 80 : 1;
  for (const name of CALLS) {
    for (let when = 1; when <= most; when++) {
      if (!await createWithFault(c, path, name, when)) {
        if (when === 1) throw new Error(`${name} is not called`);
        break;
      }
    }
  }
}, ["root", "strace", "dunc"]);

/** Create with the `when`-th call of each process failing. False when no process makes as many. */
async function createWithFault(c: Containers, path: string, name: string, when: number): Promise<boolean> {
  const id = c.id();
  const trace = `${c.folder}/trace`;
  const injection = ["-e", `trace=${name}`, "-e", `inject=${name}:error=EIO:when=${when}`];
  const pidFile = `${c.folder}/pid`;
  const words = c.dunc.command("create", "--bundle", path, "--pid-file", pidFile, id);
  const creating = start(["strace", "-f", "-qq", "-o", trace, ...injection, ...words]);
  // strace stays with a container that was made after all.
  let failed = false;
  creating.ended.finally(() => failed = true);
  const made = await until(
    "it has failed or is created",
    () => exists(pidFile) ? "created" : failed && "failed",
    20_000,
  ) ===
    "created";
  // The engine itself may have been hit, and have coped.
  if (made) {
    await c.dunc.ok("delete", "--force", id);
    Deno.removeSync(pidFile);
  }
  const { code, stdout, stderr } = await creating.ended;
  const place = `${name} ${when}`;
  if (!made) {
    assertEquals([code, stdout], [1, ""], place);
    assertMatch(stderr, /^[^\n]*input\/output error[^\n]*\n$/, place);
  }
  assertEquals(c.dunc.ids(), [], place);
  assertEquals(cgroupDirectories().filter((path) => path.includes(id)), [], place);
  assertEquals(descendants().filter(({ state }) => state !== "Z"), [], place);
  return Deno.readTextFileSync(trace).includes("(INJECTED)");
}

containerTest("a create that is killed at any time is cleaned up by delete --force", async (c) => {
  const { path } = c.bundle();
  const full = Deno.env.get("DUNC_FULL") === "1";
  const whole = Date.now();
  await c.dunc.ok("create", "--bundle", path, c.id());
  const durationMs = Date.now() - whole;
  await c.dunc.ok("delete", "--force", c.dunc.ids()[0]!);
  const rounds = full ? 100 : 12;
  for (let round = 0; round < rounds; round++) {
    const id = c.id();
    const creating = start(c.dunc.command("create", "--bundle", path, id));
    await new Promise((resolve) => setTimeout(resolve, durationMs * (0.3 + round / rounds)));
    creating.kill("SIGKILL");
    await creating.ended;
    assertEquals(await c.dunc.call(["delete", "--force", id]), { code: 0, stdout: "", stderr: "" });
    assertEquals(c.dunc.ids(), []);
    assertEquals(cgroupDirectories().filter((path) => path.includes(id)), []);
  }
  // The same id can be used again.
  const id = c.id();
  await c.dunc.ok("create", "--bundle", path, id);
  await c.dunc.ok("delete", "--force", id);
}, ["root", "dunc"]);

containerTest("of several who create the same id at once, one wins and the others are told", async (c) => {
  const { path } = c.bundle();
  const id = c.id();
  const creations = await Promise.all(
    Array.from({ length: 5 }, () => c.dunc.call(["create", "--bundle", path, id])),
  );
  assertEquals(creations.filter(({ code }) => code === 0).length, 1);
  for (const { code, stderr } of creations) {
    if (code !== 0) assertStringIncludes(stderr, "container with given ID already exists");
  }
  assertEquals((await c.dunc.state(id)).status, "created");
});

containerTest("containers are made, started and deleted at the same time", async (c) => {
  const { path } = c.bundle((config) => runs(config, "sleep 100"));
  const ids = Array.from({ length: 6 }, () => c.id());
  await Promise.all(ids.map(async (id) => {
    await c.dunc.ok("create", "--bundle", path, id);
    await c.dunc.ok("start", id);
  }));
  assertEquals((await c.dunc.ok("list", "-q")).trim().split("\n"), [...ids].sort());
  await Promise.all(ids.map((id) => c.dunc.ok("delete", "--force", id)));
  assertEquals(await c.dunc.ok("list", "-q"), "");
});

containerTest("a create in the group of another container is refused, and harms it in no way", async (c) => {
  const { path } = c.bundle((config) => {
    runs(config, "sleep 100");
    config.linux!.cgroupsPath = `/${c.id()}-shared`;
  });
  const id = c.id();
  await c.dunc.ok("run", "-d", "--bundle", path, id);
  for (const verb of ["create", "run"]) {
    const stderr = await c.dunc.fails(1, verb, "--bundle", path, c.id());
    assertStringIncludes(stderr, "container's cgroup is not empty: 1 process(es) found");
    assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
    assertEquals((await c.dunc.state(id)).status, "running");
    assertEquals((await c.dunc.ok("exec", id, "echo", "here")).trim(), "here");
    assertEquals(c.dunc.ids(), [id]);
  }
}, ["dunc"]);

containerTest("a full root folder is an error that names it, and leaves nothing", async (c) => {
  const { path } = c.bundle();
  Deno.mkdirSync(c.dunc.root, { mode: 0o700 });
  const mount = await call([
    "mount",
    "-t",
    "tmpfs",
    "-o",
    "size=4k,nr_inodes=3,mode=700",
    "none",
    c.dunc.root,
  ]);
  assertEquals(mount.code, 0);
  try {
    const id = c.id();
    const stderr = await c.dunc.fails(1, "create", "--bundle", path, id);
    assertMatch(stderr, /no space left on device/);
    assertMatch(stderr, new RegExp(`${theSetting().folder}`));
    assertGone(c, id);
  } finally {
    await call(["umount", c.dunc.root]);
  }
}, ["root", "dunc"]);

containerTest("created, started, killed and deleted again and again", async (c) => {
  const { path } = c.bundle((config) => runs(config, "sleep 100"));
  const rounds = Deno.env.get("DUNC_FULL") === "1" ? 200 : 10;
  const id = c.id();
  for (let round = 0; round < rounds; round++) {
    await c.dunc.ok("create", "--bundle", path, id);
    await c.dunc.ok("start", id);
    await c.dunc.ok("kill", id, "KILL");
    await c.dunc.ok("delete", "--force", id);
  }
});

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

containerTest(
  "a creation in another container's cgroup is refused, and that container lives on",
  async (c) => {
    const { path } = c.bundle((config) => {
      runs(config, "sleep 100");
      config.linux!.cgroupsPath = `/${c.id()}`;
    });
    const [first, second] = [c.id(), c.id()];
    await c.dunc.ok("run", "-d", "--bundle", path, first);
    assertStringIncludes(
      await c.dunc.fails(1, "run", "-d", "--bundle", path, second),
      "container's cgroup is not empty: 1 process(es) found",
    );
    assertEquals((await c.dunc.state(first)).status, "running");
    assertEquals(c.dunc.ids(), [first]);
  },
  ["root"],
);
