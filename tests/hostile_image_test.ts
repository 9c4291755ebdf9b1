/**
 * Images that try to reach the host: what lies outside the rootfs stays what it is, byte for byte, and the container
 * either runs confined or is refused. About dunc alone: runc 1.1.5 fails some of it, and hangs. The scenarios are those of ../shared/reference/security-and-reliability.md.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Bundle, Config } from "./support/bundle.ts";
import { call, type Outcome } from "./support/command.ts";
import { type Containers, containerTest, runs } from "./support/containers.ts";
import { onTerminal, Terminal } from "./support/terminal.ts";

/** A directory of the host with what such attacks are after. */
function makeCanary(c: Containers): string {
  const path = `${c.folder}/canary`;
  Deno.mkdirSync(path);
  for (const name of ["ptmx", "null", "console", "passwd", "empty"]) {
    Deno.writeTextFileSync(`${path}/${name}`, name === "empty" ? "" : `${name} of the host\n`);
  }
  Deno.chmodSync(`${path}/passwd`, 0o4755);
  return path;
}

/** Everything about a directory that somebody could have changed. */
function fingerprint(path: string): string[] {
  const rows = [...Deno.readDirSync(path)].map(({ name }) => {
    const { ino, mode, uid, gid, size, mtime, isFile } = Deno.lstatSync(`${path}/${name}`);
    // What an attack has made there may be a link or a device.
    const content = isFile ? Deno.readTextFileSync(`${path}/${name}`) : "";
    return JSON.stringify({ name, ino, mode, uid, gid, size, mtime, content });
  });
  return rows.sort();
}

interface Attack {
  readonly name: string;
  readonly change?: (config: Config) => void;
  readonly plant: (bundle: Bundle, canary: string) => void;
}

/** Run it; the canary must be what it was, and nothing of it be shown. */
async function attack(c: Containers, canary: string, { name, change, plant }: Attack): Promise<Outcome> {
  const bundle = c.bundle((config) => {
    config.root!.readonly = false;
    runs(
      config,
      "cat /dev/null /dev/passwd /proc/passwd /sys/passwd /passwd passwd; echo x > /dev/null",
    );
    change?.(config);
  });
  plant(bundle, canary);
  const before = fingerprint(canary);
  const outcome = await c.dunc.call(["run", "--bundle", bundle.path, c.id()], { timeoutMs: 10_000 });
  assertEquals(fingerprint(canary), before, name);
  assertEquals(outcome.stdout.includes("of the host"), false, name);
  return outcome;
}

const withoutDev = (config: Config) => {
  config.mounts = config.mounts!.filter(({ destination }) => !destination.startsWith("/dev"));
};

/** Put a link in the place of a directory or file of the image. */
const replace =
  (name: string, target: (canary: string) => string) => ({ rootfs }: Bundle, canary: string) => {
    try {
      Deno.removeSync(rootfs + name, { recursive: true });
    } catch { /* It was not there. */ }
    Deno.symlinkSync(target(canary), rootfs + name);
  };

const up = (canary: string) => `../../../../../../../../..${canary}`;

containerTest(
  "an image whose /dev is a link makes, removes and links nothing on the host (CVE-2026-41579)",
  async (c) => {
    const canary = makeCanary(c);
    for (const [name, target] of [["absolute", (path: string) => path], ["relative", up]] as const) {
      for (const change of [withoutDev, () => {}]) {
        await attack(c, canary, { name, change, plant: replace("/dev", target) });
      }
    }
    await attack(c, canary, {
      name: "in two steps",
      change: withoutDev,
      plant: (bundle) => {
        replace("/dev", () => "dev2")(bundle, canary);
        replace("/dev2", (path) => path)(bundle, canary);
      },
    });
  },
  ["root"],
);

containerTest(
  "an image that plants links and pipes for the nodes of /dev gets none of them followed",
  async (c) => {
    const canary = makeCanary(c);
    for (const name of ["null", "ptmx", "fd", "core", "stdin", "console", "new"]) {
      const plant = replace(`/dev/${name}`, (path) => `${path}/${name}`);
      await attack(c, canary, { name, change: withoutDev, plant });
    }
    const { code, stderr } = await attack(c, canary, {
      name: "a pipe for /dev/null: nobody waits for its reader",
      change: withoutDev,
      plant: ({ rootfs }) => new Deno.Command("mkfifo", { args: [`${rootfs}/dev/null`] }).outputSync(),
    });
    assertEquals(code, 1);
    assertStringIncludes(stderr, "linux.devices (dev/null): file exists");
  },
  ["root", "dunc"],
);

