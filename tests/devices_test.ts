import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Containers, containerTest, runs } from "./support/containers.ts";
import type { Config } from "./support/bundle.ts";
import type { Runtime } from "./support/runtime.ts";

async function output(c: Containers, runtime: Runtime, script: string, change: (config: Config) => void) {
  const { path } = c.bundle((config) => {
    runs(config, script);
    change(config);
  });
  const { code, stdout, stderr } = await runtime.call(["run", "--bundle", path, c.id()]);
  assertEquals([code, stderr], [0, ""]);
  return stdout;
}

/** The same container under both runtimes; what the script prints must be equal, and is returned. */
async function same(c: Containers, script: string, change: (config: Config) => void): Promise<string> {
  const ours = await output(c, c.dunc, script, change);
  assertEquals(ours, await output(c, c.runc, script, change));
  return ours;
}

containerTest(
  "devices of config.json are made with their numbers, modes and owners, wherever they are",
  async (c) => {
    const text = await same(
      c,
      "stat -c '%n %F %t:%T %a %u:%g' /dev/nil /dev/sub/dir/loop /dev/pipe /dev/fuse /extra/zero /dev/plain",
      (config) => {
        config.linux!.devices = [
          { path: "/dev/nil", type: "c", major: 1, minor: 3, fileMode: 0o640, uid: 5, gid: 6 },
          { path: "/dev/sub/dir/loop", type: "b", major: 7, minor: 0, fileMode: 0o660, uid: 0, gid: 7 },
          { path: "/dev/pipe", type: "p", fileMode: 0o622 },
          { path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o666 },
          { path: "/extra/zero", type: "c", major: 1, minor: 5, fileMode: 0o444 },
          { path: "/dev/plain", type: "u", major: 1, minor: 7 },
        ];
      },
    );
    assertStringIncludes(text, "/dev/nil character special file 1:3 640 5:6\n");
    assertStringIncludes(text, "/dev/sub/dir/loop block special file 7:0 660 0:7\n");
    assertStringIncludes(text, "/dev/pipe fifo 0:0 622 0:0\n");
  },
  ["root", "runc"],
);

containerTest("the default devices and links are runc's", async (c) => {
  const text = await same(
    c,
    "cd /dev; for name in *; do stat -c '%n %F %t:%T %a %u:%g' $name; readlink $name; done; echo x > null; " +
      "head -c 3 zero | od -c | head -1; head -c 4 urandom | wc -c; (echo x > full) 2>/dev/null || echo full",
    () => {},
  );
  assertStringIncludes(text, "tty character special file 5:0 666 0:0\n");
  assertStringIncludes(text, "ptmx symbolic link");
}, ["root", "runc"]);

containerTest("a device that the device list forbids cannot be opened", async (c) => {
  const { path } = c.bundle((config) => {
    runs(config, "echo x > /dev/forbidden; echo x > /dev/null && echo fine");
    config.linux!.devices = [{ path: "/dev/forbidden", type: "c", major: 5, minor: 1, fileMode: 0o666 }];
  });
  const { stdout, stderr } = await c.dunc.call(["run", "--bundle", path, c.id()]);
  assertEquals(stdout, "fine\n");
  assertStringIncludes(stderr, "Operation not permitted");
}, ["root"]);

containerTest("a device takes no other file's place: what stands there is told", async (c) => {
  const bundle = c.bundle((config) => {
    config.linux!.devices = [{ path: "/etc/passwd", type: "c", major: 1, minor: 3 }];
  });
  const stderr = await c.dunc.fails(1, "create", "--bundle", bundle.path, c.id());
  assertStringIncludes(stderr, "linux.devices[0]");
  assertStringIncludes(Deno.readTextFileSync(`${bundle.rootfs}/etc/passwd`), "root:x:0:0");
}, ["root", "dunc"]);
