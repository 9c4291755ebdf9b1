import { assert, assertEquals } from "@std/assert";
import type { Bundle, Config } from "../support/bundle.ts";
import type { Outcome } from "../support/command.ts";
import { runs } from "../support/containers.ts";
import { parseMountinfo } from "../support/mountinfo.ts";
import type { LookUp } from "./gate.ts";
import type { Scenario } from "./scenario.ts";
import { plantLink, remove, type Stage, up } from "./stage.ts";

/** A name of the root file system changes into something else while dunc is between two of its steps. */
interface Swap {
  readonly change: (config: Config) => void;
  /** What the image has at the start of each round. */
  readonly plant?: (rootfs: string) => void;
  /** The name that is swapped, below the root file system. */
  readonly name: string;
  /** Which look-ups it is swapped before; those that name it when left out. */
  readonly pick?: (lookUp: LookUp) => boolean;
  /** What takes its place; links to the canary when left out. */
  readonly targets?: (canary: string) => readonly string[];
  readonly judge?: (outcome: Outcome, lookUp: LookUp) => void;
}

/** The lines of mountinfo in an output. */
const mountsOf = (text: string) =>
  parseMountinfo(text.split("\n").filter((line) => line.includes(" - ")).join("\n"));

const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Links to the canary: every day the absolute one alone. */
const linksTo = (canary: string): string[] =>
  Deno.env.get("DUNC_FULL") === "1" ? [canary, up(canary)] : [canary];

/** Swap before every look-up that is wanted. At least one must be. */
async function swap(stage: Stage, { change, plant, name, pick, targets, judge }: Swap): Promise<void> {
  const bundle = stage.bundle((config) => {
    // What is mounted, and from where, is part of what is judged.
    runs(config, "cat /proc/self/mountinfo; cat /v/*/passwd /v/passwd");
    change(config);
  });
  const path = `${bundle.rootfs}/${name}`;
  const first = name.split("/")[0]!;
  const names = pick ?? (({ directory, path }: LookUp) => `${directory}/${path}`.split("/").includes(first));
  for (const target of targets?.(stage.canary.path) ?? linksTo(stage.canary.path)) {
    const rounds = await stage.race({
      bundle,
      pick: names,
      reset: () => {
        restore(bundle, first, stage);
        plant?.(bundle.rootfs);
      },
      script: () => `mv -T ${quote(path)} ${quote(path)}.old; ln -s ${quote(target)} ${quote(path)}`,
      judge: (outcome, lookUp) => {
        // Below the container's root a link may lead where it likes; what is mounted there must not be the host's.
        const foreign = mountsOf(outcome.stdout).filter(({ root }) => root.includes("/canary"));
        assertEquals(foreign, [], JSON.stringify(lookUp));
        judge?.(outcome, lookUp);
      },
    });
    assert(rounds > 0, `${name}: nothing was raced`);
  }
}

function restore({ rootfs }: Bundle, first: string, { cell }: Stage): void {
  for (const { name } of Deno.readDirSync(rootfs)) if (name.startsWith(first)) remove(`${rootfs}/${name}`);
  Deno.mkdirSync(`${rootfs}/${first}`);
  if (cell.mapped !== undefined) Deno.chownSync(`${rootfs}/${first}`, cell.mapped, cell.mapped);
}

const directory = (name: string) => (rootfs: string) =>
  Deno.mkdirSync(`${rootfs}/${name}`, { recursive: true });

const sysfs = (config: Config): void => {
  config.mounts = config.mounts!.filter(({ destination }) => !destination.startsWith("/sys"));
  config.mounts.push({ destination: "/sys", type: "sysfs", source: "sysfs", options: ["ro"] });
};

/** The procfs is on `proc` itself: the names that matter are looked up in the root file system. */
const byName = (name: string) => ({ path, call }: LookUp) =>
  path === name && call === "openat2" || path === name;

const ordinary = (stage: Stage): boolean => stage.cell.user !== undefined;

