/** The same bundle under dunc and under runc: the program prints the same and ends the same. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Bundle, Config } from "./support/bundle.ts";
import { type Containers, containerTest, runs } from "./support/containers.ts";

interface Case {
  readonly name: string;
  /** What the program of the container is: a script of its shell, or its words. */
  readonly program: string | readonly string[];
  readonly change?: (config: Config) => void;
  /** Files of the bundle and its root file system. */
  readonly prepare?: (bundle: Bundle) => void;
}

function bundleOf(c: Containers, { program, change, prepare }: Case): Bundle {
  const bundle = c.bundle((config) => {
    // Sets of their own: the default document has one list for all of them.
    config.process!.capabilities = JSON.parse(JSON.stringify(config.process!.capabilities));
    if (typeof program === "string") runs(config, program);
    else config.process!.args = [...program];
    change?.(config);
  });
  prepare?.(bundle);
  return bundle;
}

/** Both get the same container. What they print is compared, the ids in it left out. */
async function compare(c: Containers, test: Case): Promise<void> {
  const { path } = bundleOf(c, test);
  const seen = [];
  for (const runtime of [c.dunc, c.runc]) {
    const id = c.id();
    const { code, stdout, stderr } = await runtime.call(["run", "--bundle", path, id]);
    // Warnings are each one's own; what the program itself complains about is not.
    const complaints = stderr.split("\n").filter((line) => !/level=(warning|error)/.test(line)).join("\n");
    seen.push({ code, stdout: stdout.replaceAll(id, "ID"), complaints: complaints.replaceAll(id, "ID") });
  }
  assertEquals(seen[0], seen[1], test.name);
}

/** Neither makes the container; dunc says so in one line that holds `words`, and has nothing left. */
async function refuse(c: Containers, test: Case, words: string | RegExp): Promise<void> {
  const { path } = bundleOf(c, test);
  const { code, stdout, stderr } = await c.dunc.call(["run", "--bundle", path, c.id()]);
  assertEquals([code, stdout], [1, ""], test.name);
  assertEquals(stderr.trimEnd().split("\n").length, 1, `${test.name}: ${stderr}`);
  const said = stderr.replaceAll('\\"', '"');
  if (typeof words === "string") assertStringIncludes(said, words, test.name);
  else assertMatch(said, words, test.name);
  assertEquals(c.dunc.ids(), [], test.name);
  const theirs = await c.runc.call(["run", "--bundle", path, c.id()]);
  assertEquals(theirs.code, 1, `${test.name}: runc: ${theirs.stdout}`);
}

const writable = (config: Config) => config.root!.readonly = false;
const link = (target: string, name: string) => ({ rootfs }: Bundle) =>
  Deno.symlinkSync(target, rootfs + name);
const tmpfs = (destination: string, ...options: string[]) => (config: Config) => {
  config.mounts!.push({ destination, type: "tmpfs", source: "t", options });
};
const both = (...changes: ((config: Config) => void)[]) => (config: Config) =>
  changes.forEach((change) => change(config));

