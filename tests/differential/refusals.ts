/** Bundles that no container is made of. */
import type { Config } from "../support/bundle.ts";
import type { Scene, Step } from "../support/differential.ts";
import { EARLIER, JSON_PLACE, PLACE, V15 } from "./reasons.ts";

const BIND_DATA = "runc 1.5 refuses options of a file system on a bind mount; 1.1.5 ignores them";
const DEVICE =
  'a device\'s path must be absolute (runtime-spec, config-linux.md "Devices"); runc takes it from /';
const HOOK = "runc 1.5 names the kind of the hook";
const HOOK_INSIDE = "runc's init writes it on the container's own stderr; with `run` dunc tells it itself";
const PANIC = "runc 1.1.5 panics";
const SOCKET = "dunc says which socket it is";
const NEGATIVE = "a negative number of descriptors means nothing; runc takes it for 0";

const CREATE = "create --bundle BUNDLE ID";

const refused = (config: (config: Config) => void, differs?: Step["differs"]): Step => ({
  words: CREATE,
  config,
  alone: true,
  ...(differs === undefined ? {} : { differs }),
});

export const BUNDLES: Scene = {
  name: "bundles that are none",
  steps: [
    { words: "create ID", alone: true },
    { words: "run ID", alone: true },
    { words: "run -b HERE/none ID", alone: true },
    {
      words: "create --bundle HERE ID",
      alone: true,
      prepare: (here) => Deno.mkdirSync(`${here}/config.json`),
    },
    {
      words: "create --bundle HERE ID",
      alone: true,
      prepare: (here) => {
        Deno.writeTextFileSync(`${here}/config.json`, "");
      },
      differs: { message: JSON_PLACE },
    },
    {
      words: CREATE,
      alone: true,
      prepare: (_, { path }) => Deno.writeTextFileSync(`${path}/config.json`, "null"),
      differs: { code: PANIC, form: PANIC, message: PANIC },
    },
    {
      words: CREATE,
      alone: true,
      prepare: (_, { path }) => Deno.writeTextFileSync(`${path}/config.json`, "{"),
      differs: { message: JSON_PLACE },
    },
    {
      words: CREATE,
      alone: true,
      prepare: (_, { path }) => Deno.writeTextFileSync(`${path}/config.json`, "[]"),
      differs: { message: JSON_PLACE },
    },
    {
      words: CREATE,
      alone: true,
      prepare: (_, { path }) => Deno.writeTextFileSync(`${path}/config.json`, "{}"),
    },
    refused(({ process }) => Object.assign(process!, { args: "sh" }), { message: JSON_PLACE }),
    refused((config) => delete config.process),
    refused((config) => delete config.root),
    refused(({ root }) => root!.path = "nowhere"),
    refused(({ root }) => root!.path = "config.json", { message: EARLIER }),
  ],
};

export const PROCESSES: Scene = {
  name: "processes that cannot be",
  steps: [
    refused(({ process }) => process!.args = []),
    refused(({ process }) => delete process!.args),
    refused(({ process }) => process!.args = [""]),
    refused(({ process }) => process!.args = ["nothing"]),
    refused(({ process }) => process!.args = ["/nothing"]),
    refused(({ process }) => process!.args = ["./nothing"]),
    refused(({ process }) => process!.args = ["/etc"]),
    refused(({ process }) => process!.args = ["/etc/passwd"]),
    refused(({ process }) => process!.env = []),
    refused(({ process }) => process!.env = ["PATH"], { message: EARLIER }),
    refused(({ process }) => process!.cwd = "tmp"),
    refused(({ process }) => process!.cwd = ""),
    refused(({ process }) => delete process!.cwd),
    refused(({ process }) => process!.cwd = "/etc/passwd", { message: PLACE }),
    refused(({ process }) => process!.cwd = "/proc/self/fd/7", { message: PLACE }),
    refused(({ process }) => process!.user = { uid: 0xffffffff, gid: 0 }, { message: EARLIER }),
    refused(({ process }) => process!.user = { uid: -1, gid: 0 }, { message: EARLIER }),
    refused(({ process }) => process!.rlimits![0]!.type = "RLIMIT_X"),
    refused(({ process }) => process!.rlimits![0]!.soft = 5000, { message: EARLIER }),
    refused(({ process }) => process!.capabilities!.effective = ["CAP_CHOWN"], { message: PLACE }),
    refused(({ process }) => process!.apparmorProfile = "x", { message: EARLIER }),
    refused(({ process }) => process!.selinuxLabel = "x"),
    refused(({ process }) => process!.oomScoreAdj = 2000, { form: EARLIER, message: EARLIER }),
    refused(({ process }) => process!.terminal = true),
    { words: "run -d --bundle BUNDLE ID", alone: true },
    {
      words: "create --console-socket HERE/none --bundle BUNDLE ID",
      alone: true,
      differs: { message: SOCKET },
    },
    { words: "run --console-socket HERE/none --bundle BUNDLE ID", alone: true },
    { words: "create --console-socket HERE/none --bundle BUNDLE ID", alone: true, config: () => {} },
    { words: "create --pid-file HERE/none/pid --bundle BUNDLE ID", alone: true },
    { words: "run --pid-file HERE/none/pid --bundle BUNDLE ID", alone: true },
    { words: "create --preserve-fds 3 --bundle BUNDLE ID", alone: true },
    {
      words: "create --preserve-fds -1 --bundle BUNDLE ID",
      alone: true,
      differs: { code: NEGATIVE, form: NEGATIVE, message: NEGATIVE, state: NEGATIVE },
    },
  ],
};

