import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Config } from "../support/bundle.ts";
import { call, succeed } from "../support/command.ts";
import { runs } from "../support/containers.ts";
import { cgroupDirectories } from "../support/ledger.ts";
import type { Scenario } from "./scenario.ts";
import { remove, type Stage } from "./stage.ts";

type Mount = NonNullable<Config["mounts"]>[number];

/** A root file system with a /proc of its own making, and no mount at /proc: writes go where they should all the same. */
async function redirectedWrites(stage: Stage): Promise<void> {
  const networked = stage.cell.user === undefined;
  const bundle = stage.bundle((config) => {
    config.mounts = config.mounts!.filter(({ destination }) => destination !== "/proc");
    config.process!.oomScoreAdj = 700;
    config.linux!.maskedPaths = config.linux!.readonlyPaths = [];
    if (networked) config.linux!.sysctl = { "net.ipv4.ip_default_ttl": "99", "kernel.shmmax": "123456789" };
    runs(config, "sleep 100");
  });
  const proc = `${bundle.rootfs}/proc`;
  const files = ["self/oom_score_adj", "1/oom_score_adj", "sys/net/ipv4/ip_default_ttl", "sys/kernel/shmmax"];
  for (const file of files) {
    Deno.mkdirSync(`${proc}/${file.slice(0, file.lastIndexOf("/"))}`, { recursive: true });
    Deno.symlinkSync(`${stage.canary.path}/empty`, `${proc}/${file}`);
  }
  const id = await stage.running(bundle);
  const { pid } = JSON.parse((await stage.call(["state", id])).stdout);
  assertEquals(Deno.readTextFileSync(`/proc/${pid}/oom_score_adj`), "700\n");
  if (networked) {
    const inside = (file: string) =>
      succeed(["nsenter", "-t", String(pid), "-n", "-i", "cat", `/proc/sys/${file}`]);
    assertEquals(await inside("net/ipv4/ip_default_ttl"), "99\n");
    assertEquals(await inside("kernel/shmmax"), "123456789\n");
  }
  await stage.end(id);
}

/** Nothing but a procfs may stand at /proc, and nothing in it but what lxcfs and its like offer. */
async function volumesOverProc(stage: Stage): Promise<void> {
  const attempt = async (mount: Mount, message: RegExp) => {
    const bundle = stage.bundle((config) => {
      config.mounts!.push(mount);
      runs(config, "cat /proc/self/attr/current /proc/sys/kernel/hostname; true");
    });
    const { code, stderr } = await stage.run(bundle);
    assertEquals(code, 1, JSON.stringify(mount));
    assertMatch(stderr, message);
    remove(bundle.path);
  };
  const volume = { source: stage.canary.path, options: ["bind"] };
  for (
    const destination of ["/proc/self", "/proc/sys", "/proc/sys/kernel", "/proc/1/attr", "/tmp/../proc/self"]
  ) {
    await attempt({ destination, ...volume }, /mounts\[\d+\]\.destination.*inside \/proc/);
    await attempt({ destination, type: "tmpfs", source: "t" }, /mounts\[\d+\]\.destination.*inside \/proc/);
  }
  await attempt({ destination: "/proc", ...volume }, /mounts\[\d+\]/);
  await attempt({ destination: "/proc", type: "tmpfs", source: "t" }, /not of type proc/);
  const listed = stage.bundle((config) => {
    config.mounts!.push({ destination: "/proc/uptime", source: "/etc/hostname", options: ["bind"] });
    runs(config, "cat /proc/uptime");
  });
  assertEquals(await stage.ran(listed), Deno.readTextFileSync("/etc/hostname"));
}

/** Every file that is masked or read-only takes no write. */
async function protectedFiles(stage: Stage): Promise<void> {
  const script = "for p in $PATHS; do find $p -type f 2>/dev/null | head -300 | while read -r f; do " +
    "(: >> $f) 2>/dev/null && echo open $f; done; done; echo x > /sys/kernel/mm/x; " +
    "for f in /proc/sysrq-trigger /proc/sys/kernel/core_pattern; do (echo > $f) 2>/dev/null && echo wrote $f; done; " +
    "cat /proc/keys /proc/timer_list 2>/dev/null | wc -c";
  const bundle = stage.bundle((config) => {
    const { maskedPaths, readonlyPaths } = config.linux!;
    config.process!.env!.push(`PATHS=${[...maskedPaths!, ...readonlyPaths!].join(" ")}`);
    runs(config, script);
  });
  const { code, stdout } = await stage.run(bundle);
  assertEquals([code, stdout], [0, "0\n"]);
}

