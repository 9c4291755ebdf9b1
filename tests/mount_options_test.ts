/** Every mount option of the specification against runc, many in one container, and what runc does not know. */
import { assertEquals } from "@std/assert";
import type { Config } from "./support/bundle.ts";
import { succeed } from "./support/command.ts";
import { type Containers, containerTest, runs } from "./support/containers.ts";
import { mountAt, type MountLine, parseMountinfo } from "./support/mountinfo.ts";
import type { Runtime } from "./support/runtime.ts";

/** The mounts of a container with these extra ones. */
async function mountsOf(
  c: Containers,
  runtime: Runtime,
  change: (config: Config) => void,
): Promise<MountLine[]> {
  const { path } = c.bundle((config) => {
    config.root!.readonly = false;
    runs(config, "exec cat /proc/self/mountinfo");
    change(config);
  });
  const { code, stdout, stderr } = await runtime.call(["run", "--bundle", path, c.id()]);
  assertEquals([code, stderr], [0, ""]);
  return parseMountinfo(stdout);
}

const PLAIN =
  "ro rw nosuid suid nodev dev noexec exec noatime atime nodiratime diratime relatime norelatime " +
  "strictatime nostrictatime";
const SUPER = "sync async dirsync lazytime nolazytime iversion noiversion silent loud mand nomand";

/** Options that are given together, in their order: the later one of a pair wins. */
const SETS: readonly string[][] = [
  [],
  ...PLAIN.split(" ").map((option) => [option]),
  ["ro", "rw"],
  ["rw", "ro"],
  ["nosuid", "suid"],
  ["nodev", "dev", "nodev"],
  ["noexec", "exec"],
  ["noatime", "atime"],
  ["noatime", "relatime"],
  ["noatime", "strictatime"],
  ["strictatime", "relatime"],
  ["strictatime", "nostrictatime"],
  ["noatime", "norelatime"],
  ["noatime", "nostrictatime"],
  ["strictatime", "atime"],
  ["nodiratime", "diratime"],
  ["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime"],
];

const DATA: readonly string[][] = [
  ["size=1m"],
  ["mode=0711"],
  ["uid=12", "gid=34"],
  ["nr_inodes=77", "size=64k", "ro"],
  ["huge=never"],
];

containerTest("options of a mount of its own come to what runc makes of them", async (c) => {
  const sets = [...SETS, ...SUPER.split(" ").map((option) => [option]), ["sync", "async"], ...DATA];
  const change = (config: Config) => {
    for (const [index, options] of sets.entries()) {
      config.mounts!.push({ destination: `/m/${index}`, type: "tmpfs", source: "s", options });
    }
  };
  const ours = await mountsOf(c, c.dunc, change);
  const theirs = await mountsOf(c, c.runc, change);
  for (const [index, options] of sets.entries()) {
    const point = `/m/${index}`;
    assertEquals(mountAt(ours, point), mountAt(theirs, point), options.join(","));
  }
}, ["root", "runc"]);

containerTest("options of a bind mount come to what runc makes of them", async (c) => {
  const source = `${c.folder}/source`;
  Deno.mkdirSync(source);
  const change = (config: Config) => {
    for (const [index, options] of SETS.entries()) {
      config.mounts!.push({
        destination: `/m/${index}`,
        type: "bind",
        source,
        options: ["bind", ...options],
      });
    }
  };
  const ours = await mountsOf(c, c.dunc, change);
  const theirs = await mountsOf(c, c.runc, change);
  for (const [index, options] of SETS.entries()) {
    const point = `/m/${index}`;
    assertEquals(mountAt(ours, point), mountAt(theirs, point), options.join(","));
  }
}, ["root", "runc"]);

containerTest("the default mounts are runc's, in its order", async (c) => {
  const ours = await mountsOf(c, c.dunc, () => {});
  const theirs = await mountsOf(c, c.runc, () => {});
  const plain = (lines: MountLine[]) =>
    lines.map(({ point, type, source, options }) => `${point} ${type} ${source} ${options.join(",")}`)
      // runc 1.1 leaves the cgroup tmpfs itself writable.
      .filter((line) => !/^\/sys\/fs\/cgroup|^\/ /.test(line));
  assertEquals(plain(ours), plain(theirs));
}, ["root", "runc"]);

