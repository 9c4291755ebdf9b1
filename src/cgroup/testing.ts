import { childDirectories } from "./files.ts";
import { type CgroupKernel, pause } from "./kernel.ts";
import type { CgroupLayout } from "./layout.ts";
import { type CgroupPaths, containerPaths, directoriesOf, joinFiles, v2Directory } from "./paths.ts";
import { listPids } from "./pids.ts";

/** For the tests of this folder: the kernel's part without system calls of our own, by looking again and again. */
export const TEST_KERNEL: CgroupKernel = {
  watch(path) {
    try {
      Deno.readTextFileSync(path);
    } catch {
      return undefined;
    }
    let last = "";
    const read = () => {
      try {
        return Deno.readTextFileSync(path);
      } catch {
        return "";
      }
    };
    return {
      read: () => last = read(),
      wait(timeoutMs) {
        const deadline = performance.now() + timeoutMs;
        while (performance.now() < deadline) {
          if (read() !== last) return true;
          pause(2);
        }
        return false;
      },
      close() {},
    };
  },
  signal(pid, signal) {
    if (signal !== 9) throw new TypeError("the tests send SIGKILL only");
    try {
      Deno.kill(pid, "SIGKILL");
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || /os error 3\b/.test(String(error))) return false;
      throw error;
    }
  },
  attachDeviceProgram() {
    throw new TypeError("needs ffi/");
  },
};

let count = 0;

/** Run `body` with the directories of a container of its own; whatever it leaves is killed and removed. */
export async function withGroups(
  layout: CgroupLayout,
  body: (paths: CgroupPaths, cgroupsPath: string) => void | Promise<void>,
): Promise<void> {
  const cgroupsPath = `/dunc-test-${Deno.pid}-${count++}`;
  const paths = containerPaths(layout, cgroupsPath, "unused");
  try {
    await body(paths, cgroupsPath);
  } finally {
    sweep(paths);
  }
}

/** A process in a container's groups. */
export interface Inside {
  readonly pid: number;
  /** Settles when it has ended, by whatever hand. */
  readonly ended: Promise<Deno.CommandStatus>;
  /** Kill it and wait. */
  end(): Promise<void>;
}

/** Start a process (one that stays, unless told otherwise) that puts itself into a container's groups first. */
export function startInside(paths: CgroupPaths, command = ["sleep", "60"]): Inside {
  const unified = v2Directory(paths);
  const files = [...joinFiles(paths), ...unified === undefined ? [] : [`${unified}/cgroup.procs`]];
  const script = 'command=$1; shift; for file; do echo 0 > "$file" || exit 99; done; eval "exec $command"';
  const quoted = command.map((word) => `'${word}'`).join(" ");
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", script, "sh", quoted, ...files],
    stdin: "null",
    stdout: "null",
  }).spawn();
  waitInside(paths, child.pid);
  const ended = child.status;
  return {
    pid: child.pid,
    ended,
    async end() {
      try {
        child.kill("SIGKILL");
      } catch { /* It is gone already. */ }
      await ended;
    },
  };
}

function waitInside(paths: CgroupPaths, pid: number): void {
  const last = directoriesOf(paths).at(-1)!;
  for (let round = 0; round < 1000; round++) {
    if (listPids(last).includes(pid)) return;
    pause(2);
  }
  throw new Error(`process ${pid} has not joined ${last}`);
}

function sweep(paths: CgroupPaths): void {
  const directories = directoriesOf(paths);
  for (const directory of directories) {
    for (const [file, text] of [["freezer.state", "THAWED"], ["cgroup.freeze", "0"]] as const) {
      try {
        Deno.writeTextFileSync(`${directory}/${file}`, text, { create: false });
      } catch { /* Another tree's file. */ }
    }
  }
  for (const directory of directories) for (const pid of listPids(directory)) TEST_KERNEL.signal(pid, 9);
  for (const directory of directories) {
    for (let round = 0; round < 200 && !removed(directory); round++) pause(5);
  }
}

function removed(directory: string): boolean {
  for (const name of childDirectories(directory)) removed(`${directory}/${name}`);
  try {
    Deno.removeSync(directory);
    return true;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}

/** Registers a test that is left out, saying why, when `reason` is given. */
export function testUnless(reason: string | undefined, name: string, fn: () => void | Promise<void>): void {
  Deno.test({
    name: reason === undefined ? name : `${name} (skipped: ${reason})`,
    ignore: reason !== undefined,
    fn,
  });
}

/** Why the tests on the machine's own v1 trees cannot run here, or undefined. */
export function whyNotV1(layout: CgroupLayout): string | undefined {
  if (Deno.uid() !== 0) return "needs root";
  const wanted = ["cpu", "cpuset", "memory", "devices", "freezer", "pids"];
  const has = layout.hierarchies.flatMap(({ controllers }) => controllers);
  const missing = wanted.filter((controller) => !has.includes(controller));
  return missing.length === 0 ? undefined : `no v1 tree of ${missing.join(", ")}`;
}

/** Why the tests on v2 alone cannot run here, or undefined. `v2_namespace_test.ts` runs them where they can. */
export function whyNotV2(layout: CgroupLayout): string | undefined {
  if (Deno.uid() !== 0) return "needs root";
  return layout.mode === "v2" ? undefined : "/sys/fs/cgroup is no cgroup2 mount";
}