/** A container without a cgroup namespace of its own makes and joins no group of the host's. */
async function cgroupTree(stage: Stage): Promise<void> {
  const name = `evil-${stage.c.id()}`;
  const bundle = stage.bundle((config) => {
    config.linux!.namespaces = config.linux!.namespaces!.filter(({ type }) => type !== "cgroup");
    // Both of the ways it comes in: a mount of its own, and with the host's /sys.
    runs(
      config,
      `find /sys/fs/cgroup -type d -maxdepth 3 | while read -r d; do mkdir $d/${name} && echo made $d; ` +
        "(echo 1 > $d/cgroup.procs) && echo joined $d; done 2>/dev/null; true",
    );
  });
  for (const style of ["own", "host"]) {
    if (style === "host") {
      bundle.config.mounts = bundle.config.mounts!.filter(({ destination }) =>
        !destination.startsWith("/sys")
      );
      bundle.config.mounts.push({
        destination: "/sys",
        type: "none",
        source: "/sys",
        options: ["rbind", "rro"],
      });
      Deno.writeTextFileSync(`${bundle.path}/config.json`, JSON.stringify(bundle.config));
    }
    if (style === "host" && stage.cell.missing.includes("mount_setattr")) {
      // Without the call the tree below would stay writable: that is refused.
      assertMatch((await stage.run(bundle)).stderr, /attributes of all mounts of a tree need mount_setattr/);
    } else assertEquals(await stage.ran(bundle), "", style);
    assertEquals(cgroupDirectories().filter((path) => path.includes(name)), []);
  }
}

/** Lengths around those where a 16-bit or a 32-bit field would wrap, and more than the kernel takes. */
async function longValues(stage: Stage): Promise<void> {
  for (const size of [65_533, 65_535, 65_536, 65_537, 131_060]) {
    const bundle = stage.bundle((config) => {
      config.process!.env!.push(`LONG=${"x".repeat(size)}`);
      runs(config, "echo ${#LONG}; env | grep -c NOT_OURS");
    });
    assertEquals((await stage.run(bundle)).stdout, `${size}\n0\n`);
    remove(bundle.path);
  }
  const tooLong: ((config: Config) => void)[] = [
    ({ process }) => process!.env!.push(`LONG=${"x".repeat(131_072)}`),
    ({ process }) => process!.args!.push("y".repeat(1_000_000)),
    ({ process }) =>
      process!.env!.push(...Array.from({ length: 100 }, (_, i) => `E${i}=${"x".repeat(100_000)}`)),
  ];
  for (const change of tooLong) {
    const { code, stderr } = await stage.run(stage.bundle((config) => {
      runs(config, "echo ran");
      change(config);
    }));
    assert(code !== 0);
    assertStringIncludes(stderr.slice(0, 1000), "argument list too long");
  }
  const many = stage.bundle((config) => {
    for (let i = 0; i < 300; i++) {
      config.mounts!.push({ destination: `/m/${i}`, type: "tmpfs", source: `t${i}` });
    }
    runs(config, "grep -c ' /m/' /proc/self/mountinfo");
  });
  assertEquals(await stage.ran(many), "300\n");
}

/** Names that would lead out of the place they are put in. */
async function names(stage: Stage): Promise<void> {
  const bundle = stage.bundle((config) => runs(config, "(: >> /sys/kernel/x) 2>&1; true"));
  for (const id of ["../x", "a/b", "..", ".", "", "a b", "ä", "a\nb", `x${"y".repeat(2000)}`]) {
    const { code, stderr } = await stage.call(["create", "--bundle", bundle.path, "--", id]);
    assert(code !== 0, `${JSON.stringify(id)}: ${stderr}`);
  }
  assertMatch(
    (await stage.run(bundle)).stdout,
    /Read-only file system|nonexistent directory|Permission denied/,
  );
  const made: string[] = [];
  for (const cgroupsPath of ["../../../x", "/../../x", "a/../../../../x"]) {
    const name = `${cgroupsPath}-${stage.c.id()}`;
    made.push(name.slice(name.lastIndexOf("/")));
    const { code, stderr } = await stage.run(stage.bundle((config) => {
      config.linux!.cgroupsPath = name;
      runs(config, "cat /proc/self/cgroup");
    }));
    // Cleaned as runc cleans it, or refused.
    assert(code === 0 || /cgroup/.test(stderr), stderr);
  }
  assertEquals(cgroupDirectories().filter((path) => made.some((name) => path.endsWith(name))), []);
  // An ordinary user's container has no group that it could lead out of.
  if (stage.cell.user !== undefined) return;
  const id = await stage.running(stage.bundle((config) => runs(config, "sleep 100")));
  const { code } = await stage.call(["exec", "--cgroup", "../../..", id, "true"]);
  assert(code !== 0, "exec into a group outside the container's");
  await stage.end(id);
}

