import { assertEquals } from "@std/assert";
import { DEFAULT_LINKS, defaultDevices } from "./devices.ts";

Deno.test("the default devices are those of config-linux.md, readable and writable for all", () => {
  assertEquals(
    defaultDevices().map(({ path, type, major, minor }) => `${path} ${type} ${major}:${minor}`),
    [
      "/dev/null c 1:3",
      "/dev/zero c 1:5",
      "/dev/full c 1:7",
      "/dev/random c 1:8",
      "/dev/urandom c 1:9",
      "/dev/tty c 5:0",
    ],
  );
  for (const { fileMode, uid, gid } of defaultDevices()) assertEquals([fileMode, uid, gid], [0o666, 0, 0]);
});

Deno.test("the links of /dev lead into the process's own descriptors", () => {
  assertEquals(Object.fromEntries(DEFAULT_LINKS.map(({ path, target }) => [path, target])), {
    "/dev/fd": "/proc/self/fd",
    "/dev/stdin": "/proc/self/fd/0",
    "/dev/stdout": "/proc/self/fd/1",
    "/dev/stderr": "/proc/self/fd/2",
    "/dev/core": "/proc/kcore",
  });
});
