import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { containersIn } from "./support/ledger.ts";
import { type Bench, containerTest } from "./bench/bench.ts";
import type { Config } from "./bench/bundle.ts";

/** One mistake: what is done to the bundle, and what the one line on stderr must say. */
interface Mistake {
  readonly name: string;
  readonly change?: (config: Config) => void;
  readonly spoil?: (bench: Bench) => void;
  readonly says: readonly string[];
}

const MISTAKES: readonly Mistake[] = [
  {
    name: "no config.json",
    spoil: ({ bundle }) => Deno.removeSync(`${bundle}/config.json`),
    says: ["JSON specification file config.json not found"],
  },
  {
    name: "broken JSON",
    spoil: ({ bundle }) => Deno.writeTextFileSync(`${bundle}/config.json`, '{\n  "a": 1,\n  b\n}'),
    says: ["line 3, column 3"],
  },
  {
    name: "a document that is null",
    spoil: ({ bundle }) => Deno.writeTextFileSync(`${bundle}/config.json`, "null"),
    says: ["config cannot be null"],
  },
  {
    name: "wrong types, all of them",
    change: (config) => {
      config.process.args = "sh";
      config.process.rlimits[0].soft = "many";
      config.hostname = 5;
    },
    says: [
      "process.args: must be an array, got a string",
      "process.rlimits[0].soft",
      "hostname: must be a string",
    ],
  },
  {
    name: "a rootfs that is missing",
    change: (config) => config.root.path = "nowhere",
    says: ["root.path", "no such file"],
  },
  {
    name: "a relative cwd",
    change: (config) => config.process.cwd = "tmp",
    says: ["process.cwd: Cwd must be an absolute path"],
  },
  {
    name: "empty args",
    change: (config) => config.process.args = [],
    says: ["process.args: args must not be empty"],
  },
  {
    name: "a program that is not in PATH",
    change: (config) => config.process.args = ["nonesuch"],
    says: ['exec: "nonesuch": executable file not found in $PATH'],
  },
  {
    name: "a program path that is not there",
    change: (config) => config.process.args = ["/nonesuch"],
    says: ['exec: "/nonesuch": stat /nonesuch: no such file or directory'],
  },
  {
    name: "a program that is not executable",
    change: (config) => config.process.args = ["/etc/passwd"],
    says: ['exec: "/etc/passwd": permission denied'],
  },
  {
    name: "a mount source that is missing",
    change: (config) =>
      config.mounts.push({ destination: "/x", source: "/nowhere/at/all", options: ["bind"] }),
    says: ["mounts[7].source", "/nowhere/at/all", "no such file or directory"],
  },
  {
    name: "an unknown file system",
    change: (config) => {
      config.root.readonly = false;
      config.mounts.push({ destination: "/x", type: "nofs", source: "x" });
    },
    says: ["mounts[7] (nofs)", "no such device"],
  },
  {
    name: "an option that the file system does not know",
    change: (config) => config.mounts[3].options.push("bogus=1"),
    says: ["mounts[3] (tmpfs)", "invalid argument", "bogus"],
  },
  {
    name: "options of a file system on a bind mount",
    change: (config) =>
      config.mounts.push({ destination: "/x", source: "/tmp", options: ["bind", "size=1k"] }),
    says: ["bind mounts cannot have any filesystem-specific options applied"],
  },
  {
    name: "a namespace twice",
    change: (config) => config.linux.namespaces.push({ type: "pid" }),
    says: ['duplicated ns "pid"'],
  },
  {
    name: "an unknown namespace",
    change: (config) => config.linux.namespaces.push({ type: "x" }),
    says: ['namespace "x" does not exist'],
  },
  {
    name: "an unknown limit",
    change: (config) => config.process.rlimits[0].type = "RLIMIT_X",
    says: ["process.rlimits[0].type: wrong rlimit value: RLIMIT_X"],
  },
  {
    name: "a propagation that there is not",
    change: (config) => config.linux.rootfsPropagation = "sideways",
    says: ["rootfsPropagation=sideways is not supported"],
  },
  {
    name: "a class of cache and bandwidth that the host does not have",
    change: (config) => config.linux.intelRdt = { closID: "x" },
    says: ["linux.intelRdt: intelRdt is specified in config, but Intel RDT is not supported or enabled"],
  },
  {
    name: "a label for mounts without SELinux",
    change: (config) => config.linux.mountLabel = "system_u:object_r:container_file_t:s0:c1,c2",
    says: [
      "linux.mountLabel: selinux label is specified in config, but selinux is disabled or not supported",
    ],
  },
  {
    name: "a host name without a UTS namespace",
    change: (config) =>
      config.linux.namespaces = config.linux.namespaces.filter(({ type }: { type: string }) =>
        type !== "uts"
      ),
    says: ["unable to set hostname without a private UTS namespace"],
  },
  {
    name: "a cgroups path that leads upwards",
    change: (config) => config.linux.cgroupsPath = "/a/../../b",
    says: ["linux.cgroupsPath"],
  },
  {
    name: "a terminal without a console socket",
    change: (config) => config.process.terminal = true,
    says: ["cannot allocate tty if runc will detach without setting console socket"],
  },
  {
    name: "a cgroup v1 that is asked for unified resources",
    change: (config) => config.linux.resources.unified = { "memory.max": "1" },
    says: ["cannot use unified on cgroup v1"],
  },
];