const TARGETS: readonly Case[] = [
  {
    name: "missing directories on the way to a mount",
    program: "stat -c '%n %a %u' /a /a/b; cut -d' ' -f5,6 /proc/self/mountinfo | grep /a/b/c",
    change: both(writable, tmpfs("/a/b/c", "mode=700")),
  },
  {
    name: "a link that dangles, on the way",
    program: "readlink /l; cut -d' ' -f5 /proc/self/mountinfo | grep nowhere",
    change: both(writable, tmpfs("/l/x", "mode=700")),
    prepare: link("/nowhere/dir", "/l"),
  },
  {
    name: "an absolute link",
    program: "cut -d' ' -f5 /proc/self/mountinfo | grep /elsewhere",
    change: both(writable, tmpfs("/l", "mode=700")),
    prepare: link("/elsewhere", "/l"),
  },
  {
    name: "a link with more .. than there are directories",
    program: "cut -d' ' -f5 /proc/self/mountinfo | grep /etc",
    change: tmpfs("/l", "mode=700"),
    prepare: link("../../../../../../../../../etc", "/l"),
  },
  {
    name: "a file on a file that is not there, in a directory that is not there",
    program: "cat /q/w/e; stat -c '%a %u' /q /q/w",
    change: both(writable, ({ mounts }) => {
      mounts!.push({ destination: "/q/w/e", source: "file", options: ["bind"] });
    }),
    prepare: ({ path }) => Deno.writeTextFileSync(`${path}/file`, "hello\n"),
  },
  {
    name: "a source and a destination with blanks",
    program: "cat '/a b/c'",
    change: both(writable, ({ mounts }) => {
      mounts!.push({ destination: "/a b", source: "s s", options: ["bind"] });
    }),
    prepare: ({ path }) => {
      Deno.mkdirSync(`${path}/s s`);
      Deno.writeTextFileSync(`${path}/s s/c`, "hello\n");
    },
  },
  {
    name: "a relative destination",
    program: "cut -d' ' -f5 /proc/self/mountinfo | grep /rel",
    change: both(writable, tmpfs("rel", "mode=700")),
  },
  {
    name: "several parameters in one option",
    program: "cut -d' ' -f4- /proc/self/mountinfo | grep ' /t '",
    change: both(writable, tmpfs("/t", "size=64k,mode=711", "nosuid")),
  },
  {
    name: "a hundred mounts with eight descriptors allowed",
    program: "ulimit -n; grep -c ' /m' /proc/self/mountinfo",
    change: both(writable, (config) => {
      config.process!.rlimits = [{ type: "RLIMIT_NOFILE", soft: 8, hard: 8 }];
      for (let i = 0; i < 100; i++) tmpfs(`/m${i}`, "mode=700")(config);
    }),
  },
  {
    name: "six hundred bind mounts",
    program: "grep -c ' /m' /proc/self/mountinfo",
    change: both(writable, ({ mounts }) => {
      for (let i = 0; i < 600; i++) {
        mounts!.push({ destination: `/m${i}`, source: "/usr", options: ["bind"] });
      }
    }),
  },
  {
    name: "the host's /dev bound as a whole",
    program: "ls /dev | sort | head -20; cut -d' ' -f5 /proc/self/mountinfo | grep '^/dev$'",
    change: (config) => {
      config.mounts = [config.mounts![0]!, { destination: "/dev", source: "/dev", options: ["rbind"] }];
    },
  },
];

containerTest("mounts land where runc's land", async (c) => {
  for (const test of TARGETS) await compare(c, test);
}, ["root", "runc"]);

containerTest("mounts that cannot be are refused", async (c) => {
  const program = "true";
  const bind = (destination: string, source: string) => ({ mounts }: Config) => {
    mounts!.push({ destination, source, options: ["bind"] });
  };
  const file = ({ path }: Bundle) => Deno.writeTextFileSync(`${path}/file`, "");
  await refuse(
    c,
    { name: "a link that goes round", program, change: tmpfs("/l"), prepare: link("l", "/l") },
    "mounts[7] (l): too many levels",
  );
  await refuse(
    c,
    { name: "a file on a directory", program, change: bind("/tmp", "file"), prepare: file },
    /mounts\[7\].*must both be directories or both be files/,
  );
  await refuse(
    c,
    { name: "a directory on a file", program, change: bind("/etc/passwd", "rootfs") },
    /mounts\[7\].*must both be directories or both be files/,
  );
  await refuse(
    c,
    { name: "no source", program, change: bind("/x", "/no/such") },
    "mounts[7].source (/no/such): no such file or directory",
  );
  await refuse(
    c,
    { name: "an option nobody knows", program, change: tmpfs("/tmp", "nonsense=1") },
    "mounts[7] (tmpfs): invalid argument",
  );
  const unknown = ({ mounts }: Config) => mounts!.push({ destination: "/tmp", type: "nofs", source: "x" });
  await refuse(
    c,
    { name: "no such file system", program, change: unknown },
    "mounts[7] (nofs): no such device",
  );
  const proc = (config: Config) => config.mounts![0] = { destination: "/proc", type: "tmpfs", source: "t" };
  await refuse(c, { name: "a tmpfs for /proc", program, change: proc }, "because it is not of type proc");
  await refuse(
    c,
    { name: "a bind inside /proc", program, change: bind("/proc/sys", "rootfs") },
    "because it is inside /proc",
  );
}, ["root", "runc", "dunc"]);

