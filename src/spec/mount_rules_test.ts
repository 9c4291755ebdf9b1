import { assertEquals } from "@std/assert";
import { type Change, checkAll, errorsOf } from "./testing.ts";

const MAP = [{ containerID: 0, hostID: 1000, size: 1 }];

const mount = (entry: unknown): Change => (document) => document.mounts = [entry];

const inUserNamespace = (entry: unknown): Change => (document) => {
  document.mounts = [entry];
  document.linux.namespaces.push({ type: "user" });
  document.linux.uidMappings = MAP;
  document.linux.gidMappings = MAP;
};

Deno.test("a mount of type bind binds by its options alone", () => {
  checkAll({
    "mounts[0].options: a mount of type bind needs bind or rbind here": mount({
      destination: "/a",
      type: "bind",
      source: "/b",
      options: ["ro"],
    }),
  });
  assertEquals(
    errorsOf(mount({ destination: "/a", type: "bind", source: "/b", options: ["rbind"] })),
    [],
  );
});

Deno.test("an id-mapped mount is a bind with both maps, or with those of the user namespace", () => {
  const bind = { destination: "/a", source: "/b", options: ["bind"] };
  assertEquals(errorsOf(mount({ ...bind, uidMappings: MAP, gidMappings: MAP })), []);
  assertEquals(errorsOf(inUserNamespace({ ...bind, options: ["rbind", "ridmap"] })), []);
  checkAll({
    "mounts[0]: id-mapped mounts are only supported for bind-mounts": mount({
      destination: "/a",
      type: "tmpfs",
      uidMappings: MAP,
      gidMappings: MAP,
    }),
    "mounts[0]: id-mapped mounts must have both uid and gid mappings specified": mount({
      ...bind,
      gidMappings: MAP,
    }),
    "mounts[0]: id-mapped mounts need uidMappings and gidMappings, or a user namespace to take them from":
      mount({ ...bind, options: ["bind", "idmap"] }),
    "mounts[0].gidMappings[0].size: must be at least 1, got 0": mount({
      ...bind,
      uidMappings: MAP,
      gidMappings: [{ containerID: 0, hostID: 0, size: 0 }],
    }),
  });
});

Deno.test("empty lists of mappings ask for nothing", () => {
  assertEquals(
    errorsOf(mount({ destination: "/a", type: "tmpfs", uidMappings: [], gidMappings: [] })),
    [],
  );
});

Deno.test("an ordinary user can map no mount, and give files to no id that is not mapped", () => {
  const ordinary = { ordinaryUser: true };
  const cannot = "mount option for rootless container: user namespaces enabled, but no mapping found for";
  checkAll({
    "mounts[0]: id-mapped mounts are not supported for rootless containers": inUserNamespace({
      destination: "/a",
      source: "/b",
      options: ["bind", "idmap"],
    }),
    [`mounts[0].options: cannot specify uid=7 ${cannot} uid 7`]: inUserNamespace({
      destination: "/a",
      type: "tmpfs",
      options: ["mode=755", "uid=7"],
    }),
    [`mounts[0].options: cannot specify gid=7 ${cannot} gid 7`]: inUserNamespace({
      destination: "/a",
      type: "tmpfs",
      options: ["gid=7,uid=0"],
    }),
  }, ordinary);
  assertEquals(
    errorsOf(inUserNamespace({ destination: "/a", type: "tmpfs", options: ["uid=0,gid=0"] }), ordinary),
    [],
  );
});