for (const { name, change, spoil, says } of MISTAKES) {
  containerTest(`create with ${name} says so in one line and leaves nothing`, async (bench) => {
    bench.configure((config) => {
      config.process.args = ["true"];
      change?.(config);
    });
    spoil?.(bench);
    const { code, stdout, stderr } = await bench.dunc(["create", bench.id()]);
    assertEquals([code, stdout], [1, ""], stderr);
    assertMatch(stderr, /^[^\n]+\n$/, "one line");
    for (const text of says) assertStringIncludes(stderr.replaceAll('\\"', '"'), text);
    assertEquals(containersIn(bench.root), []);
  });
}

containerTest("an unknown capability is a warning, as under runc", async (bench) => {
  const { code, stdout, stderr } = await bench.shell("echo ran", (config) => {
    config.process.capabilities.bounding.push("CAP_FLY");
  });
  assertEquals([code, stdout], [0, "ran\n"]);
  assertStringIncludes(stderr, "CAP_FLY");
});

containerTest(
  "a state folder that is damaged is told, listed as such, and cleaned up by force",
  async (bench) => {
    const id = bench.id();
    for (const text of ["", "{", "{}", "[1]", '{"version":99}', "null"]) {
      Deno.mkdirSync(`${bench.root}/${id}`);
      Deno.writeTextFileSync(`${bench.root}/${id}/state.json`, text);
      assertEquals((await bench.dunc(["state", id])).code, 1);
      const list = await bench.dunc(["list"]);
      assertEquals(list.code, 0);
      assertStringIncludes(list.stderr, `load container ${id}`);
      assertEquals((await bench.dunc(["delete", id])).code, 1);
      assertEquals((await bench.dunc(["delete", "--force", id])).code, 0);
    }
  },
);

containerTest("errors go into the log in the form that clients parse, and to stderr", async (bench) => {
  const log = `${bench.bundle}/log`;
  const { stderr } = await bench.dunc(["--log", log, "--log-format", "json", "state", "nobody"]);
  const record = JSON.parse(Deno.readTextFileSync(log));
  assertEquals(Object.keys(record), ["level", "msg", "time"]);
  assertEquals([record.level, record.msg], ["error", "container does not exist"]);
  assertMatch(record.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$/);
  assertEquals(stderr, "container does not exist\n");
});

containerTest(
  "a key that stands twice in config.json is told with --debug, and the last one counts",
  async (bench) => {
    bench.configure((config) => config.process.args = ["true"]);
    const path = `${bench.bundle}/config.json`;
    const twice = Deno.readTextFileSync(path).replace('"args"', '"args": ["false"],\n"args"');
    Deno.writeTextFileSync(path, twice);
    const plain = await bench.dunc(["run", bench.id()]);
    assertEquals([plain.code, plain.stderr], [0, ""]);
    const { code, stderr } = await bench.dunc(["--debug", "run", bench.id()]);
    assertEquals(code, 0, stderr);
    assertMatch(
      stderr,
      /level=warning msg="process\.args: stands in its object twice, again at line \d+, column 1:/,
    );
  },
);

containerTest("a memory limit that kills the init is told as such", async (bench) => {
  const { code, stderr } = await bench.shell("true", (config) => {
    config.linux.resources.memory = { limit: 1 };
  });
  assertEquals(code, 1);
  assertStringIncludes(stderr, "container init was OOM-killed (memory limit too low?)");
});