containerTest("a link of the image leads no mount into /proc, whatever file system it is", async (c) => {
  const { path } = bundleOf(c, {
    name: "",
    program: "true",
    change: tmpfs("/x/sys"),
    prepare: link("proc", "/x"),
  });
  const stderr = await c.dunc.fails(1, "run", "--bundle", path, c.id());
  assertStringIncludes(stderr, "mounts[7].destination: cannot be mounted because it is inside /proc");
  assertEquals(c.dunc.ids(), []);
}, ["root", "dunc"]);

const PROCESSES: readonly Case[] = [
  { name: "a program without a slash", program: ["echo", "hi"] },
  { name: "a program relative to /", program: ["bin/echo", "hi"] },
  {
    name: "a program relative to its directory",
    program: ["./echo", "hi"],
    change: ({ process }) => process!.cwd = "/bin",
  },
  { name: "arguments of all kinds", program: ["printf", "[%s]", "a\nb", "", "é", "$HOME", "\\"] },
  {
    name: "many arguments",
    program: ["sh", "-c", "echo $#", "sh", ...Array.from({ length: 5000 }, (_, i) => `${i}`)],
  },
  {
    name: "an environment with odd values",
    program: ["env"],
    change: ({ process }) => process!.env = ["PATH=/bin", "A=x=y", "B=", "C=a b\tc\nd", "A=2"],
  },
  { name: "no environment", program: ["/bin/env"], change: ({ process }) => process!.env = [] },
  {
    name: "HOME of a user whose number is another one's name",
    program: "echo $HOME",
    change: ({ process }) => process!.user = { uid: 1234, gid: 0 },
    prepare: ({ rootfs }) =>
      Deno.writeTextFileSync(
        `${rootfs}/etc/passwd`,
        "1234:x:0:0::/evil:/bin/sh\nu:x:1234:0::/home/u:/bin/sh\n",
      ),
  },
  {
    name: "HOME without a passwd",
    program: "echo $HOME",
    change: ({ process }) => process!.user = { uid: 1234, gid: 0 },
    prepare: ({ rootfs }) => Deno.removeSync(`${rootfs}/etc/passwd`),
  },
  {
    name: "a directory that is missing, for a user",
    program: "pwd; stat -c '%a %u %g' . ..",
    change: both(writable, ({ process }) => {
      process!.cwd = "/new/dir";
      process!.user = { uid: 5, gid: 5 };
    }),
  },
  {
    name: "a directory behind a link that leads out",
    program: "pwd -P; ls",
    change: ({ process }) => process!.cwd = "/l",
    prepare: link("/../../etc", "/l"),
  },
  {
    name: "a directory for the user alone, and no capabilities",
    program: "pwd -P",
    change: ({ process }) => {
      process!.cwd = "/priv";
      process!.user = { uid: 5, gid: 5 };
      process!.capabilities = {};
    },
    prepare: ({ rootfs }) => {
      Deno.mkdirSync(`${rootfs}/priv`, { mode: 0o700 });
      Deno.chownSync(`${rootfs}/priv`, 5, 5);
    },
  },
  {
    name: "capabilities of another user, ambient ones too",
    program: "grep Cap /proc/self/status",
    change: ({ process }) => {
      process!.user = { uid: 3, gid: 3 };
      process!.capabilities!.ambient = process!.capabilities!.inheritable = ["CAP_KILL"];
    },
  },
  {
    name: "an ambient capability that is not inheritable",
    program: "grep Cap /proc/self/status",
    change: ({ process }) => process!.capabilities!.ambient = ["CAP_KILL"],
  },
  { name: "an exit code of 255", program: "exit 255" },
  { name: "an end by a signal", program: "sleep 5 & kill -KILL $!; wait $!" },
];

containerTest(
  "programs start as under runc: words, environment, directory, user, capabilities",
  async (c) => {
    for (const test of PROCESSES) await compare(c, test);
  },
  ["root", "runc"],
);

