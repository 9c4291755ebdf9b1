/** Id-mapped mounts: by a map of their own or by the container's, with and without a user namespace. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Config } from "./support/bundle.ts";
import { type Containers, containerTest, runs } from "./support/containers.ts";
import { succeed } from "./support/command.ts";

const FIRST = 100_000;
const whole = (containerID: number, hostID: number) => [{ containerID, hostID, size: 65_536 }];
/** What belongs to 100000 and on outside is root's and on inside. */
const DOWN = { uidMappings: whole(FIRST, 0), gidMappings: whole(FIRST, 0) };

function userNamespace(config: Config): void {
  config.linux!.namespaces!.push({ type: "user" });
  config.linux!.uidMappings = whole(0, FIRST);
  config.linux!.gidMappings = whole(0, FIRST);
}

/** A folder with a file, both of that owner. */
function data(c: Containers, name: string, owner: number): string {
  const path = `${c.folder}/${name}`;
  Deno.mkdirSync(path);
  Deno.writeTextFileSync(`${path}/file`, "text\n");
  for (const each of [path, `${path}/file`]) Deno.chownSync(each, owner, owner);
  return path;
}

/** Run a script with these mounts added; what it printed. */
async function output(
  c: Containers,
  script: string,
  mounts: Config["mounts"],
  user = false,
): Promise<string> {
  const { path, rootfs } = c.bundle((config) => {
    if (user) userNamespace(config);
    runs(config, script);
    const { bounding, effective, permitted } = config.process!.capabilities!;
    for (const set of [bounding, effective, permitted]) set!.push("CAP_CHOWN");
    config.mounts!.push(...mounts!);
  });
  if (user) await succeed(["chown", "-R", `${FIRST}:${FIRST}`, rootfs]);
  const { code, stdout, stderr } = await c.dunc.call(["run", "--bundle", path, c.id()]);
  assertEquals([code, stderr], [0, ""]);
  return stdout;
}

const owners = (...paths: string[]) =>
  paths.map((path) => {
    const { uid, gid } = Deno.lstatSync(path);
    return `${uid}:${gid}`;
  });

containerTest("an id-mapped bind shows the owner as mapped and writes back right", async (c) => {
  const source = data(c, "mapped", FIRST);
  const script = "stat -c %u:%g /data /data/file; cat /data/file; touch /data/made; chown 7:8 /data/file; " +
    "stat -c %u:%g /data/made /data/file";
  const bind = { destination: "/data", type: "bind", source, options: ["bind"], ...DOWN };
  assertEquals(await output(c, script, [bind]), "0:0\n0:0\ntext\n0:0\n7:8\n");
  assertEquals(owners(`${source}/made`, `${source}/file`), ["100000:100000", "100007:100008"]);
}, ["root"]);

containerTest("a file may be id-mapped, and who has no id in the map is nobody", async (c) => {
  const file = `${data(c, "mapped", FIRST)}/file`;
  const other = data(c, "other", 5);
  const bind = (destination: string, source: string) => ({
    destination,
    type: "bind",
    source,
    options: ["bind", "ro", "idmap"],
    ...DOWN,
  });
  const readable = await output(c, "stat -c %u:%g /f /o; cat /f; touch /o/x 2>/dev/null || echo read-only", [
    bind("/f", file),
    bind("/o", other),
  ]);
  assertEquals(readable, "0:0\n65534:65534\ntext\nread-only\n");
}, ["root"]);

containerTest("in a user namespace `idmap` takes the container's own maps", async (c) => {
  const source = data(c, "plain", 0);
  const script = "stat -c %u:%g /data/file /plain/file; touch /data/made; stat -c %u:%g /data/made";
  const mount = (destination: string, ...options: string[]) => ({
    destination,
    type: "bind",
    source,
    options: ["rbind", ...options],
  });
  const mounts = [mount("/data", "idmap"), mount("/plain")];
  assertEquals(await output(c, script, mounts, true), "0:0\n65534:65534\n0:0\n");
  assertEquals(owners(`${source}/made`), ["0:0"]);
}, ["root"]);

containerTest("in a user namespace a mount may have a map of its own", async (c) => {
  const source = data(c, "own", 500);
  const maps = { uidMappings: [{ containerID: 500, hostID: FIRST, size: 1 }] };
  const mount = {
    destination: "/data",
    type: "bind",
    source,
    options: ["bind"],
    ...maps,
    gidMappings: [{ containerID: 500, hostID: FIRST + 9, size: 1 }],
  };
  assertEquals(await output(c, "stat -c %u:%g /data/file", [mount], true), "0:9\n");
}, ["root"]);

containerTest("a joined user namespace gives its maps too", async (c) => {
  const source = data(c, "joined", 3);
  const first = c.bundle((config) => {
    userNamespace(config);
    config.process!.args = ["sleep", "100"];
  });
  await succeed(["chown", "-R", `${FIRST}:${FIRST}`, first.rootfs]);
  const id = c.id();
  await c.dunc.ok("run", "-d", "--bundle", first.path, id);
  const { pid } = await c.dunc.state(id);
  const second = c.bundle((config) => {
    runs(config, "stat -c %u:%g /data/file");
    config.linux!.namespaces!.push({ type: "user", path: `/proc/${pid}/ns/user` });
    config.mounts!.push({ destination: "/data", type: "bind", source, options: ["bind", "idmap"] });
  });
  await succeed(["chown", "-R", `${FIRST}:${FIRST}`, second.rootfs]);
  const { code, stdout, stderr } = await c.dunc.call(["run", "--bundle", second.path, c.id()]);
  assertEquals([code, stdout, stderr], [0, "3:3\n", ""]);
}, ["root"]);

containerTest("`ridmap` maps the mounts below too, `idmap` only the topmost", async (c) => {
  const source = data(c, "tree", FIRST);
  Deno.mkdirSync(`${source}/below`);
  await succeed(["mount", "-t", "tmpfs", "-o", `uid=${FIRST},gid=${FIRST}`, "below", `${source}/below`]);
  try {
    for (const [option, below] of [["ridmap", "0:0"], ["idmap", "100000:100000"]] as const) {
      const bind = { destination: "/data", type: "bind", source, options: ["rbind", option], ...DOWN };
      assertEquals(await output(c, "stat -c %u:%g /data /data/below", [bind]), `0:0\n${below}\n`, option);
    }
  } finally {
    await succeed(["umount", `${source}/below`]);
  }
}, ["root"]);

containerTest("a file system that maps no ids is told by the mount's place, with a hint", async (c) => {
  for (const user of [false, true]) {
    const { path, config } = c.bundle((config) => {
      if (user) userNamespace(config);
      const bind = { destination: "/data", type: "bind", source: "/proc/sys", options: ["rbind"] };
      config.mounts!.push({ ...bind, ...DOWN });
    });
    const said = await c.dunc.fails(1, "create", "--bundle", path, c.id());
    assertEquals(said.trimEnd().split("\n").length, 1, said);
    assertStringIncludes(
      said,
      `mounts[${config.mounts!.length - 1}]: failed to set MOUNT_ATTR_IDMAP: invalid argument ` +
        "(hint: maybe the filesystem used doesn't support idmap mounts on this kernel?)",
    );
  }
}, ["root"]);

containerTest("`features` says that mounts can be id-mapped", async (c) => {
  const { linux, mountOptions } = JSON.parse(await c.dunc.ok("features"));
  assertEquals(linux.mountExtensions, { idmap: { enabled: true } });
  assertEquals(mountOptions.filter((name: string) => name.endsWith("idmap")), ["idmap", "ridmap"]);
}, ["root"]);