/** Options for a whole tree, and what its mounts have then beside what they had: [the top one, the one below]. */
const RECURSIVE: Record<string, string> = {
  rro: "ro",
  rnosuid: "nosuid",
  rnodev: "nodev",
  rnoexec: "noexec",
  rnoatime: "noatime",
  rnodiratime: "nodiratime",
  rnosymfollow: "nosymfollow",
};

containerTest("an option with r changes a whole tree, and its opposite takes it back", async (c) => {
  const source = `${c.folder}/source`;
  Deno.mkdirSync(source);
  await succeed(["mount", "-t", "tmpfs", "-o", "ro,nosuid,nodev,noexec,noatime,nodiratime", "top", source]);
  await succeed(["mount", "-o", "remount,rw", source]);
  Deno.mkdirSync(`${source}/below`);
  try {
    await succeed(["mount", "-t", "tmpfs", "below", `${source}/below`]);
    const names = [
      ...Object.keys(RECURSIVE),
      "rrw",
      "rsuid",
      "rdev",
      "rexec",
      "ratime",
      "rdiratime",
      "rstrictatime",
    ];
    const lines = await mountsOf(c, c.dunc, (config) => {
      for (const name of names) {
        config.mounts!.push({ destination: `/${name}`, type: "bind", source, options: ["rbind", name] });
      }
      config.mounts!.push({ destination: "/plain", type: "bind", source, options: ["rbind", "ro"] });
    });
    const of = (point: string) => [mountAt(lines, point).options, mountAt(lines, `${point}/below`).options];
    for (const [name, flag] of Object.entries(RECURSIVE)) {
      for (const options of of(`/${name}`)) assertEquals(options.includes(flag), true, `${name}: ${options}`);
    }
    for (
      const [name, flag] of [["rrw", "ro"], ["rsuid", "nosuid"], ["rdev", "nodev"], [
        "rexec",
        "noexec",
      ]] as const
    ) {
      for (const options of of(`/${name}`)) {
        assertEquals(options.includes(flag), false, `${name}: ${options}`);
      }
    }
    for (const options of of("/ratime")) {
      assertEquals(options.includes("relatime"), true, `ratime: ${options}`);
    }
    for (const options of of("/rstrictatime")) {
      assertEquals(options.filter((word) => /atime/.test(word)), [
        ...options.filter((word) => word === "nodiratime"),
      ]);
    }
    // Without the r the mount below keeps what it has.
    assertEquals(of("/plain").map((options) => options.includes("ro")), [true, false]);
  } finally {
    await succeed(["umount", "-R", source]);
  }
}, ["root", "dunc"]);

const PROPAGATION = [
  "shared",
  "slave",
  "private",
  "unbindable",
  "rshared",
  "rslave",
  "rprivate",
  "runbindable",
];

containerTest(
  "the propagation of mounts is what runc makes it, also of several options in a row",
  async (c) => {
    const sets = [...PROPAGATION.map((word) => [word]), ["shared", "slave"], ["shared", "private"], [
      "rshared",
      "rslave",
    ]];
    const source = `${c.folder}/source`;
    Deno.mkdirSync(source);
    await succeed(["mount", "-t", "tmpfs", "-o", "mode=755", "top", source]);
    await succeed(["mount", "--make-shared", source]);
    try {
      const change = (config: Config) => {
        for (const [index, options] of sets.entries()) {
          config.mounts!.push({ destination: `/t${index}`, type: "tmpfs", source: "s", options });
          config.mounts!.push({
            destination: `/b${index}`,
            type: "bind",
            source,
            options: ["rbind", ...options],
          });
        }
      };
      const ours = await mountsOf(c, c.dunc, change);
      const theirs = await mountsOf(c, c.runc, change);
      for (const [index, options] of sets.entries()) {
        for (const point of [`/t${index}`, `/b${index}`]) {
          assertEquals(
            mountAt(ours, point).propagation,
            mountAt(theirs, point).propagation,
            `${point[1]} ${options.join(",")}`,
          );
        }
      }
    } finally {
      await succeed(["umount", source]);
    }
  },
  ["root", "runc"],
);

