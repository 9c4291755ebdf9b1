/**
 * The beginner's path, line by line, as somebody types it who has read the README: on a screen, with a second shell
 * beside it.
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { until } from "./support/command.ts";
import { makeRootfs } from "./support/bundle.ts";
import { containerTest } from "./support/containers.ts";
import { Screen } from "./support/terminal.ts";

/** Change config.json as a person would in an editor. */
// deno-lint-ignore no-explicit-any
function edit(path: string, change: (config: any) => void): void {
  const config = JSON.parse(Deno.readTextFileSync(path));
  change(config);
  Deno.writeTextFileSync(path, JSON.stringify(config, null, "\t"));
}

containerTest(
  "a beginner writes a spec, looks around inside, and looks from outside",
  async ({ dunc, folder, id }) => {
    makeRootfs(`${folder}/rootfs`);
    const screen = await Screen.open(folder);
    const name = id();
    try {
      await screen.type(`cd ${folder}; dunc() { ${dunc.path} --root ${dunc.root} "$@"; }; clear`);
      await screen.type("dunc spec && ls");
      await screen.shows(/config\.json +rootfs/);
      await screen.type("dunc spec; echo status $?");
      await screen.shows(/File config\.json exists\. Remove it first\n(.*\n)*status 1/);
      await screen.type(`dunc run ${name}`);
      await screen.shows(/\n\/ # $/);
      await screen.type("clear; hostname");
      await screen.shows(/^runc\n/);
      await screen.type("clear; ps -o pid,args");
      assertMatch(
        (await screen.shows(/PID[^]*\/ # $/))[0],
        /^PID +COMMAND\n +1 sh\n +\d+ \S[^\n]*\n\/ # $/,
      );
      await screen.type("clear; ip -o a");
      assertMatch(
        (await screen.shows(/1: lo[^]*\/ # $/))[0],
        /^1: lo +inet 127\.0\.0\.1\/8[^\n]*\n(1: lo[^\n]*\n)*\/ # $/,
      );
      await screen.type("clear; tty; stty size; touch /x");
      await screen.shows(/\/dev\/pts\/0\n40 120\ntouch: \/x: Read-only file system/);
      await screen.resize(90, 25);
      await screen.type("clear; stty size");
      await screen.shows(/25 90/);

      // From another shell.
      assertMatch(
        await dunc.ok("list"),
        new RegExp(
          `^ID +PID +STATUS +BUNDLE +CREATED +OWNER\n${name} +\\d+ +running +${folder} +20\\S+Z +root\n$`,
        ),
      );
      const state = await dunc.state(name);
      assertEquals([state.id, state.status, state.bundle, state.rootfs], [
        name,
        "running",
        folder,
        `${folder}/rootfs`,
      ]);
      assertEquals(Deno.readTextFileSync(`/proc/${state.pid}/comm`), "sh\n");

      await screen.type("exit 3");
      await screen.shows(/host> $/);
      await screen.type("echo status $?");
      await screen.shows(/status 3/);
      assertEquals(await dunc.ok("list", "-q"), "");
    } finally {
      await screen.close();
    }
  },
  ["root", "tmux"],
);

containerTest(
  "a beginner changes the program to one that stays, and starts, kills and deletes it",
  async (c) => {
    const { dunc, folder } = c;
    const name = c.id();
    const config = `${folder}/config.json`;
    makeRootfs(`${folder}/rootfs`);
    await dunc.ok("spec", "--bundle", folder);
    const refused = await dunc.fails(1, "run", "-d", "--bundle", folder, name);
    assertStringIncludes(refused, "cannot allocate tty if runc will detach without setting console socket");
    edit(config, (config) => {
      config.process.terminal = false;
      config.process.args = ["sleep", "1000"];
      config.process.user = { uid: 1000, gid: 1000 };
      config.process.capabilities.bounding = ["CAP_KILL"];
      config.mounts.push({
        destination: "/data",
        type: "bind",
        source: `${folder}/data`,
        options: ["bind", "ro"],
      });
    });
    Deno.mkdirSync(`${folder}/data`);
    Deno.writeTextFileSync(`${folder}/data/hello`, "from the host\n");
    await dunc.ok("run", "-d", "--bundle", folder, name);
    const { pid } = await dunc.state(name);
    const inside = (path: string) => Deno.readTextFileSync(`/proc/${pid}/root${path}`);
    const status = inside("/proc/1/status");
    assertMatch(status, /^Uid:\t1000\t1000\t1000\t1000$/m);
    assertMatch(status, /^CapBnd:\t0000000000000020$/m);
    assertEquals(inside("/data/hello"), "from the host\n");
    const early = await dunc.fails(1, "delete", name);
    assertStringIncludes(early, `cannot delete container ${name} that is not stopped: running`);
    await dunc.ok("kill", name, "KILL");
    await until("it is stopped", async () => (await dunc.state(name)).status === "stopped");
    assertMatch(await dunc.ok("list"), new RegExp(`\n${name} +0 +stopped `));
    await dunc.ok("delete", name);
    assertStringIncludes(await dunc.fails(1, "state", name), "container does not exist");
  },
  ["root"],
);