/** A copy of dunc that would act with more rights than its caller has. */
async function privilegedCopy(stage: Stage): Promise<void> {
  const copy = `${stage.output}/dunc`;
  const user = ["setpriv", "--reuid=23456", "--regid=23456", "--clear-groups"];
  Deno.copyFileSync(stage.dunc.path, copy);
  const refused = async (what: string) => {
    const { code, stdout, stderr } = await call([...user, copy, "--root", `${stage.output}/root`, "list"]);
    assertEquals([code, stdout], [1, ""], what);
    assertEquals(stderr, "dunc: refuses to run setuid or with file capabilities\n", what);
  };
  Deno.chmodSync(copy, 0o4755);
  await refused("set-uid");
  Deno.chownSync(copy, 0, 0);
  Deno.chmodSync(copy, 0o2755);
  await refused("set-gid");
  Deno.chmodSync(copy, 0o755);
  await succeed(["setcap", "cap_sys_admin+ep", copy]);
  await refused("file capabilities");
  remove(copy);
}

/** A root folder, or a container's in it, that somebody else has made. */
async function foreignFolders(stage: Stage): Promise<void> {
  const bundle = stage.bundle((config) => runs(config, "true"));
  const { canary, output, cell } = stage;
  const owner = cell.user ?? 0;
  const attempt = async (what: string, root: string) => {
    const id = stage.c.id();
    const words = stage.words(["run", "--bundle", bundle.path, id]).map((word) =>
      word === stage.dunc.root ? root : word
    );
    const { code, stderr } = await call(words, { timeoutMs: 10_000 });
    stage.check(what);
    assert(code !== 0, `${what}: ${stderr}`);
  };
  const root = `${output}/root`;
  const folder = (path: string, mode: number, uid: number) => {
    Deno.mkdirSync(path);
    Deno.chmodSync(path, mode);
    Deno.chownSync(path, uid, uid);
  };
  Deno.symlinkSync(canary.path, root);
  await attempt("a link to a folder", root);
  remove(root);
  for (
    const [what, mode, uid] of [["open to others", 0o777, owner], [
      "open to its group",
      0o770,
      owner,
    ]] as const
  ) {
    folder(root, mode, uid);
    await attempt(what, root);
    remove(root);
  }
  folder(root, 0o700, 23_456);
  await attempt("another owner", root);
  remove(root);
  // The container's own folder, made beforehand: a link, a file, a folder.
  folder(root, 0o700, owner);
  for (const plant of ["link", "file", "folder"]) {
    const id = stage.c.id();
    const path = `${root}/${id}`;
    if (plant === "link") Deno.symlinkSync(canary.path, path);
    else if (plant === "file") Deno.writeTextFileSync(path, "");
    else Deno.mkdirSync(path);
    for (
      const verb of [["create", "--bundle", bundle.path, id], ["state", id], ["kill", id], [
        "exec",
        id,
        "true",
      ]]
    ) {
      const words = stage.words(verb).map((word) => word === stage.dunc.root ? root : word);
      const { code } = await call(words, { timeoutMs: 10_000 });
      stage.check(`${plant}: ${verb[0]}`);
      assert(code !== 0, `${plant}: ${verb[0]}`);
    }
    const words = stage.words(["delete", "--force", id]).map((word) =>
      word === stage.dunc.root ? root : word
    );
    await call(words, { timeoutMs: 10_000 });
    stage.check(`${plant}: delete`);
    remove(path);
  }
}

/** A helper that stands in the way of the real one. */
async function helpers(stage: Stage): Promise<void> {
  const folder = `${stage.output}/helpers`;
  Deno.mkdirSync(folder);
  for (const name of ["newuidmap", "newgidmap", "id", "sh"]) {
    const path = `${folder}/${name}`;
    Deno.writeTextFileSync(path, `#!/bin/sh\necho $0 >> ${stage.canary.path}/empty\n`);
    Deno.chmodSync(path, 0o755);
  }
  const bundle = stage.bundle((config) => {
    // More than the one id that everybody may map.
    if (stage.cell.user !== undefined) config.linux!.uidMappings![0]!.size = 2;
    runs(config, "true");
  });
  for (const PATH of [".", ":", "helpers", "./helpers:.", "::"]) {
    const words = stage.words(["run", "--bundle", bundle.path, stage.c.id()]);
    const { code, stderr } = await call(words, { cwd: folder, env: { PATH }, timeoutMs: 10_000 });
    stage.check(`PATH=${PATH}`);
    if (stage.cell.user === undefined) assertEquals([code, stderr], [0, ""], `PATH=${PATH}`);
    else assertMatch(stderr, /newuidmap.*not found in PATH/, `PATH=${PATH}`);
  }
}

