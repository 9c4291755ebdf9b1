/**
 * Every name that dunc looks up in an image is swapped right before the look-up, for a link that leads to the host:
 * the host stays what it is. Host paths of the runtime's own (its groups, the bundle) are not the image's to swap.
 */
import { assert, assertEquals } from "@std/assert";
import { type Cell, CELLS } from "./attacks/cells.ts";
import type { LookUp } from "./attacks/gate.ts";
import { remove, Stage, up } from "./attacks/stage.ts";
import type { Bundle, Config } from "./support/bundle.ts";
import { containerTest, runs } from "./support/containers.ts";
import { parseMountinfo } from "./support/mountinfo.ts";

const cell = (name: Cell["name"]): Cell => CELLS.find((one) => one.name === name)!;

interface Case {
  readonly name: string;
  readonly cell: Cell;
  readonly change: (config: Config) => void;
}

/** What has every kind of mount. */
const mounts: Case["change"] = ({ mounts, process, linux, root }) => {
  mounts!.push({ destination: "/v/a/b", type: "tmpfs", source: "t", options: ["tmpcopyup"] });
  mounts!.push({ destination: "/v/c", source: "/usr/share", options: ["rbind", "ro"] });
  mounts!.push({ destination: "/v/d/file", source: "/etc/hostname", options: ["bind", "ro"] });
  process!.cwd = "/v/w/x";
  root!.readonly = true;
  linux!.maskedPaths!.push("/etc/passwd", "/home");
  linux!.readonlyPaths!.push("/home/user");
};

/** Kinds of containers, and of kernels, which between them have every operation that looks something up. */
const CASES: readonly Case[] = [
  { name: "mounts of every kind", cell: cell("root"), change: mounts },
  { name: "the default", cell: cell("root"), change: () => {} },
  { name: "a terminal", cell: cell("root"), change: ({ process }) => process!.terminal = true },
  {
    name: "no /dev of its own",
    cell: cell("root"),
    change: (config) => {
      config.mounts = config.mounts!.filter(({ destination }) => !destination.startsWith("/dev"));
      config.linux!.devices = [{ type: "c", path: "/dev/sub/zero", major: 1, minor: 5 }];
    },
  },
  { name: "a user namespace", cell: cell("user namespace"), change: () => {} },
  { name: "a kernel without openat2", cell: cell("no openat2"), change: mounts },
  { name: "a kernel without the mount API", cell: cell("no mount API"), change: mounts },
];

const FULL = Deno.env.get("DUNC_FULL") === "1";
const NAMES = new Set([
  "openat2",
  "openat",
  "mkdirat",
  "mknodat",
  "symlinkat",
  "unlinkat",
  "chdir",
  "execve",
]);

/** The name in the image that a look-up is about; undefined when it starts outside of it. */
function nameOf({ call, directory, path }: LookUp, entered: boolean, rootfs: string): string | undefined {
  if (!NAMES.has(call)) return undefined;
  const from = path.startsWith("/") || directory === "-" ? "" : directory;
  const whole = `${from}/${path}`.replace(/\/+/g, "/").replace(/\/\.?$/, "");
  if (entered) return whole.slice(1) || undefined;
  return whole.startsWith(`${rootfs}/`) && path !== ".."
    ? whole.slice(rootfs.length + 1) || undefined
    : undefined;
}

interface Swap {
  readonly rootfs: string;
  readonly name: string;
  readonly target: string;
  /** Whether the init has made the root file system its root by then. */
  readonly entered: boolean;
  /** A file that gets a line when something was swapped. */
  readonly won: string;
}

/** A file that the image alone has: whatever else is the root when a script comes to it, is left alone. */
const MARKER = "an-image-whose-names-may-be-swapped";

/**
 * The script that swaps a name for a link, or the nearest name above that is there: as another container sees it that
 * shares the file system, and as the init itself does.
 */
