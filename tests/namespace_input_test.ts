/** What a document says wrong of namespaces and maps: one line with the place, the rule that is broken and the fix. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Config } from "./support/bundle.ts";
import { containerTest } from "./support/containers.ts";
import { OrdinaryUser } from "./support/ordinary_user.ts";

interface Row {
  readonly what: string;
  readonly change: (config: Config) => void;
  /** Place and rule, and the fix. */
  readonly says: readonly [place: string, rule: string, fix: string];
}

const MAP = { containerID: 0, hostID: 100_000, size: 65_536 };

function maps(config: Config, uids: unknown[], gids: unknown[] = [MAP], path?: string): void {
  config.linux!.namespaces!.push({ type: "user", ...(path === undefined ? {} : { path }) });
  config.linux!.uidMappings = uids as [];
  config.linux!.gidMappings = gids as [];
}

const replace = (config: Config, type: string, path: string): void => {
  config.linux!.namespaces!.find((entry) => entry.type === type)!.path = path;
};

const ROWS: readonly Row[] = [
  {
    what: "mappings without a user namespace",
    change: (config) => config.linux!.uidMappings = [MAP],
    says: ["linux.uidMappings: ", "user namespace isn't enabled in the config", 'add {"type": "user"}'],
  },
  {
    what: "overlapping ranges inside",
    change: (config) => maps(config, [MAP, { containerID: 65_535, hostID: 1, size: 2 }]),
    says: ["linux.uidMappings[1].containerID: ", "overlaps with linux.uidMappings[0]", "one range only"],
  },
  {
    what: "overlapping ranges outside",
    change: (config) => maps(config, [MAP], [MAP, { containerID: 70_000, hostID: 100_001, size: 1 }]),
    says: ["linux.gidMappings[1].hostID: ", "overlaps with linux.gidMappings[0]", "one range only"],
  },
  {
    what: "too many ranges",
    change: (config) =>
      maps(
        config,
        Array.from({ length: 341 }, (_, id) => ({ containerID: id, hostID: 100_000 + id, size: 1 })),
      ),
    says: ["linux.uidMappings: ", "must have at most 340 entries, got 341", "join ranges"],
  },
  {
    what: "no map of root",
    change: (config) => {
      maps(config, [{ ...MAP, containerID: 1 }]);
      config.process!.user = { uid: 1, gid: 0 };
    },
    says: ["linux.uidMappings: ", "no mapping found for uid 0", "map an id to containerID 0"],
  },
  {
    what: "a process that is not mapped",
    change: (config) => {
      maps(config, [MAP]);
      config.process!.user = { uid: 70_000, gid: 0 };
    },
    says: ["process.user.uid: ", "unmapped user", "map it in linux.uidMappings"],
  },
  {
    what: "a namespace path of another type",
    change: (config) => replace(config, "pid", "/proc/self/ns/net"),
    says: ["linux.namespaces[0].path", "invalid argument", "must lead to a namespace of the entry's type"],
  },
  {
    what: "a namespace path that is a file",
    change: (config) => replace(config, "network", "/etc/passwd"),
    says: ["linux.namespaces[1].path", "invalid argument", "must lead to a namespace of the entry's type"],
  },
  {
    what: "the user namespace of dunc itself",
    change: (config) => maps(config, [], [], "/proc/self/ns/user"),
    says: ["linux.namespaces[5].path", "invalid argument", "not to dunc's own user namespace"],
  },
  {
    what: "a dead namespace path",
    change: (config) => replace(config, "network", "/proc/4194303/ns/net"),
    says: ["linux.namespaces[1].path (/proc/4194303/ns/net)", "no such file or directory", "start it again"],
  },
  {
    what: "a dead path of a user namespace",
    change: (config) => maps(config, [], [], "/proc/4194303/ns/user"),
    says: ["linux.namespaces[5].path (/proc/4194303/ns/user)", "no such file or directory", "start it again"],
  },
  {
    what: "a relative namespace path",
    change: (config) => replace(config, "network", "proc/1/ns/net"),
    says: ["linux.namespaces[1].path: ", "must be an absolute path", "/proc/PID/ns/net"],
  },
  {
    what: "a type twice",
    change: (config) => config.linux!.namespaces!.push({ type: "ipc", path: "/proc/1/ns/ipc" }),
    says: ["linux.namespaces[5]: ", 'duplicated ns "ipc"', "leave one of them out"],
  },
  {
    what: "offsets without a time namespace",
    change: (config) => config.linux!.timeOffsets = { monotonic: { secs: 1 } },
    says: ["linux.timeOffsets: ", "time namespace isn't enabled in the config", 'add {"type": "time"}'],
  },
];

for (const { what, change, says } of ROWS) {
  containerTest(`bad input: ${what}`, async (c) => {
    const { path } = c.bundle(change);
    const text = (await c.dunc.fails(1, "create", "--bundle", path, c.id())).replaceAll('\\"', '"');
    for (const part of says) assertStringIncludes(text, part);
    assertEquals(text.trimEnd().split("\n").length, 1, text);
    assertEquals(c.dunc.ids(), []);
  }, ["root", "dunc"]);
}

/** The same for an ordinary user: a program of jq for its config.json. */
const USER_ROWS: readonly (readonly [what: string, change: string, says: readonly string[]])[] = [
  [
    "no user namespace",
    '.linux.namespaces |= map(select(.type != "user")) | del(.linux.uidMappings, .linux.gidMappings)',
    ["linux.namespaces: ", "rootless container requires user namespaces", "dunc spec --rootless"],
  ],
  [
    "no maps",
    "del(.linux.uidMappings, .linux.gidMappings)",
    ["linux.uidMappings: ", "requires at least one UID mapping", "dunc check"],
  ],
  [
    "groups where setgroups is denied",
    ".process.user.additionalGids = [0]",
    ["process.user.additionalGids", "cannot set any additional groups in a rootless container", "newgidmap"],
  ],
  [
    "somebody else's id",
    ".linux.uidMappings[0].hostID = 0",
    ["linux.uidMappings", "newuidmap", "dunc check"],
  ],
  [
    "somebody else's network namespace",
    '.linux.namespaces += [{type: "network", path: "/proc/1/ns/net"}]',
    ["linux.namespaces[", "permission denied", "somebody else's"],
  ],
  [
    "a group for the terminals that is not mapped",
    '(.mounts[] | select(.destination == "/dev/pts").options) += ["gid=5"]',
    ["mounts[2].options: ", "cannot specify gid=5 mount option for rootless container", "no mapping found"],
  ],
];

for (const [what, change, says] of USER_ROWS) {
  containerTest(`bad input of an ordinary user: ${what}`, async (c) => {
    const user = new OrdinaryUser(c, { helpers: true });
    await user.configure(change);
    const text = await user.fails(1, "dunc create box");
    for (const part of says) assertStringIncludes(text, part);
    assertEquals([text.trimEnd().split("\n").length, user.containers()], [1, []], text);
  }, ["root", "dunc", "setpriv", "jq", "newuidmap"]);
}
