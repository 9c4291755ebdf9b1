import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Bundle, Config } from "../support/bundle.ts";
import { runs } from "../support/containers.ts";
import { onTerminal, Terminal } from "../support/terminal.ts";
import { call, type Outcome } from "../support/command.ts";
import type { Scenario } from "./scenario.ts";
import { plantLink, remove, type Stage, up } from "./stage.ts";

/** What a container tries that has the host in reach by mistake. */
const SNOOP =
  "cat /dev/null /dev/passwd /proc/passwd /sys/passwd /v/passwd /passwd passwd; echo x > /dev/null";

/** Run an image with something planted in it. */
async function attack(
  stage: Stage,
  plant: (bundle: Bundle, canary: string) => void,
  change: (config: Config) => void = () => {},
): Promise<Outcome> {
  const bundle = stage.bundle((config) => {
    runs(config, SNOOP);
    change(config);
  });
  plant(bundle, stage.canary.path);
  const outcome = await stage.run(bundle);
  remove(bundle.path);
  return outcome;
}

const withoutDev = (config: Config): void => {
  config.mounts = config.mounts!.filter(({ destination }) => !destination.startsWith("/dev"));
};

const tmpfs = (destination: string) => (config: Config): void => {
  config.mounts!.push({ destination, type: "tmpfs", source: "t" });
};

/** Links that lead to the canary, absolute and relative. */
const ways = [(canary: string) => canary, up];

async function links(stage: Stage, name: string, change: (config: Config) => void): Promise<void> {
  for (const way of ways) {
    await attack(stage, ({ rootfs }, canary) => plantLink(rootfs + name, way(canary)), change);
  }
}

/** /proc or /sys as a link. */
const kernelLink = (name: string) => async (stage: Stage): Promise<void> => {
  for (const target of [stage.canary.path, up(stage.canary.path), "tmp"]) {
    const { code, stderr } = await attack(stage, ({ rootfs }) => plantLink(rootfs + name, target));
    assertEquals(code, 1, `${name} -> ${target}`);
    assertStringIncludes(stderr.replaceAll('\\"', '"'), `"${name}" must be mounted on ordinary directory`);
  }
};

async function devLinks(stage: Stage): Promise<void> {
  for (const change of [withoutDev, () => {}]) await links(stage, "/dev", change);
  await attack(stage, ({ rootfs }, canary) => {
    plantLink(`${rootfs}/dev`, "dev2");
    plantLink(`${rootfs}/dev2`, canary);
  }, withoutDev);
  await links(stage, "/dev/pts", withoutDev);
}

/** Links of v1's merged names below a /sys/fs/cgroup that the image has made a link. */
async function cgroupLinks(stage: Stage): Promise<void> {
  await attack(stage, ({ rootfs }, canary) => {
    Deno.mkdirSync(`${rootfs}/sys/fs`, { recursive: true });
    plantLink(`${rootfs}/sys/fs/cgroup`, canary);
  }, (config) => {
    config.mounts = config.mounts!.filter(({ destination }) => destination !== "/sys");
  });
}

async function staticTargets(stage: Stage): Promise<void> {
  await links(stage, "/v", tmpfs("/v/a/b"));
  await links(stage, "/v", ({ mounts }) => {
    mounts!.push({ destination: "/v/new", source: "/etc/hostname", options: ["bind"] });
  });
  // A chain of 39 links is walked, one of 41 and a loop are refused.
  const chain = (length: number) => ({ rootfs }: Bundle, canary: string) => {
    for (let i = 0; i < length; i++) plantLink(`${rootfs}/l${i}`, i === length - 1 ? canary : `l${i + 1}`);
  };
  await attack(stage, chain(39), tmpfs("/l0/a"));
  for (const plant of [chain(41), ({ rootfs }: Bundle) => plantLink(`${rootfs}/l0`, "l0")]) {
    const { code, stderr } = await attack(stage, plant, tmpfs("/l0/a"));
    assertEquals(code, 1);
    assertMatch(stderr, /too many (levels of )?symbolic links/);
  }
  const above = await attack(stage, () => {}, tmpfs("/../../../../../../v"));
  assertEquals(above.stderr.includes("create"), false, above.stderr);
}