function swapScript({ rootfs, name, target, entered, won }: Swap): string {
  const swap = `s() { p=$1/$2; while [ "$p" != "$1" ]; do if [ -e "$p" ] || [ -L "$p" ]; then ` +
    `mv "$p" "$p.old" && ln -s "$3" "$p"; return; fi; p=\${p%/*}; done; false; }; `;
  const call = (root: string) => `${swap} s '${root}' '${name}' '${target}'`;
  const inside = `[ -e ${entered ? "" : rootfs}/${MARKER} ] || exit 1; ${call(entered ? "" : rootfs)}`
    .replaceAll("'", `'\\''`);
  const anywhere = `(${call(rootfs)}) || nsenter -t $PID -m sh -c '${inside}'`;
  return `{ ${anywhere}; } 2>/dev/null && echo won >> ${won}`;
}

/** Put the image back: names that were moved aside, and what was made in their place. */
function restore({ rootfs }: Bundle, { mapped = 0 }: Cell): void {
  const walk = (folder: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      if (name.endsWith(".old")) {
        remove(`${folder}/${name.slice(0, -4)}`);
        Deno.renameSync(`${folder}/${name}`, `${folder}/${name.slice(0, -4)}`);
      } else if (isDirectory) walk(`${folder}/${name}`);
    }
  };
  walk(rootfs);
  for (const name of ["v", "tmp", "proc", "sys", "dev"]) {
    remove(`${rootfs}/${name}`);
    if (name === "v") continue;
    Deno.mkdirSync(`${rootfs}/${name}`);
    Deno.chownSync(`${rootfs}/${name}`, mapped, mapped);
  }
}

async function swapEverywhere(
  stage: Stage,
  change: Case["change"],
  stride: number,
): Promise<{ tried: number; won: number }> {
  const bundle = stage.bundle((config) => {
    runs(config, "cat /proc/self/mountinfo passwd /passwd");
    change(config);
  });
  const { path } = stage.canary;
  const targets = [path, up(path), `/proc/self/root${path}`];
  const words = (id: string) => ["run", "--bundle", bundle.path, id];
  const lookUps = await stage.lookUps(words);
  // After the pivot the root is the image's. Classic mounts go to the host's root before it.
  const enter = lookUps.findIndex(({ call }) => call === "pivot_root");
  assert(enter !== -1, "the init does not pivot");
  Deno.writeTextFileSync(`${bundle.rootfs}/${MARKER}`, "");
  const won = `${stage.output}/won`;
  Deno.writeTextFileSync(won, "");
  let tried = 0;
  let turn = 0;
  for (const [index, lookUp] of lookUps.entries()) {
    const entered = index > enter;
    const name = nameOf(lookUp, entered, bundle.rootfs);
    if (name === undefined || turn++ % stride !== 0) continue;
    for (const target of targets) {
      restore(bundle, stage.cell);
      const script = swapScript({ rootfs: bundle.rootfs, name, target, entered, won });
      const { stdout } = await stage.call(words(stage.c.id()), {}, { stop: { at: index + 1, script } });
      const mounts = stdout.split("\n").filter((line) => line.includes(" - "));
      const foreign = parseMountinfo(mounts.join("\n")).filter(({ root }) => root.includes("/canary"));
      assertEquals(foreign, [], `${lookUp.call} ${name} -> ${target}`);
      tried++;
    }
  }
  return { tried, won: Deno.readTextFileSync(won).split("\n").length - 1 };
}

CASES.forEach(({ name, cell, change }, index) => {
  // Every day a part of the first alone.
  containerTest(
    `${name}: each name that is looked up may be swapped, and the host is untouched`,
    async (c) => {
      const { tried, won } = await swapEverywhere(
        new Stage(c, cell),
        change,
        FULL ? 1 : 6,
      );
      assert(tried >= 20 && won > tried * 0.8, `${won} of ${tried} swaps`);
      console.log(
        `${name}: ${tried} look-ups raced, ${won} times a name was swapped, nothing of the host changed`,
      );
    },
    ["root", "dunc", ...(index === 0 ? [] : ["full"] as const)],
  );
});
