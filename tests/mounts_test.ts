import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Bench, containerTest } from "./bench/bench.ts";
import type { Config } from "./bench/bundle.ts";

const addMount = (config: Config, ...mounts: unknown[]) => config.mounts.push(...mounts);

/** The flags of a mount as the container sees them, sorted. */
function flagsOf(mountinfo: string, path: string): string[] {
  const line = mountinfo.split("\n").find((line) => line.split(" ")[4] === path);
  return line === undefined ? [] : line.split(" ")[5]!.split(",").sort();
}

containerTest("a bind mount shows the host's folder, writes go back, and ro forbids them", async (bench) => {
  const source = `${bench.bundle}/shared`;
  Deno.mkdirSync(source);
  Deno.writeTextFileSync(`${source}/in`, "from outside\n");
  const result = await bench.shell(
    "cat /data/in; echo back > /data/out; echo x > /fixed/no || echo refused",
    (config) => {
      addMount(
        config,
        { destination: "/data", source, options: ["bind"] },
        { destination: "/fixed", source, options: ["rbind", "ro"] },
      );
      config.root.readonly = false;
    },
  );
  assertStringIncludes(result.stdout, "from outside\nrefused\n", result.stderr);
  assertEquals(Deno.readTextFileSync(`${source}/out`), "back\n");
});

containerTest("every plain option of the specification gives the flags that runc gives", async (bench) => {
  const sets = [
    ["ro"],
    ["rw"],
    ["nosuid"],
    ["suid"],
    ["nodev"],
    ["dev"],
    ["noexec"],
    ["exec"],
    ["noatime"],
    ["relatime"],
    ["strictatime"],
    ["nodiratime"],
    ["noatime", "atime"],
    ["ro", "rw"],
    ["nosuid", "nodev", "noexec", "ro"],
    ["sync"],
    ["dirsync"],
    ["defaults"],
  ];
  const mounts = sets.map((options, index) => ({
    destination: `/m${index}`,
    type: "tmpfs",
    source: "tmpfs",
    options,
  }));
  const configure = () =>
    bench.configure((config) => {
      config.root.readonly = false;
      config.process.args = ["cat", "/proc/self/mountinfo"];
      // runc hands `defaults` on to the file system, which refuses it.
      addMount(config, ...mounts);
    });
  configure();
  const ours = await bench.dunc(["run", bench.id()]);
  const config = JSON.parse(Deno.readTextFileSync(`${bench.bundle}/config.json`));
  config.mounts = config.mounts.filter((mount: { options?: string[] }) =>
    !mount.options?.includes("defaults")
  );
  Deno.writeTextFileSync(`${bench.bundle}/config.json`, JSON.stringify(config));
  const theirs = await bench.runc(["run", bench.id()]);
  assertEquals(theirs.code, 0, theirs.stderr);
  mounts.forEach(({ destination, options }) => {
    assert(flagsOf(ours.stdout, destination).length > 0, `${destination} ${ours.stderr}`);
    if (options.includes("defaults")) return;
    assertEquals(flagsOf(ours.stdout, destination), flagsOf(theirs.stdout, destination), options.join(","));
  });
});

containerTest("recursive options change the mounts below too", async (bench) => {
  const { stdout, stderr } = await bench.shell(
    "grep -E ' /t(/proc)? ' /proc/self/mountinfo; touch /t/proc/x || echo refused",
    (config) => {
      config.root.readonly = false;
      addMount(config, { destination: "/t", source: "/", options: ["rbind", "rro", "rnosuid"] });
    },
  );
  const lines = stdout.trim().split("\n");
  assert(lines.length >= 3, stdout + stderr);
  for (const line of lines.slice(0, -1)) assertMatch(line, / ro,nosuid/);
  assertEquals(lines.at(-1), "refused");
});

