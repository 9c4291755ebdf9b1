/** Kernels that lack newer calls: a filter answers ENOSYS in their place (attacks/gate.c). */
import { assertEquals, assertMatch } from "@std/assert";
import type { Cell } from "./attacks/cells.ts";
import type { Call } from "./attacks/gate.ts";
import { remove, Stage } from "./attacks/stage.ts";
import type { Config } from "./support/bundle.ts";
import { containerTest, runs } from "./support/containers.ts";

const MOUNT_API: readonly Call[] = ["open_tree", "fsopen", "fsmount", "move_mount", "mount_setattr"];
const without = (...missing: readonly Call[]): Cell => ({ name: "root", missing });

containerTest(
  "a container runs where any one of the newer calls is missing, and where all are",
  async (c) => {
    const stage = new Stage(c, without());
    const bundle = stage.bundle((config) => runs(config, "id -u; echo ran"));
    const cells: readonly (readonly Call[])[] = [
      ["openat2"],
      ...MOUNT_API.map((call) => [call]),
      ["openat2", ...MOUNT_API],
      ["faccessat2"],
    ];
    for (const missing of cells) {
      const one = stage.in(without(...missing));
      assertEquals(await one.ran(bundle), "0\nran\n", missing.join(" "));
    }
    const id = await stage.in(without("openat2", ...MOUNT_API)).running(
      stage.bundle((config) => runs(config, "sleep 100")),
    );
    const { stdout } = await stage.in(without("openat2", ...MOUNT_API)).exec(id, [], ["cat", "/proc/1/comm"]);
    assertEquals(stdout, "sleep\n");
    await stage.end(id);
  },
  ["root", "dunc"],
);

/** Every kind of mount that mount(2) can make. */
function rich(config: Config): void {
  config.process!.terminal = true;
  config.root!.readonly = true;
  config.mounts!.push(
    { destination: "/m/a", type: "tmpfs", source: "t", options: ["nosuid", "noexec", "size=4k", "mode=700"] },
    { destination: "/m/b", source: "/usr/share", options: ["rbind", "ro", "nosuid", "noatime"] },
    { destination: "/m/f", source: "/etc/hostname", options: ["bind", "ro", "shared"] },
    { destination: "/m/t", type: "tmpfs", source: "t", options: ["ro", "strictatime", "tmpcopyup"] },
    { destination: "/dev/shm", type: "none", options: ["remount", "ro", "nosuid", "nodev"] },
  );
  config.linux!.maskedPaths!.push("/etc/group", "/home");
  config.linux!.readonlyPaths!.push("/etc/passwd");
  runs(
    config,
    "cat /proc/self/mountinfo; ls -l /dev/console /dev/null; stat -c '%a %F' /m/a /m/t /home /etc/group",
  );
}

containerTest("mount(2) makes the mounts that the newer calls make", async (c) => {
  const outputs: string[] = [];
  for (const missing of [[], MOUNT_API]) {
    const stage = new Stage(
      { ...c, folder: makeFolder(`${c.folder}/${missing.length}`) },
      without(...missing),
    );
    const bundle = stage.bundle(rich);
    const { code, stdout, stderr } = await stage.run(bundle);
    assertEquals([code, stderr], [0, ""]);
    // What differs from run to run, and the masks' own file system: it is one for each directory there.
    const lines = stdout.replaceAll("\r", "").replace(/^\d+ \d+ \d+:\d+ /gm, "").replace(
      /(shared|master):\d+/g,
      "$1",
    )
      .replaceAll(/\S*(bundle\d|e2e)\S*/g, "X").replaceAll(
        / ro,size=4k,nr_inodes=1/g,
        " rw,size=4k,nr_inodes=1",
      )
      .replaceAll(/ [A-Z][a-z]{2} +\d+ [\d:]+ /g, " ");
    outputs.push(lines);
    remove(bundle.path);
  }
  assertEquals(outputs[1], outputs[0]);
}, ["root", "dunc"]);

containerTest("what mount(2) cannot do is refused by its place", async (c) => {
  const stage = new Stage(c, without(...MOUNT_API));
  const maps = [{ containerID: 0, hostID: 100_000, size: 1000 }];
  const mounts: NonNullable<Config["mounts"]> = [
    { destination: "/m", source: "/usr/share", options: ["rbind", "rro"] },
    {
      destination: "/m",
      source: "/usr/share",
      options: ["bind", "idmap"],
      uidMappings: maps,
      gidMappings: maps,
    },
  ];
  for (const mount of mounts) {
    const { code, stderr } = await stage.run(stage.bundle((config) => config.mounts!.push(mount)));
    assertEquals(code, 1);
    assertMatch(stderr, /mounts\[7\].*need mount_setattr\(2\)/);
  }
}, ["root", "dunc"]);

function makeFolder(path: string): string {
  Deno.mkdirSync(path);
  return path;
}
