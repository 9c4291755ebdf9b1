/** User and time namespaces, made by root and by an ordinary user. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Bundle, type Config, makeRootfs } from "./support/bundle.ts";
import { call, until } from "./support/command.ts";
import { type Containers, containerTest, runs } from "./support/containers.ts";
import { SeccompAgent } from "./support/seccomp_agent.ts";
import { Runtime } from "./support/runtime.ts";
import { parseStatus, statusOf } from "./support/processes.ts";

const FIRST = 100_000;

/** Ids 0 to 65535 of the container are those from 100000 on of the host. */
function mapped(config: Config): void {
  config.linux!.namespaces!.push({ type: "user" });
  config.linux!.uidMappings = [{ containerID: 0, hostID: FIRST, size: 65536 }];
  config.linux!.gidMappings = [{ containerID: 0, hostID: FIRST, size: 65536 }];
}

/** A bundle whose root file system belongs to the container's root. */
function mappedBundle(c: Containers, script: string, change: (config: Config) => void = () => {}): Bundle {
  const bundle = c.bundle((config) => {
    mapped(config);
    runs(config, script);
    change(config);
  });
  chownAll(bundle.rootfs, FIRST);
  return bundle;
}

function chownAll(path: string, id: number): void {
  for (const { name, isDirectory, isSymlink } of Deno.readDirSync(path)) {
    if (isDirectory) chownAll(`${path}/${name}`, id);
    else if (!isSymlink) Deno.chownSync(`${path}/${name}`, id, id);
  }
  Deno.chownSync(path, id, id);
}

containerTest("root inside is nobody outside: ids are mapped both ways", async (c) => {
  const { path, rootfs } = mappedBundle(
    c,
    "touch /made; sleep 100",
    (config) => config.root!.readonly = false,
  );
  const id = c.id();
  await c.dunc.ok("run", "-d", "--bundle", path, id);
  const { pid } = await c.dunc.state(id);
  const { Uid, Gid } = statusOf(pid);
  assertEquals([Uid, Gid], Array(2).fill(Array(4).fill(FIRST).join("\t")));
  assertMatch(Deno.readTextFileSync(`/proc/${pid}/uid_map`), /^\s+0\s+100000\s+65536\n$/);
  const made = await until("the file is made", () => {
    try {
      return Deno.statSync(`${rootfs}/made`);
    } catch {
      return undefined;
    }
  });
  assertEquals([made.uid, made.gid], [FIRST, FIRST]);
  const inside = await c.dunc.ok(
    "exec",
    id,
    "sh",
    "-c",
    "id -u; stat -c %u:%g /made /proc/1; grep CapEff /proc/self/status",
  );
  assertEquals(inside, "0\n0:0\n0:0\nCapEff:\t0000000020000420\n");
}, ["root"]);

containerTest("a mapped container has the mounts, devices, host name and limits of any other", async (c) => {
  const script =
    "hostname; stat -c '%n %F %t:%T' /dev/null /dev/tty /dev/pts/ptmx; cut -d' ' -f5 /proc/self/mountinfo; " +
    "ulimit -n; echo x > /dev/null && echo written; cat /proc/sys/kernel/ostype; cat /proc/keys | wc -c; ls /sys | head -1";
  const change = (config: Config) => {
    config.process!.rlimits = [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }];
  };
  const outputs: string[] = [];
  for (const runtime of [c.dunc, c.runc]) {
    const { path } = mappedBundle(c, script, change);
    const { code, stdout, stderr } = await runtime.call(["run", "--bundle", path, c.id()]);
    assertEquals([code, stderr], [0, ""], runtime.name);
    // A file that is bound over one has no line of its own in runc's order of devices.
    outputs.push(stdout.split("\n").filter((line) => !line.startsWith("/dev/")).join("\n"));
  }
  assertEquals(outputs[0], outputs[1]);
}, ["root", "runc"]);