containerTest("processes that cannot be are refused", async (c) => {
  const cases: [string, string | readonly string[], string, ((config: Config) => void)?][] = [
    ["a directory as program", ["/etc"], 'exec: "/etc": permission denied'],
    ["a file that is no program", ["/etc/passwd"], 'exec: "/etc/passwd": permission denied'],
    ["an empty name", [""], 'exec: "": executable file not found in $PATH'],
    [
      "a directory on PATH",
      ["etc"],
      'exec: "etc": executable file not found in $PATH',
      ({ process }) => process!.env = ["PATH=/"],
    ],
    ["no PATH", ["sh"], 'exec: "sh": executable file not found in $PATH', ({ process }) => process!.env = []],
    [
      "a file as directory",
      "true",
      "process.cwd (/etc/passwd): not a directory",
      ({ process }) => process!.cwd = "/etc/passwd",
    ],
    [
      "a descriptor as directory",
      "true",
      "process.cwd (proc/self/fd/7)",
      ({ process }) => process!.cwd = "/proc/self/fd/7",
    ],
    [
      "uid -1",
      "true",
      "process.user.uid: must be from 0 to 4294967294",
      ({ process }) => process!.user = { uid: 0xffffffff, gid: 0 },
    ],
    [
      "gid -1",
      "true",
      "process.user.gid: must be from 0 to 4294967294",
      ({ process }) => process!.user = { uid: 0, gid: 0xffffffff },
    ],
    [
      "effective beyond permitted",
      "true",
      "process.capabilities: capset: operation not permitted",
      ({ process }) => process!.capabilities!.effective = ["CAP_CHOWN"],
    ],
    [
      "a name without a value",
      "true",
      'process.env[0]: "FOO" must have',
      ({ process }) => process!.env = ["FOO"],
    ],
    ["a host name of 65 letters", "true", "hostname (xxx", (config) => config.hostname = "x".repeat(65)],
    [
      "a sysctl that is not there",
      "true",
      'linux.sysctl["net.no.x"]',
      ({ linux }) => linux!.sysctl = { "net.no.x": "1" },
    ],
    [
      "a value that the sysctl does not take",
      "true",
      "invalid argument",
      ({ linux }) => linux!.sysctl = { "net.ipv4.ip_forward": "abc" },
    ],
  ];
  for (const [name, program, words, change] of cases) {
    await refuse(c, { name, program, ...(change === undefined ? {} : { change }) }, words);
  }
}, ["root", "runc", "dunc"]);

const SYSTEM: readonly Case[] = [
  {
    name: "masked paths: files, directories, links, twice, missing",
    program:
      "wc -c < /etc/passwd; cat /l; ls /bin | wc -l; wc -c < /proc/keys; cut -d' ' -f4-6 /proc/self/mountinfo | grep -E ' /(etc/passwd|tmp) ' | sort -u",
    change: ({ linux }) =>
      linux!.maskedPaths = ["/l", "/etc/passwd", "/tmp", "/tmp", "/nothing", "/proc/keys"],
    prepare: link("/etc/group", "/l"),
  },
  {
    name: "read-only paths in a writable root",
    program: "touch /etc/x; touch /tmp/x && echo ok; cut -d' ' -f4-6 /proc/self/mountinfo | grep ' /etc '",
    change: both(writable, ({ linux }) => linux!.readonlyPaths = ["/etc", "/nothing", "/proc/sys"]),
  },
  {
    name: "a read-only root",
    program: "touch /x; touch /dev/x && echo ok; grep -c ' / ro' /proc/self/mountinfo",
  },
  {
    name: "sysctls of three namespaces",
    program: "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax /proc/sys/fs/mqueue/msg_max",
    change: ({ linux }) => {
      linux!.sysctl = { "net.ipv4.ip_forward": "1", "kernel.shmmax": "4096", "fs.mqueue.msg_max": "20" };
    },
  },
  {
    name: "namespaces of the host",
    program: "hostname; ip -o link | wc -l; for n in net ipc uts; do readlink -f /proc/self/ns/$n; done",
    change: (config) => {
      delete config.hostname;
      config.linux!.namespaces = [{ type: "mount" }, { type: "pid" }];
    },
  },
  {
    name: "cgroups, their names and their mounts",
    program:
      "cat /proc/self/cgroup; cut -d' ' -f4-6 /proc/self/mountinfo | grep '/sys/fs/cgroup/' | sort; ls -l /sys/fs/cgroup | awk '{print $1, $9, $10, $11}'",
  },
  {
    name: "cgroups in a namespace of their own",
    program: "cat /proc/self/cgroup; cut -d' ' -f4-6 /proc/self/mountinfo | grep '/sys/fs/cgroup/' | sort",
    change: ({ linux }) => linux!.namespaces!.push({ type: "cgroup" }),
  },
  {
    name: "devices anywhere, and the null device denied to nobody",
    program: "stat -c '%n %F %a %t:%T %u:%g' /dev/x /e/y /dev/f; echo > /dev/null && echo ok",
    change: both(writable, ({ linux }) => {
      linux!.devices = [
        { type: "c", path: "/dev/x", major: 300, minor: 70000, fileMode: 0o600, uid: 5, gid: 6 },
        { type: "b", path: "/e/y", major: 7, minor: 0 },
        { type: "p", path: "/dev/f", fileMode: 0o644 },
      ];
    }),
  },
  {
    name: "no mount at /dev: nodes and links in the root file system itself",
    program: "cd /dev; stat -c '%n %F %a %t:%T' * | sort; readlink fd stdin ptmx",
    change: both(writable, (config) => {
      config.mounts = config.mounts!.filter(({ destination }) => !destination.startsWith("/dev"));
    }),
  },
];

