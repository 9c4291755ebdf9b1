import { assertEquals } from "@std/assert";
import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_STRICTATIME,
  MS_PRIVATE,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
} from "./constants.gen.ts";
import { mountOptionNames, parseMountOptions } from "./mount_options.ts";

/** The masks of the mount itself and of its tree: [set, clear, tree set, tree clear]. */
function masks(...options: string[]): number[] {
  const { attrSet, attrClr, recursiveSet, recursiveClr } = parseMountOptions(options);
  return [attrSet, attrClr, recursiveSet, recursiveClr];
}

Deno.test("parseMountOptions() sets and clears each attribute, and its r form does so for the tree", () => {
  const pairs = [
    ["ro", "rw", MOUNT_ATTR_RDONLY],
    ["nosuid", "suid", MOUNT_ATTR_NOSUID],
    ["nodev", "dev", MOUNT_ATTR_NODEV],
    ["noexec", "exec", MOUNT_ATTR_NOEXEC],
    ["nodiratime", "diratime", MOUNT_ATTR_NODIRATIME],
    ["nosymfollow", "symfollow", MOUNT_ATTR_NOSYMFOLLOW],
  ] as const;
  for (const [on, off, flag] of pairs) {
    assertEquals(masks(on), [flag, 0, 0, 0], on);
    assertEquals(masks(off), [0, flag, 0, 0], off);
    assertEquals(masks(`r${on}`), [0, 0, flag, 0], `r${on}`);
    assertEquals(masks(`r${off}`), [0, 0, 0, flag], `r${off}`);
    assertEquals(masks(on, off), [0, flag, 0, 0], `${on},${off}`);
    assertEquals(masks(off, on), [flag, 0, 0, 0], `${off},${on}`);
  }
});

Deno.test("parseMountOptions() clears the whole atime field with every atime option", () => {
  const values = {
    noatime: MOUNT_ATTR_NOATIME,
    strictatime: MOUNT_ATTR_STRICTATIME,
    relatime: 0,
    atime: 0,
    norelatime: 0,
    nostrictatime: 0,
  };
  for (const [option, value] of Object.entries(values)) {
    assertEquals(masks(option), [value, MOUNT_ATTR__ATIME, 0, 0], option);
    assertEquals(masks(`r${option}`), [0, 0, value, MOUNT_ATTR__ATIME], `r${option}`);
  }
});

Deno.test("parseMountOptions() decides between atime options as mount(2) does", () => {
  const atime = (...options: string[]) => masks(...options)[0];
  assertEquals(atime("noatime", "atime"), 0);
  assertEquals(atime("noatime", "relatime"), MOUNT_ATTR_NOATIME);
  assertEquals(atime("noatime", "nostrictatime"), MOUNT_ATTR_NOATIME);
  assertEquals(atime("strictatime", "noatime"), MOUNT_ATTR_STRICTATIME);
  assertEquals(atime("strictatime", "nostrictatime"), 0);
});

Deno.test("parseMountOptions() keeps propagations in their order, each with its reach", () => {
  assertEquals(parseMountOptions(["rshared", "slave", "private", "runbindable"]).propagation, [
    { flag: MS_SHARED, recursive: true },
    { flag: MS_SLAVE, recursive: false },
    { flag: MS_PRIVATE, recursive: false },
    { flag: MS_UNBINDABLE, recursive: true },
  ]);
});

Deno.test("parseMountOptions() tells the super block's flags from what the file system is given", () => {
  const options = parseMountOptions([
    "sync",
    "dirsync",
    "async",
    "size=64k",
    "lazytime",
    "",
    "mode=755",
    "foo",
  ]);
  assertEquals(options.superFlags, ["dirsync", "lazytime"]);
  assertEquals(options.data, ["size=64k", "mode=755", "foo"]);
});

Deno.test("parseMountOptions() knows the words that are no flags, and drops those that mean nothing", () => {
  const { bind, recursiveBind, remount, tmpcopyup, idmap, data } = parseMountOptions(
    ["rbind", "remount", "tmpcopyup", "idmap", "defaults", "silent", "loud", "iversion"],
  );
  assertEquals([bind, recursiveBind, remount, tmpcopyup, idmap, data], [true, true, true, true, "idmap", []]);
  assertEquals(parseMountOptions(["bind"]).recursiveBind, false);
  assertEquals(parseMountOptions(["idmap", "ridmap"]).idmap, "ridmap");
});

Deno.test("parseMountOptions() takes no name from the prototype of objects for an option", () => {
  assertEquals(parseMountOptions(["constructor", "rconstructor", "toString"]).data.length, 3);
});

Deno.test("mountOptionNames() lists every option of the specification once, sorted", () => {
  const names = mountOptionNames();
  assertEquals(names, [...new Set(names)].sort());
  const specification =
    "async atime bind defaults dev diratime dirsync exec idmap iversion lazytime loud mand noatime " +
    "nodev nodiratime noexec noiversion nolazytime nomand norelatime nostrictatime nosuid nosymfollow private ratime " +
    "rbind rdev rdiratime relatime remount rexec ridmap rnoatime rnodev rnodiratime rnoexec rnorelatime " +
    "rnostrictatime rnosuid rnosymfollow ro rprivate rrelatime rro rrw rshared rslave rstrictatime rsuid rsymfollow " +
    "runbindable rw shared silent slave strictatime suid symfollow sync tmpcopyup unbindable";
  assertEquals(names, specification.split(" "));
});

Deno.test("parseMountOptions() parts an option that holds several parameters as mount(2) does", () => {
  const data = (option: string) => parseMountOptions([option]).data;
  assertEquals(data("size=64k,mode=711"), ["size=64k", "mode=711"]);
  assertEquals(data(",a,,b=1,"), ["a", "b=1"]);
  assertEquals(data('context="u:r:t:s0:c1,c2",uid=5'), ["context=u:r:t:s0:c1,c2", "uid=5"]);
  assertEquals(data(String.raw`lowerdir=/a\,b:/c,upperdir=/d`), [
    String.raw`lowerdir=/a\,b:/c`,
    "upperdir=/d",
  ]);
});