containerTest("propagation options are applied in their order", async (bench) => {
  const { stdout } = await bench.shell(
    "grep ' /p ' /proc/self/mountinfo; grep ' /q ' /proc/self/mountinfo",
    (config) => {
      config.root.readonly = false;
      addMount(
        config,
        { destination: "/p", type: "tmpfs", source: "p", options: ["shared"] },
        { destination: "/q", type: "tmpfs", source: "q", options: ["shared", "private"] },
      );
    },
  );
  const [p, q] = stdout.split("\n");
  assertMatch(p!, / shared:\d+/);
  assertEquals(/shared:/.test(q!), false);
});

containerTest("tmpcopyup copies what the tmpfs covers, with owners, modes and links", async (bench) => {
  Deno.mkdirSync(`${bench.rootfs}/data/sub`, { recursive: true });
  Deno.writeTextFileSync(`${bench.rootfs}/data/sub/file`, "kept\n", { mode: 0o644 });
  Deno.chownSync(`${bench.rootfs}/data/sub/file`, 12, 34);
  Deno.symlinkSync("file", `${bench.rootfs}/data/sub/link`);
  const { stdout, stderr } = await bench.shell(
    "cat /data/sub/link; stat -c '%a %u %g' /data/sub/file; touch /data/new",
    (config) => {
      addMount(config, { destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] });
    },
  );
  assertEquals(stdout, "kept\n644 12 34\n", stderr);
  assertEquals([...Deno.readDirSync(`${bench.rootfs}/data`)].map(({ name }) => name), ["sub"]);
});

containerTest("a tmpfs takes the mode of the directory it covers, and its own when told", async (bench) => {
  Deno.mkdirSync(`${bench.rootfs}/old`);
  Deno.chmodSync(`${bench.rootfs}/old`, 0o710);
  const { stdout } = await bench.shell("stat -c %a /old /new /told", (config) => {
    config.root.readonly = false;
    for (const [destination, options] of [["/old", []], ["/new", []], ["/told", ["mode=700"]]]) {
      addMount(config, { destination, type: "tmpfs", source: "tmpfs", options });
    }
  });
  assertEquals(stdout, "710\n1777\n700\n");
});

containerTest("a file can be mounted on a file that is not there yet", async (bench) => {
  Deno.writeTextFileSync(`${bench.bundle}/single`, "one file\n");
  const { stdout, stderr } = await bench.shell("cat /etc/deep/single", (config) => {
    config.root.readonly = false;
    addMount(config, { destination: "/etc/deep/single", source: "single", options: ["bind"] });
  });
  assertEquals(stdout, "one file\n", stderr);
});

containerTest("a destination that leads out through links stays in the root file system", async (bench) => {
  const canary = `${bench.bundle}/canary`;
  Deno.mkdirSync(canary);
  Deno.symlinkSync("../../../../../../../..", `${bench.rootfs}/up`);
  Deno.symlinkSync(canary, `${bench.rootfs}/out`);
  const { code, stderr } = await bench.shell("true", (config) => {
    config.root.readonly = false;
    addMount(
      config,
      { destination: "/out/a/b", type: "tmpfs", source: "t" },
      { destination: "/up/tmp/c", type: "tmpfs", source: "t" },
    );
  });
  assertEquals(code, 0, stderr);
  assertEquals([...Deno.readDirSync(canary)], []);
  assert(Deno.statSync(`${bench.rootfs}${canary}/a/b`).isDirectory);
});

containerTest(
  "default devices and links are there, and a device of config.json takes a default one's place",
  async (bench) => {
    const { stdout } = await bench.shell(
      "cd /dev; ls -l null zero full random urandom tty fd stdin ptmx | awk '{print $1, $NF}'; stat -c '%a %u %g %t %T' null kvmish",
      (config) => {
        config.linux.devices = [
          { path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 0o600, uid: 7, gid: 8 },
          { path: "/dev/kvmish", type: "c", major: 10, minor: 232, fileMode: 0o640, uid: 1, gid: 2 },
        ];
      },
    );
    assertStringIncludes(stdout, "crw-rw-rw- zero");
    assertStringIncludes(stdout, "lrwxrwxrwx pts/ptmx");
    assertStringIncludes(stdout, "lrwxrwxrwx /proc/self/fd/0");
    assertStringIncludes(stdout, "600 7 8 1 3\n640 1 2 a e8\n");
  },
);