containerTest("an unreachable root file system and bind source are reached all the same", async (c) => {
  const { path } = mappedBundle(c, "cat /data/file; ls /bin/sh", (config) => {
    config.mounts!.push({
      destination: "/data",
      type: "bind",
      source: `${c.folder}/closed/data`,
      options: ["rbind", "ro"],
    });
  });
  Deno.mkdirSync(`${c.folder}/closed/data`, { recursive: true });
  Deno.writeTextFileSync(`${c.folder}/closed/data/file`, "closed\n");
  Deno.chmodSync(`${c.folder}/closed`, 0o700);
  Deno.chmodSync(path, 0o700);
  const { code, stdout, stderr } = await c.dunc.call(["run", "--bundle", path, c.id()]);
  assertEquals([code, stdout, stderr], [0, "closed\n/bin/sh\n", ""]);
}, ["root"]);

containerTest(
  "mappings without a user namespace are refused, and so is an id that is not mapped",
  async (c) => {
    const without = c.bundle((config) => {
      mapped(config);
      config.linux!.namespaces!.pop();
    });
    assertMatch(
      await c.dunc.fails(1, "create", "--bundle", without.path, c.id()),
      /user namespace isn't enabled/,
    );
    const unmapped = mappedBundle(c, "true", (config) => config.process!.user = { uid: 70_000, gid: 0 });
    assertMatch(await c.dunc.fails(1, "create", "--bundle", unmapped.path, c.id()), /invalid argument/);
  },
  ["root", "dunc"],
);

containerTest("clocks are shifted in a time namespace", async (c) => {
  const { path } = c.bundle((config) => {
    runs(config, "cut -d. -f1 /proc/uptime; cat /proc/self/timens_offsets");
    config.linux!.namespaces!.push({ type: "time" });
    config.linux!.timeOffsets = { boottime: { secs: 1_000_000, nanosecs: 5 }, monotonic: { secs: 2000 } };
  });
  const { code, stdout, stderr } = await c.dunc.call(["run", "--bundle", path, c.id()]);
  assertEquals([code, stderr], [0, ""]);
  const [uptime, monotonic, boottime] = stdout.split("\n");
  assert(Number(uptime) > 1_000_000, uptime);
  assertMatch(monotonic!, /^monotonic\s+2000\s+0$/);
  assertMatch(boottime!, /^boottime\s+1000000\s+5$/);
}, ["root", "dunc"]);

const USER = { uid: 12_345, gid: 12_345 };

/** What an ordinary user has: a folder, a bundle by `spec --rootless`, a root folder in it. */
async function ordinary(
  c: Containers,
): Promise<{ dunc: Runtime; bundle: string; options: { cwd: string } & typeof USER }> {
  const home = `${c.folder}/home`;
  const bundle = `${home}/bundle`;
  Deno.mkdirSync(bundle, { recursive: true });
  makeRootfs(`${bundle}/rootfs`);
  chownAll(home, USER.uid);
  const dunc = new Runtime("dunc", c.dunc.path, `${home}/state`);
  const options = { cwd: bundle, ...USER };
  const { code, stderr } = await dunc.call(["spec", "--rootless"], options);
  assertEquals([code, stderr], [0, ""]);
  return { dunc, bundle, options };
}

/** Change the user's config.json. */
// deno-lint-ignore no-explicit-any
function edit(bundle: string, change: (config: any) => void): void {
  const config = JSON.parse(Deno.readTextFileSync(`${bundle}/config.json`));
  config.process.terminal = false;
  change(config);
  Deno.writeTextFileSync(`${bundle}/config.json`, JSON.stringify(config));
}

containerTest("an ordinary user runs a container, and is root in it", async (c) => {
  const { dunc, bundle, options } = await ordinary(c);
  edit(bundle, (config) => {
    config.process.args = ["sh", "-c", "id -u; hostname; ps -o pid | wc -l; cat /proc/self/status"];
  });
  const { code, stdout, stderr } = await dunc.call(["run", c.id()], options);
  assertEquals([code, stderr], [0, ""]);
  assert(stdout.startsWith("0\nrunc\n"), stdout);
  assertEquals(parseStatus(stdout)["CapEff"], "0000000020000420");
}, ["root"]);