/** Races that are won every time: the name changes right before the system call. */
export const RACE_SCENARIOS: readonly Scenario[] = [
  {
    id: "S08",
    title: "a /proc that becomes a link at any step is mounted nowhere else (CVE-2019-19921)",
    run: (stage) =>
      swap(stage, {
        name: "proc",
        change: () => {},
        pick: byName("proc"),
        targets: (canary) => [canary, "/tmp"],
        judge: ({ code, stdout }) => assert(code !== 0 || / \/proc .* - proc /.test(stdout), stdout),
      }),
  },
  {
    id: "S09",
    title: "a /sys that becomes a link at any step is mounted nowhere else (CVE-2023-27561)",
    run: (stage) =>
      swap(stage, {
        name: "sys",
        change: sysfs,
        pick: byName("sys"),
        targets: (canary) => [canary, "/tmp"],
      }),
    not: { rootless: "no sysfs of its own without a network namespace" },
  },
  {
    id: "S11",
    title: "a mount target that is exchanged stays in the root file system (CVE-2021-30465)",
    run: (stage) =>
      swap(stage, {
        name: "v/a",
        plant: directory("v/a/b"),
        change: ({ mounts }) => {
          mounts!.push({ destination: "/v/a/b", type: "tmpfs", source: "t" });
          mounts!.push({ destination: "/v/a/c", source: "/usr/share", options: ["rbind", "ro"] });
        },
      }),
  },
  {
    id: "S12",
    title: "directories that are made on the way are made inside (CVE-2024-45310)",
    run: (stage) =>
      swap(stage, {
        name: "v/a",
        plant: directory("v/a"),
        change: ({ mounts, process }) => {
          mounts!.push({ destination: "/v/a/b/c/d", type: "tmpfs", source: "t" });
          process!.cwd = "/v/a/w/x";
        },
      }),
  },
  {
    id: "S39",
    title: "files that are made on the way are made inside (moby GHSA-vp62-88p7-qqf5)",
    run: (stage) =>
      swap(stage, {
        name: "v/a",
        plant: directory("v/a"),
        change: ({ mounts }) =>
          mounts!.push({ destination: "/v/a/b/file", source: "/etc/hostname", options: ["bind"] }),
      }),
  },
  {
    id: "S27",
    title: "a masked path that is exchanged leaves no file of the host in reach (CVE-2025-62161)",
    run: (stage) =>
      swap(stage, {
        name: "v/a",
        plant: directory("v/a/b"),
        change: ({ linux }) => {
          linux!.maskedPaths = ["/v/a/b", "/v/a"];
          linux!.readonlyPaths = ["/v/a/b"];
        },
      }),
  },
  {
    id: "S04",
    title: "a mask is made of the null device and of nothing else (CVE-2025-31133)",
    run: nullDevice,
  },
  {
    id: "S05",
    title: "the terminal comes from its master, and /dev/console goes nowhere else (CVE-2025-52565)",
    run: consoleRace,
  },
];

/** An image without a mount at /dev, whose null device is in the attacker's hands. */
async function nullDevice(stage: Stage): Promise<void> {
  const change = (config: Config) => {
    config.mounts = config.mounts!.filter(({ destination }) => !destination.startsWith("/dev"));
    runs(config, "cat /proc/keys /proc/timer_list; ls -l /dev/null; echo x >> /proc/sys/kernel/core_pattern");
  };
  const pattern = Deno.readTextFileSync("/proc/sys/kernel/core_pattern");
  const check = ({ code, stdout }: Outcome) => {
    assertEquals(Deno.readTextFileSync("/proc/sys/kernel/core_pattern"), pattern);
    // Whoever runs has the null device, or a link of its own that no mask was made of.
    assert(code !== 0 || !stdout.includes("core"), stdout);
  };
  const plants: ((rootfs: string) => void)[] = [
    (rootfs) => plantLink(`${rootfs}/dev/null`, "/proc/sys/kernel/core_pattern"),
    (rootfs) => Deno.writeTextFileSync(`${rootfs}/dev/null`, "x"),
    (rootfs) => new Deno.Command("mknod", { args: [`${rootfs}/dev/null`, "c", "1", "5"] }).outputSync(),
    (rootfs) => new Deno.Command("mknod", { args: [`${rootfs}/dev/null`, "b", "1", "3"] }).outputSync(),
  ];
  for (const plant of plants) {
    const bundle = stage.bundle(change);
    plant(bundle.rootfs);
    check(await stage.run(bundle));
    remove(bundle.path);
  }
  await swap(stage, {
    name: "dev/null",
    change,
    plant: (rootfs) =>
      new Deno.Command("mknod", { args: ["-m", "666", `${rootfs}/dev/null`, "c", "1", "3"] }).outputSync(),
    // After the mounts: where devices are bound, what covers it is swapped with it.
    pick: ({ directory, path }) =>
      path.endsWith("dev/null") || directory.endsWith("/dev") && path === "null" || path === "/proc/keys",
    targets: (canary) => ["/proc/sys/kernel/core_pattern", `${canary}/null`],
    judge: check,
  });
}

async function consoleRace(stage: Stage): Promise<void> {
  for (const name of ["dev/console", "dev/pts"]) {
    await swap(stage, {
      name,
      plant: (rootfs) => {
        Deno.mkdirSync(`${rootfs}/dev/pts`);
        Deno.writeTextFileSync(`${rootfs}/dev/console`, "");
        // The container's own root must be able to cover it.
        if (stage.cell.mapped !== undefined) Deno.chownSync(`${rootfs}/dev/console`, stage.cell.mapped, null);
      },
      change: (config) => {
        config.process!.terminal = true;
        config.mounts = config.mounts!.filter(({ destination }) => destination !== "/dev");
        if (ordinary(stage)) {
          config.mounts = config.mounts.filter(({ destination }) => destination !== "/dev/mqueue");
        }
        runs(config, "ls -l /dev/console; stat -c %t /dev/console; tty");
      },
      pick: ({ path }) => /(^|\/)(pts|ptmx|console)$/.test(path),
      targets: (canary) => ["/proc/sysrq-trigger", `${canary}/console`],
    });
  }
}
