import { assertEquals } from "@std/assert";
import { checkMappedUser, isMapped } from "./id_mapping_rules.ts";
import { Issues } from "./issues.ts";
import { type Change, checkAll, errorsOf } from "./testing.ts";

const MAP = { containerID: 0, hostID: 100_000, size: 65_536 };

/** A user namespace with maps. */
const userNamespace = (uidMappings: unknown, gidMappings: unknown, path?: string): Change => ({ linux }) => {
  linux.namespaces.push({ type: "user", path });
  linux.uidMappings = uidMappings;
  linux.gidMappings = gidMappings;
};

Deno.test("a user namespace needs maps of uids and of gids, and root in both", () => {
  assertEquals(errorsOf(userNamespace([MAP], [MAP])), []);
  const none = "user namespaces enabled, but no namespace path to join nor mappings to apply specified";
  checkAll({ [`linux.uidMappings: ${none}`]: userNamespace(undefined, undefined) });
  checkAll({ [`linux.uidMappings: ${none}`]: userNamespace([], []) });
  checkAll({
    "linux.gidMappings: user namespaces enabled, but no gid mappings found": userNamespace([MAP], []),
    "linux.uidMappings: user namespaces enabled, but no uid mappings found": userNamespace(undefined, [MAP]),
  });
  const noRoot = [{ ...MAP, containerID: 1 }];
  assertEquals(errorsOf(userNamespace(noRoot, noRoot)), [
    "process.user.uid: cannot set uid to unmapped user in user namespace (setresuid: invalid argument)",
    "process.user.gid: cannot set gid to unmapped user in user namespace (setresgid: invalid argument)",
    "linux.uidMappings: user namespaces enabled, but no mapping found for uid 0",
    "linux.gidMappings: user namespaces enabled, but no mapping found for gid 0",
  ]);
});

Deno.test("a user namespace that is joined has its maps", () => {
  assertEquals(errorsOf(userNamespace(undefined, undefined, "/proc/1/ns/user")), []);
});

Deno.test("a map is what the kernel takes: not empty, not beyond the last id, without overlap, 340 entries", () => {
  const uids = (...mappings: unknown[]) => userNamespace([MAP, ...mappings], [MAP]);
  const at = "linux.uidMappings[1]";
  checkAll({
    [`${at}.size: must be at least 1, got 0`]: uids({ containerID: 70_000, hostID: 1, size: 0 }),
    [`${at}.containerID: overlaps with linux.uidMappings[0]`]: uids({
      containerID: 65_535,
      hostID: 1,
      size: 1,
    }),
    [`${at}.hostID: overlaps with linux.uidMappings[0]`]: uids({
      containerID: 65_536,
      hostID: 99_999,
      size: 2,
    }),
    [`${at}.hostID: 4294967295 is the last id: must be 4294967294 at most`]: uids({
      containerID: 65_536,
      hostID: 4_294_967_294,
      size: 2,
    }),
  });
  assertEquals(errorsOf(uids({ containerID: 65_536, hostID: 4_294_967_293, size: 2 })), []);
  assertEquals(errorsOf(uids({ containerID: 65_536, hostID: 99_999, size: 1 })), []);
  const many = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ containerID: index, hostID: 1000 + index, size: 1 }));
  assertEquals(errorsOf(userNamespace(many(340), [MAP])), []);
  checkAll({
    "linux.uidMappings: must have at most 340 entries, got 341": userNamespace(many(341), [MAP]),
  });
});

Deno.test("isMapped() is true for the first and the last id of a range and false beside it", () => {
  const range = [{ containerID: 10, hostID: 0, size: 5 }];
  assertEquals([9, 10, 14, 15].map((id) => isMapped(range, id)), [false, true, true, false]);
});

Deno.test("a process must be somebody in the user namespace that the container makes, with all its groups", () => {
  const user = (entry: unknown): Change => (document) => {
    userNamespace([MAP], [MAP])(document);
    document.process.user = entry;
  };
  checkAll({
    "process.user.uid: cannot set uid to unmapped user in user namespace (setresuid: invalid argument)": user(
      {
        uid: 65_536,
        gid: 0,
      },
    ),
    "process.user.gid: cannot set gid to unmapped user in user namespace (setresgid: invalid argument)": user(
      {
        uid: 0,
        gid: 65_536,
      },
    ),
    "process.user.additionalGids[1]: setgroups: invalid argument (65536 is not mapped in the user namespace)":
      user({ uid: 0, gid: 0, additionalGids: [1, 65_536] }),
  });
  assertEquals(errorsOf(user({ uid: 65_535, gid: 65_535, additionalGids: [65_535] })), []);
});

Deno.test("checkMappedUser() says nothing where no map is known", () => {
  const process = { user: { uid: 70_000, gid: 70_000 } };
  for (
    const linux of [
      {},
      { namespaces: [{ type: "user", path: "/proc/1/ns/user" }], uidMappings: [MAP], gidMappings: [MAP] },
      { namespaces: [{ type: "user" }] },
    ]
  ) {
    const issues = new Issues();
    checkMappedUser(process, linux, "--process", issues);
    assertEquals(issues.errors, []);
  }
});

Deno.test("an ordinary user's container needs a user namespace with maps, in runc's words", () => {
  const ordinary = { ordinaryUser: true };
  assertEquals(errorsOf(() => {}, ordinary), [
    "linux.namespaces: rootless container requires user namespaces",
  ]);
  assertEquals(errorsOf((d) => delete d.linux, ordinary).slice(-1), [
    "linux.namespaces: rootless container requires user namespaces",
  ]);
  assertEquals(errorsOf(userNamespace([], undefined), ordinary), [
    "linux.uidMappings: rootless containers requires at least one UID mapping",
    "linux.gidMappings: rootless containers requires at least one GID mapping",
    // Nothing maps the group that the default document gives the terminals to.
    "mounts[2].options: cannot specify gid=5 mount option for rootless container: " +
    "user namespaces enabled, but no mapping found for gid 5",
  ]);
  assertEquals(errorsOf(userNamespace([MAP], [MAP]), ordinary), []);
});