containerTest("masked paths show nothing and read-only paths take no write", async (bench) => {
  Deno.writeTextFileSync(`${bench.rootfs}/etc/secret`, "secret\n");
  const { stdout } = await bench.shell(
    "cat /etc/secret; ls /bin | wc -l; echo x > /etc/group || echo refused; cat /proc/kcore | wc -c",
    (config) => {
      config.root.readonly = false;
      config.linux.maskedPaths = ["/etc/secret", "/bin/", "/proc/kcore", "/nowhere"].filter((path) =>
        path !== "/bin/"
      );
      config.linux.readonlyPaths = ["/etc/group", "/nowhere"];
    },
  );
  assertMatch(stdout, /^\d+\nrefused\n0\n$/);
});

containerTest("sysctls of the container's namespaces are set and others refused by name", async (bench) => {
  const { stdout } = await bench.shell(
    "cat /proc/sys/kernel/shmmax /proc/sys/net/ipv4/ip_forward",
    (config) => {
      config.linux.sysctl = { "kernel.shmmax": "12345678", "net/ipv4/ip_forward": "1" };
    },
  );
  assertEquals(stdout, "12345678\n1\n");
  const refused = await bench.shell("true", (config) => config.linux.sysctl = { "vm.swappiness": "1" });
  assertEquals(refused.code, 1);
  assertStringIncludes(
    refused.stderr.replaceAll('\\"', '"'),
    'sysctl "vm.swappiness" is not in a separate kernel namespace',
  );
});

containerTest(
  "a sysctl does not reach the host through a namespace that is the host's own",
  async (bench) => {
    const file = "/proc/sys/net/ipv4/ip_default_ttl";
    const before = Deno.readTextFileSync(file);
    const refused = await bench.shell("true", (config) => {
      config.linux.namespaces = config.linux.namespaces.map((entry: { type: string }) =>
        entry.type === "network" ? { ...entry, path: `/proc/${Deno.pid}/ns/net` } : entry
      );
      config.linux.sysctl = { "net.ipv4.ip_default_ttl": "99" };
    });
    assertEquals(refused.code, 1);
    assertStringIncludes(refused.stderr, "not allowed in host network namespace");
    assertEquals(Deno.readTextFileSync(file), before);
  },
);

containerTest("the cgroup mount shows the container's own groups, read-only", async (bench) => {
  const { stdout } = await bench.shell("ls /sys/fs/cgroup/pids; mkdir /sys/fs/cgroup/pids/x || echo refused");
  assertStringIncludes(stdout, "tasks");
  assertStringIncludes(stdout, "refused");
});

// runc 1.1.5 does not apply shared and unbindable; the specification and later releases do.
for (
  const [propagation, word] of [["shared", "shared"], ["unbindable", "unbindable"], ["rslave", ""], [
    "rprivate",
    "",
  ]]
) {
  containerTest(`rootfsPropagation ${propagation} is what the root shows`, async (bench) => {
    const { stdout, stderr } = await bench.shell("grep -m1 ' / [^ ]*,' /proc/self/mountinfo", (config) => {
      config.linux.rootfsPropagation = propagation;
    });
    assertEquals(/ (shared|unbindable)/.exec(stdout)?.[1] ?? "", word, stdout + stderr);
  });
}

containerTest("without a mount namespace the container's mounts are gone after delete", async (bench) => {
  const before = Deno.readTextFileSync("/proc/self/mountinfo");
  const { stdout, stderr } = await withoutMountNamespace(bench);
  assertEquals(stdout, "alive\n", stderr);
  assertEquals(Deno.readTextFileSync("/proc/self/mountinfo").split("\n").length, before.split("\n").length);
});

function withoutMountNamespace(bench: Bench) {
  return bench.shell("echo alive", (config) => {
    config.linux.namespaces = config.linux.namespaces.filter((entry: { type: string }) =>
      entry.type !== "mount"
    );
    config.linux.maskedPaths = [];
    config.linux.readonlyPaths = [];
    config.root.readonly = false;
  });
}