export const SYSTEM: Scene = {
  name: "mounts, namespaces, hooks and resources that cannot be",
  steps: [
    refused(({ mounts }) => mounts!.push({ destination: "/x", source: "/no/such", options: ["bind"] }), {
      message: PLACE,
    }),
    refused(({ mounts }) => mounts!.push({ destination: "/tmp", type: "nofs", source: "x" }), {
      message: PLACE,
    }),
    refused(({ mounts }) => mounts![3]!.options!.push("bogus=1"), { message: PLACE }),
    refused(
      ({ mounts }) => mounts!.push({ destination: "/tmp", source: "/tmp", options: ["bind", "size=1k"] }),
      { code: BIND_DATA, form: BIND_DATA, message: BIND_DATA, state: BIND_DATA },
    ),
    refused(({ mounts }) => mounts![0] = { destination: "/proc", type: "tmpfs", source: "t" }, {
      message: EARLIER,
    }),
    refused(({ mounts }) => mounts!.push({ destination: "/proc/sys", source: "/tmp", options: ["bind"] }), {
      message: EARLIER,
    }),
    refused((config) => config.hostname = "x".repeat(65), { message: PLACE }),
    refused(({ linux }) => linux!.namespaces!.push({ type: "pid" }), { message: V15 }),
    refused(({ linux }) => linux!.namespaces!.push({ type: "x" as "pid" }), { message: V15 }),
    refused(({ linux }) => linux!.namespaces![0]!.path = "/no/such", { message: PLACE }),
    refused(({ linux }) => linux!.namespaces = linux!.namespaces!.filter(({ type }) => type !== "uts")),
    refused(({ linux }) => linux!.namespaces = linux!.namespaces!.filter(({ type }) => type !== "mount")),
    refused(({ linux }) => linux!.rootfsPropagation = "sideways" as "private"),
    refused(({ linux }) => linux!.sysctl = { "net.no.x": "1" }, { message: PLACE }),
    refused(({ linux }) => linux!.sysctl = { "kernel.hostname": "x" }),
    refused(({ linux }) => linux!.sysctl = { "vm.swappiness": "1" }),
    refused(({ linux }) => linux!.sysctl = { "net.ipv4.ip_forward": "abc" }, { message: PLACE }),
    refused(({ linux }) => linux!.seccomp = { defaultAction: "X" as "SCMP_ACT_ALLOW" }, { message: PLACE }),
    refused(({ linux }) => linux!.resources!.cpu = { shares: 1 }, { message: EARLIER }),
    refused(({ linux }) => linux!.resources!.memory = { limit: 1 }, {
      message: "the limit holds from the start, where runc sets it when its init runs",
    }),
    refused(({ linux }) => linux!.resources!.unified = { "memory.max": "1" }),
    refused(({ linux }) => linux!.resources!.blockIO = { weight: 5 }),
    refused(({ linux }) => linux!.devices = [{ type: "x" as "c", path: "/dev/x", major: 1, minor: 3 }]),
    refused(({ linux }) => linux!.devices = [{ type: "c", path: "dev/x", major: 1, minor: 3 }], {
      code: DEVICE,
      form: DEVICE,
      message: DEVICE,
      state: DEVICE,
    }),
    refused((config) => config.hooks = { prestart: [{ path: "/bin/false" }] }, { message: HOOK }),
    refused((config) => config.hooks = { createRuntime: [{ path: "/no/such" }] }, { message: HOOK }),
    refused((config) => config.hooks = { createContainer: [{ path: "/bin/true" }, { path: "/bin/false" }] }, {
      message: HOOK,
    }),
    refused((config) => config.hooks = { prestart: [{ path: "bin/true" }] }, { message: EARLIER }),
    {
      words: "run -b BUNDLE ID",
      config: (config) => config.hooks = { startContainer: [{ path: "/bin/false" }] },
      differs: { form: HOOK_INSIDE, message: HOOK_INSIDE },
    },
    {
      words: "run -b BUNDLE ID",
      alone: true,
      config: (config) => config.hooks = { poststart: [{ path: "/bin/false" }] },
      differs: { message: HOOK },
    },
  ],
};