/** Everything that dunc makes in a root file system, planted beforehand as something else. */
async function plantedFiles(stage: Stage): Promise<void> {
  // Every day by absolute links alone.
  const today = Deno.env.get("DUNC_FULL") === "1" ? ways : ways.slice(0, 1);
  const names = [
    "dev/null",
    "dev/ptmx",
    "dev/fd",
    "dev/core",
    "dev/stdin",
    "dev/new",
    "v/file",
    "etc/passwd",
  ];
  const change = (config: Config) => {
    withoutDev(config);
    config.mounts!.push({ destination: "/v/file", source: "/etc/hostname", options: ["bind"] });
  };
  for (const name of names) {
    for (const way of today) {
      await attack(stage, ({ rootfs }, canary) => {
        Deno.mkdirSync(`${rootfs}/v`);
        plantLink(`${rootfs}/${name}`, way(`${canary}/${name.split("/")[1]}`));
      }, change);
    }
  }
  for (const name of ["dev/null", "v/file", "dev/console"]) {
    await attack(stage, ({ rootfs }, canary) => {
      Deno.mkdirSync(`${rootfs}/v`);
      remove(`${rootfs}/${name}`);
      Deno.linkSync(`${canary}/empty`, `${rootfs}/${name}`);
    }, change);
  }
  // A pipe for /dev/null: nobody waits for its reader.
  const { code, stderr } = await attack(stage, ({ rootfs }) => {
    new Deno.Command("mkfifo", { args: [`${rootfs}/dev/null`] }).outputSync();
  }, change);
  // Where devices are bound it is covered.
  assertEquals(
    [code, stderr.includes("file exists")],
    stage.cell.mapped === undefined ? [1, true] : [0, false],
  );
}

async function console_(stage: Stage): Promise<void> {
  for (const readonly of [false, true]) {
    for (const way of ways) {
      const bundle = stage.bundle((config) => {
        config.root!.readonly = readonly;
        config.process!.terminal = true;
        config.mounts = config.mounts!.filter(({ destination }) => destination !== "/dev");
        runs(config, "ls -l /dev/console");
      });
      plantLink(`${bundle.rootfs}/dev/console`, way(`${stage.canary.path}/new`));
      await onConsole(stage, ["run", "--bundle", bundle.path, stage.c.id()]);
    }
  }
}

/** Call dunc with a terminal of its own for its caller. */
export async function onConsole(stage: Stage, args: readonly string[]): Promise<string> {
  const { terminal, path: tty } = Terminal.open();
  try {
    if (stage.cell.user !== undefined) Deno.chownSync(tty, stage.cell.user, null);
    await call(onTerminal(tty, stage.words(args)), { timeoutMs: 10_000 });
    stage.check(args.join(" "));
    assertEquals(terminal.text.includes("of the host"), false);
    return terminal.text;
  } finally {
    terminal.close();
  }
}

async function maskTargets(stage: Stage): Promise<void> {
  const plant = ({ rootfs }: Bundle, canary: string) => plantLink(`${rootfs}/v`, canary);
  const changes: ((config: Config) => void)[] = [
    ({ linux }) => linux!.maskedPaths = ["/v/passwd", "/v"],
    ({ linux }) => linux!.readonlyPaths = ["/v/passwd", "/v"],
    ({ linux }) => linux!.devices = [{ type: "c", path: "/v/zero", major: 1, minor: 5 }],
    ({ process }) => process!.cwd = "/v",
    ({ process }) => process!.cwd = "/v/new",
  ];
  for (const change of changes) await attack(stage, plant, change);
}

/** What an image can plant before dunc is called: links, pipes and files in the way. */
export const IMAGE_SCENARIOS: readonly Scenario[] = [
  {
    id: "S07",
    title: "an image whose /proc is a link is refused (CVE-2019-16884)",
    run: kernelLink("/proc"),
  },
  {
    id: "S13",
    title: "a /dev that is a link makes, removes and links nothing outside (CVE-2026-41579)",
    run: devLinks,
  },
  {
    id: "S14",
    title: "cgroup names below a link go nowhere outside (crun CVE-2026-47766)",
    run: cgroupLinks,
  },
  {
    id: "S20",
    title: "links, chains and loops for mount targets stay inside (CVE-2019-18837)",
    run: staticTargets,
  },
  {
    id: "S21",
    title: "nothing dunc makes follows what was planted for it (CVE-2025-24965)",
    run: plantedFiles,
  },
  {
    id: "S23",
    title: "/dev/console is made nowhere but in the root file system (CVE-2026-88264)",
    run: console_,
  },
  {
    id: "S26",
    title: "an image whose /sys is a link is refused (CVE-2025-54867)",
    run: kernelLink("/sys"),
    not: { rootless: "no sysfs of its own without a network namespace" },
  },
  {
    id: "S31",
    title: "masks, read-only paths, devices and cwd behind a link stay inside (CVE-2024-42472)",
    run: maskTargets,
  },
];
