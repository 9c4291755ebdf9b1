/** The same bundle under dunc and under runc: the program prints the same and ends the same. */
import { containerTest } from "./support/containers.ts";
import { both, type Case, compare, hook, link, tmpfs, writable } from "./support/parity.ts";

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