containerTest("what the container sees of the system is what runc shows it", async (c) => {
  for (const test of SYSTEM) await compare(c, test);
}, ["root", "runc"]);

const hook = (script: string, env?: string[]) => ({
  path: "/bin/sh",
  args: ["sh", "-c", script],
  ...(env === undefined ? {} : { env }),
});

// runc 1.1.5 gives a createContainer hook the environment of the container, which is CVE-2025-23266.
containerTest("hooks run in runc's order, in its directories and with its environments", async (c) => {
  const test: Case = {
    name: "hooks",
    program: "cat /tmp/order; rm /tmp/order",
    change: both(writable, (config) => {
      const host = (kind: string) =>
        hook(`echo ${kind} $A >> rootfs/tmp/order; env | grep -v PWD >> rootfs/tmp/order`, ["A=b"]);
      config.hooks = {
        prestart: [host("prestart")],
        createRuntime: [host("createRuntime"), host("again")],
        createContainer: [
          hook(
            "echo createContainer >> tmp/order; basename $PWD >> tmp/order",
          ),
        ],
        startContainer: [
          hook("echo startContainer >> /tmp/order; env | grep PATH >> /tmp/order; pwd >> /tmp/order"),
        ],
      };
    }),
  };
  await compare(c, test);
}, ["root", "runc"]);

containerTest(
  "a poststop hook that fails is a warning: the other hooks run and the code is the program's",
  async (c) => {
    const { path } = bundleOf(c, {
      name: "",
      program: "exit 4",
      change: (config) =>
        config.hooks = { poststop: [hook("exit 1"), hook(`echo ran > ${c.folder}/second`)] },
    });
    const { code, stderr } = await c.dunc.call(["run", "--bundle", path, c.id()]);
    assertEquals(code, 4);
    assertMatch(stderr, /level=warning msg="error running poststop hook #0: exit status 1/);
    assertEquals(Deno.readTextFileSync(`${c.folder}/second`), "ran\n");
  },
  ["root", "dunc"],
);

containerTest(
  "a hook that cannot be started is told with its path and the reason, and ends the creation",
  async (c) => {
    for (const kind of ["prestart", "createRuntime", "createContainer", "startContainer"] as const) {
      for (
        const [path, reason] of [["/no/such", "no such file or directory"], [
          "/etc",
          "permission denied",
        ]] as const
      ) {
        const hooks = { [kind]: [{ path: "/bin/true" }, { path }] };
        const words = `error running ${kind} hook #1: fork/exec ${path}: ${reason}`;
        await refuse(c, { name: kind, program: "true", change: (config) => config.hooks = hooks }, words);
      }
    }
  },
  ["root", "runc", "dunc"],
);