containerTest("rootfsPropagation is the propagation of /", async (c) => {
  const hostIsShared = mountAt(parseMountinfo(Deno.readTextFileSync("/proc/self/mountinfo")), "/").propagation
    .includes("shared");
  for (const word of ["", ...PROPAGATION.filter((word) => word !== "runbindable")]) {
    const lines = await mountsOf(c, c.dunc, (config) => {
      if (word !== "") config.linux!.rootfsPropagation = word;
    });
    const expected = /shared|unbindable/.exec(word)?.[0] ??
      (/^r?slave|^$/.test(word) && hostIsShared ? "master" : undefined);
    assertEquals(mountAt(lines, "/").propagation, expected === undefined ? [] : [expected], word);
  }
}, ["root", "dunc"]);

containerTest(
  "what the host mounts later is seen below a slave bind, and what the container mounts stays in it",
  async (c) => {
    const source = `${c.folder}/source`;
    Deno.mkdirSync(source);
    await succeed(["mount", "-t", "tmpfs", "-o", "mode=755", "top", source]);
    await succeed(["mount", "--make-shared", source]);
    for (const place of ["slave", "private", "mine"]) Deno.mkdirSync(`${source}/${place}`);
    try {
      const { path } = c.bundle((config) => {
        runs(config, "sleep 100");
        config.mounts!.push(
          { destination: "/slave", type: "bind", source, options: ["rbind", "rslave"] },
          { destination: "/private", type: "bind", source, options: ["rbind", "rprivate"] },
        );
        const capabilities = [...config.process!.capabilities!.bounding!, "CAP_SYS_ADMIN"];
        config.process!.capabilities = {
          bounding: capabilities,
          permitted: capabilities,
          effective: capabilities,
        };
      });
      const id = c.id();
      await c.dunc.ok("run", "-d", "--bundle", path, id);
      await succeed(["mount", "-t", "tmpfs", "later", `${source}/slave`]);
      const { pid } = await c.dunc.state(id);
      const inside = () =>
        parseMountinfo(Deno.readTextFileSync(`/proc/${pid}/mountinfo`)).map(({ point }) => point);
      assertEquals(inside().includes("/slave/slave"), true);
      assertEquals(inside().includes("/private/slave"), false);
      await succeed(["nsenter", "-t", String(pid), "-m", "mount", "-t", "tmpfs", "mine", "/slave/mine"]);
      assertEquals(inside().includes("/slave/mine"), true);
      const outside = parseMountinfo(Deno.readTextFileSync("/proc/self/mountinfo")).map(({ point }) => point);
      assertEquals(outside.includes(`${source}/mine`), false);
      await c.dunc.ok("delete", "--force", id);
    } finally {
      await succeed(["umount", "-R", source]);
    }
  },
  ["root"],
);

containerTest(
  "a source that comes from an earlier mount of the container is not looked for there",
  async (c) => {
    // A source is the host's, whatever the container has mounted before.
    const source = `${c.folder}/source`;
    Deno.mkdirSync(source);
    Deno.writeTextFileSync(`${source}/file`, "host\n");
    const { path } = c.bundle((config) => {
      config.root!.readonly = false;
      runs(config, "cat /a/file /b");
      config.mounts!.push(
        { destination: "/a", type: "bind", source, options: ["bind"] },
        { destination: "/b", type: "bind", source: `${source}/file`, options: ["bind", "ro"] },
      );
    });
    const { code, stdout, stderr } = await c.dunc.call(["run", "--bundle", path, c.id()]);
    assertEquals([code, stdout, stderr], [0, "host\nhost\n", ""]);
  },
  ["root"],
);