const EVIL_SYSCTLS: readonly [string, string][] = [
  ["net/../kernel/core_pattern", "x"],
  ["net.ipv4.../../kernel/core_pattern", "x"],
  ["net.ipv4.ip_forward=1\nkernel.core_pattern", "|/bin/sh"],
  ["kernel.shm_rmid_forced", "0+kernel.core_pattern=|/bin/sh"],
  ["kernel.shmmax", "1\n2"],
  ["/kernel.core_pattern", "x"],
  ["kernel/core_pattern", "x"],
  ["net//../kernel/core_pattern", "x"],
  ["net.", "x"],
  [".net", "x"],
  ["kernel.shmmax\0", "1"],
];

async function sysctls(stage: Stage): Promise<void> {
  const pattern = Deno.readTextFileSync("/proc/sys/kernel/core_pattern");
  for (const [key, value] of EVIL_SYSCTLS) {
    const bundle = stage.bundle((config) => {
      config.linux!.sysctl = { [key]: value };
      runs(config, "true");
    });
    const { code, stderr } = await stage.run(bundle);
    assertEquals(code, 1, `${key} = ${value}`);
    assertStringIncludes(stderr, "linux.sysctl", key);
    assertEquals(Deno.readTextFileSync("/proc/sys/kernel/core_pattern"), pattern);
    remove(bundle.path);
  }
  const features = JSON.parse(await succeed([stage.dunc.path, "features"]));
  assertEquals(features.potentiallyUnsafeConfigAnnotations.includes("org.systemd.property."), true);
}

/** Hooks of the host have what config.json gives them, and nothing of the container's. */
async function hookEnvironment(stage: Stage): Promise<void> {
  const log = `${stage.output}/hooks`;
  const hook = (kind: string, env: string[]) => [{
    path: "/bin/sh",
    args: [
      "sh",
      "-c",
      `env | grep -v -E '^(PWD|SHLVL|_)=' | sort | sed 's/^/${kind} /' >> ${log}; pwd >> ${log}; true`,
    ],
    env,
  }];
  for (const env of [[], ["A=b"]]) {
    Deno.writeTextFileSync(log, "");
    Deno.chmodSync(log, 0o666);
    const bundle = stage.bundle((config) => {
      config.process!.env!.push("LD_PRELOAD=/evil.so", "SECRET=1");
      config.hooks = {
        prestart: hook("prestart", env),
        createRuntime: hook("createRuntime", env),
        createContainer: hook("createContainer", env),
        poststop: hook("poststop", env),
      };
      runs(config, "true");
    });
    assertEquals(await stage.ran(bundle), "");
    const lines = Deno.readTextFileSync(log).split("\n").filter((line) => line !== "");
    const kinds = ["prestart", "createRuntime", "createContainer", "poststop"];
    assertEquals(
      lines.filter((line) => line.includes("=")),
      env.flatMap((text) => kinds.map((kind) => `${kind} ${text}`)),
    );
    assertEquals(lines.filter((line) => !line.includes("=")).length, 4);
    remove(bundle.path);
  }
  remove(log);
}

/** What config.json, the caller's surroundings and other users of the host can do. */
export const HOST_SCENARIOS: readonly Scenario[] = [
  {
    id: "S06",
    title: "writes to /proc go to a procfs that nobody has arranged (CVE-2025-52881)",
    run: redirectedWrites,
    untried: "labels of AppArmor and SELinux, where no such module with a policy is loaded",
  },
  { id: "S10", title: "no volume covers /proc or what is in it (CVE-2023-28642)", run: volumesOverProc },
  {
    id: "S16",
    title: "the host's cgroup tree takes no write (CVE-2023-25809)",
    run: cgroupTree,
    untried: "a group of v2 that was handed over to an ordinary user, on a host with v1 trees",
  },
  { id: "S17", title: "no length wraps on its way to C (CVE-2021-43784)", run: longValues },
  { id: "S19", title: "what is masked or read-only takes no write (CVE-2015-3631)", run: protectedFiles },
  {
    id: "S25",
    title: "names that lead elsewhere are refused, and /sys is read-only (crun 1.28)",
    run: names,
  },
  {
    id: "S29",
    title: "dunc refuses to run set-uid or with file capabilities (CVE-2016-8659)",
    run: privilegedCopy,
    needs: ["setpriv", "setcap"],
  },
  {
    id: "S32",
    title: "folders that somebody else has made are refused (CVE-2019-12439)",
    run: foreignFolders,
  },
  { id: "S35", title: "helpers come from absolute entries of PATH alone (CVE-2017-5985)", run: helpers },
  { id: "S36", title: "sysctls smuggle nothing (CVE-2022-0811)", run: sysctls },
  {
    id: "S37",
    title: "hooks have nothing of the container's environment (CVE-2025-23266)",
    run: hookEnvironment,
  },
];