containerTest("an ordinary user has the whole life cycle, exec in a created container too", async (c) => {
  const { dunc, bundle, options } = await ordinary(c);
  edit(bundle, (config) => config.process.args = ["sleep", "100"]);
  const id = c.id();
  const ok = async (...words: string[]) => {
    const { code, stdout, stderr } = await dunc.call(words, options);
    assertEquals([code, stderr], [0, ""], words.join(" "));
    return stdout;
  };
  await ok("create", id);
  assertEquals(await ok("exec", id, "id", "-u"), "0\n");
  await ok("start", id);
  const { pid } = JSON.parse(await ok("state", id));
  assertEquals(statusOf(pid)["Uid"], Array(4).fill(USER.uid).join("\t"));
  assertStringIncludes(await ok("list"), ` running `);
  assertEquals(await ok("exec", id, "cat", "/proc/1/comm"), "sleep\n");
  await ok("kill", id, "KILL");
  await ok("delete", "--force", id);
  assertEquals(await ok("list", "-q"), "");
}, ["root"]);

containerTest("an ordinary user who asks for what only root can have is told so", async (c) => {
  const { dunc, bundle, options } = await ordinary(c);
  edit(bundle, (config) => config.process.user.additionalGids = [5]);
  const refused = await dunc.call(["create", c.id()], options);
  assertEquals([refused.code, dunc.ids()], [1, []]);
  assertStringIncludes(refused.stderr, "cannot set any additional groups in a rootless container");
  edit(bundle, (config) => {
    delete config.process.user.additionalGids;
    config.linux.resources = { pids: { limit: 5 } };
  });
  const limited = await dunc.call(["create", c.id()], options);
  assertEquals([limited.code, dunc.ids()], [1, []]);
  assertMatch(limited.stderr, /container could not join or create cgroup|permission denied/);
}, ["root"]);

containerTest("an ordinary user's agent gets the listeners of create and exec", async (c) => {
  const { dunc, bundle, options } = await ordinary(c);
  const agent = await SeccompAgent.start(`${c.folder}/agent`, ["errno", 28]);
  try {
    edit(bundle, (config) => {
      config.process.args = ["sh", "-c", "mkdir /tmp/x; sleep 100"];
      config.linux.seccomp = {
        defaultAction: "SCMP_ACT_ALLOW",
        listenerPath: agent.path,
        syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY" }],
      };
    });
    const id = c.id();
    for (const words of [["create", id], ["start", id]]) {
      assertEquals((await dunc.call(words, options)).code, 0, words.join(" "));
    }
    const { stderr } = await dunc.call(["exec", id, "mkdir", "/tmp/y"], options);
    assertStringIncludes(stderr, "No space left on device");
    await until("both calls", () => agent.calls.length === 2);
    assertEquals(agent.documents.map(({ state, metadata }) => [state.status, metadata]), [
      ["creating", undefined],
      ["running", undefined],
    ]);
    await dunc.call(["delete", "--force", id], options);
  } finally {
    await agent.close();
  }
}, ["root", "gcc"]);

containerTest("root without CAP_SYS_ADMIN makes a container as an ordinary user does", async (c) => {
  const { path } = c.bundle((config) => {
    mapped(config);
    config.linux!.uidMappings![0]!.hostID = config.linux!.gidMappings![0]!.hostID = 0;
    runs(config, "id -u; grep -c . /proc/self/mountinfo");
  });
  const without = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"];
  const words = [
    ...without,
    c.dunc.path,
    "--root",
    c.dunc.root,
    "--rootless",
    "true",
    "run",
    "--bundle",
    path,
  ];
  const { code, stdout, stderr } = await call([...words, c.id()]);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^0\n\d\d\n$/);
}, ["root", "setpriv", "dunc"]);
