/** `seccomp record`: the profile that a program needs, and no more. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Config } from "./support/bundle.ts";
import { type Containers, containerTest as test, reaping, runs } from "./support/containers.ts";

const containerTest = (name: string, body: (c: Containers) => Promise<void>) =>
  test(name, (c) => reaping(body(c)), ["root"]);

type Profile = NonNullable<NonNullable<Config["linux"]>["seccomp"]>;

const namesOf = ({ syscalls = [] }: Profile): string[] =>
  syscalls.filter(({ action }) => action === "SCMP_ACT_ALLOW").flatMap(({ names }) => names);

/** Record a script, and give the profile. */
async function record(
  c: Containers,
  script: string,
  change: (config: Config) => void = () => {},
): Promise<Profile> {
  const output = `${c.folder}/profile.json`;
  const { path } = c.bundle((config) => {
    runs(config, script);
    change(config);
  });
  await c.dunc.ok("seccomp", "record", "--output", output, "--bundle", path, c.id());
  return JSON.parse(Deno.readTextFileSync(output));
}

for (const noNewPrivileges of [true, false]) {
  const words = noNewPrivileges ? "with" : "without";
  containerTest(`what was recorded ${words} noNewPrivileges runs, and other programs do not`, async (c) => {
    const set = (config: Config) => config.process!.noNewPrivileges = noNewPrivileges;
    const profile = await record(c, "ls / | grep -c proc", set);
    assertEquals(profile.defaultAction, "SCMP_ACT_ERRNO");
    const names = namesOf(profile);
    assertEquals(names, names.toSorted());
    assert(!names.some((name) => name.startsWith("mkdir")), names.join());
    const under = (script: string) =>
      c.bundle((config) => {
        runs(config, script);
        set(config);
        config.linux!.seccomp = profile;
      }).path;
    assertEquals(await c.dunc.ok("run", "--bundle", under("ls / | grep -c proc"), c.id()), "1\n");
    const { stderr } = await c.dunc.call(["run", "--bundle", under("mkdir /tmp/x"), c.id()]);
    assertStringIncludes(stderr, "Operation not permitted");
    // And what waits for start, which a recording does not.
    const id = c.id();
    await c.dunc.ok("create", "--bundle", under("ls / | grep -c proc"), id);
    await c.dunc.ok("start", id);
    await c.dunc.ok("delete", "--force", id);
  });
}

containerTest("the profile that is there stays in force, with its conditions and errnos", async (c) => {
  const chmod = { names: ["chmod", "fchmodat"], action: "SCMP_ACT_ERRNO", errnoRet: 28 };
  const kill = {
    names: ["kill"],
    action: "SCMP_ACT_ERRNO",
    args: [{ index: 1, op: "SCMP_CMP_EQ", value: 10 }],
  };
  const profile = await record(c, "kill -0 $$; chmod 700 /tmp && exit 1; exit 0", (config) => {
    config.linux!.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [chmod, kill] };
  });
  const names = namesOf(profile);
  assert(!names.includes("chmod") && !names.includes("fchmodat"));
  assertEquals(profile.syscalls!.slice(1), [
    { names: ["kill"], action: "SCMP_ACT_ALLOW", args: [{ ...kill.args[0]!, op: "SCMP_CMP_NE" }] },
    chmod,
  ]);
});

containerTest("the exit code is the program's, signals reach it, and it has its children", async (c) => {
  const output = `${c.folder}/profile.json`;
  const { path } = c.bundle((config) =>
    runs(config, "trap 'exit 7' TERM; sleep 0.01; echo up; sleep 100 & wait")
  );
  const running = c.dunc.start(["seccomp", "record", "-o", output, "-b", path, c.id()]);
  while (!running.stdout.includes("up")) await new Promise((resolve) => setTimeout(resolve, 5));
  running.kill("SIGTERM");
  assertEquals((await running.ended).code, 7);
  const names = namesOf(JSON.parse(Deno.readTextFileSync(output)));
  for (const name of ["wait4", "rt_sigreturn"]) assert(names.includes(name), names.join());
  assert(names.includes("clock_nanosleep") || names.includes("nanosleep"), names.join());
});

containerTest("a recording that cannot be written or made leaves nothing", async (c) => {
  const { path } = c.bundle((config) => runs(config, "true"));
  const nowhere = await c.dunc.fails(1, "seccomp", "record", "-o", "/no/folder/p.json", "-b", path, c.id());
  assertStringIncludes(nowhere, "write the profile: --output /no/folder/p.json: no such file or directory");
  const missing = c.bundle((config) => config.process!.args = ["/no/such/program"]).path;
  const output = `${c.folder}/out/p.json`;
  Deno.mkdirSync(`${c.folder}/out`);
  await c.dunc.fails(1, "seccomp", "record", "-o", output, "-b", missing, c.id());
  const notify = { names: ["mkdir"], action: "SCMP_ACT_NOTIFY" };
  const agent = c.bundle((config) => {
    config.linux!.seccomp = {
      defaultAction: "SCMP_ACT_ALLOW",
      listenerPath: "/no/agent",
      syscalls: [notify],
    };
  }).path;
  const stderr = await c.dunc.fails(1, "seccomp", "record", "-o", output, "-b", agent, c.id());
  assertStringIncludes(stderr, "linux.seccomp.syscalls[0].action: SCMP_ACT_NOTIFY");
  assertEquals([...Deno.readDirSync(`${c.folder}/out`)], []);
  assertStringIncludes(await c.dunc.ok("seccomp", "record", "--help"), "--output FILE");
  await c.dunc.fails(1, "seccomp", "record");
});