containerTest(
  "a terminal's /dev/console is made nowhere but in the root file system (CVE-2026-88264)",
  async (c) => {
    const canary = makeCanary(c);
    const bundle = c.bundle((config) => {
      config.root!.readonly = false;
      config.process!.terminal = true;
      runs(config, "ls -l /dev/console");
      config.mounts = config.mounts!.filter(({ destination }) => destination !== "/dev");
    });
    replace("/dev/console", (path) => `${path}/new`)(bundle, canary);
    const before = fingerprint(canary);
    const { terminal, path: tty } = Terminal.open();
    try {
      await call(onTerminal(tty, c.dunc.command("run", "--bundle", bundle.path, c.id())), {
        timeoutMs: 10_000,
      });
      assertEquals(fingerprint(canary), before);
      assertEquals(terminal.text.includes("of the host"), false);
    } finally {
      terminal.close();
    }
  },
  ["root"],
);

containerTest("an image whose /proc or /sys is a link is refused (CVE-2019-19921)", async (c) => {
  const canary = makeCanary(c);
  for (const name of ["/proc", "/sys"]) {
    for (const target of [(path: string) => path, up, () => "tmp"]) {
      const { code, stderr } = await attack(c, canary, { name, plant: replace(name, target) });
      assertEquals(code, 1, name);
      assertStringIncludes(stderr.replaceAll('\\"', '"'), `"${name}" must be mounted on ordinary directory`);
    }
  }
}, ["root", "dunc"]);

containerTest(
  "mount targets, masks and the working directory lead nowhere but into the root file system",
  async (c) => {
    const canary = makeCanary(c);
    const tmpfs = (destination: string) => ({ mounts }: Config) =>
      mounts!.push({ destination, type: "tmpfs", source: "t" });
    const attacks: Attack[] = [
      {
        name: "a target below an absolute link",
        change: tmpfs("/v/a/b"),
        plant: replace("/v", (path) => path),
      },
      { name: "a target below a relative link", change: tmpfs("/v/a/b"), plant: replace("/v", up) },
      {
        name: "a file for a target that a link leads to",
        change: ({ mounts }) =>
          mounts!.push({ destination: "/v/new", source: "/etc/hostname", options: ["bind"] }),
        plant: replace("/v", (path) => path),
      },
      {
        name: "a mask behind a link",
        change: ({ linux }) => linux!.maskedPaths = ["/v/passwd", "/v"],
        plant: replace("/v", (path) => path),
      },
      {
        name: "a read-only path behind a link",
        change: ({ linux }) => linux!.readonlyPaths = ["/v/passwd", "/v"],
        plant: replace("/v", (path) => path),
      },
      {
        name: "a device behind a link",
        change: ({ linux }) => linux!.devices = [{ type: "c", path: "/v/zero", major: 1, minor: 5 }],
        plant: replace("/v", (path) => path),
      },
      {
        name: "a directory to work in",
        change: ({ process }) => process!.cwd = "/v",
        plant: replace("/v", (path) => path),
      },
      {
        name: "a directory to work in that is missing there",
        change: ({ process }) => process!.cwd = "/v/new",
        plant: replace("/v", up),
      },
    ];
    for (const one of attacks) await attack(c, canary, one);
  },
  ["root"],
);

containerTest("no descriptor of the runtime or its caller is a way out (CVE-2024-21626)", async (c) => {
  const canary = makeCanary(c);
  const { path, rootfs } = c.bundle((config) => runs(config, "true"));
  const config = JSON.parse(Deno.readTextFileSync(`${path}/config.json`));
  const before = fingerprint(canary);
  for (let fd = 3; fd < 18; fd++) {
    // By its own name, and by a link of the image, which nothing in config.json gives away.
    try {
      Deno.removeSync(`${rootfs}/way`);
    } catch { /* The first round. */ }
    Deno.symlinkSync(`/proc/self/fd/${fd}`, `${rootfs}/way`);
    for (const cwd of ["/way", `/proc/self/fd/${fd}`]) {
      config.process.cwd = cwd;
      config.process.args = ["sh", "-c", "cat passwd ../passwd ../canary/passwd; ls ..; pwd -P"];
      Deno.writeTextFileSync(`${path}/config.json`, JSON.stringify(config));
      const words = c.dunc.command("run", "--bundle", path, c.id());
      const leaking = ["sh", "-c", `exec "$@" 8<${canary} 9<${c.folder}`, "sh", ...words];
      const { stdout, stderr, code } = await call(leaking, { timeoutMs: 10_000 });
      assertEquals(stdout.includes("of the host"), false, `${cwd}: ${stdout}`);
      assertEquals(/bundle0|canary/.test(stdout), false, `${cwd}: ${stdout}`);
      assert(code !== 0 || !stdout.includes("unreachable"), `${cwd}: ${stdout}${stderr}`);
    }
  }
  assertEquals(fingerprint(canary), before);
}, ["root", "dunc"]);
