import { keepOutputsIn } from "./command.ts";
import { becomeSubreaper } from "./processes.ts";

/** What all tests of one file share: a folder, a name that no one else uses, and the programs. */
export interface Setting {
  /** Everything the tests write lies below it. Others may walk through it, not list it. */
  readonly folder: string;
  /** Part of every container id, cgroup path and namespace name of this run. */
  readonly tag: string;
  /** The executable under test: DUNC, dist/dunc when unset. */
  readonly dunc: string;
  /** Whether it is dunc: a runc may stand in for it, to check the tests themselves. */
  readonly isDunc: boolean;
}

let setting: Setting | undefined;

export function theSetting(): Setting {
  return setting ??= makeSetting();
}

function makeSetting(): Setting {
  const dunc = executable();
  const folder = Deno.makeTempDirSync({ dir: "/tmp", prefix: "dunc-e2e-" });
  Deno.chmodSync(folder, 0o711);
  Deno.mkdirSync(`${folder}/output`, { mode: 0o777 });
  Deno.chmodSync(`${folder}/output`, 0o777);
  keepOutputsIn(`${folder}/output`);
  becomeSubreaper();
  // Only what is left in it: a test takes its own folder away when nothing is mounted there any more.
  globalThis.addEventListener("unload", () => removeUnlessMounted(folder));
  return {
    folder,
    tag: `e2e-${folder.slice(-6)}`,
    dunc,
    isDunc: new TextDecoder().decode(new Deno.Command(dunc, { args: ["--version"] }).outputSync().stdout)
      .startsWith("dunc"),
  };
}

function executable(): string {
  const named = Deno.env.get("DUNC") ?? "";
  const path = named === "" ? new URL("../../dist/dunc", import.meta.url).pathname : named;
  try {
    return Deno.realPathSync(path);
  } catch {
    throw new Error(`${path} is not there: build it with scripts/test.sh build, or name one in DUNC`);
  }
}

/** Remove a folder of ours. Never through a mount: below it may be a directory of the host. */
export function removeUnlessMounted(folder: string): void {
  const mounts = Deno.readTextFileSync("/proc/self/mountinfo").split("\n");
  if (mounts.some((line) => line.split(" ")[4]?.startsWith(folder))) return;
  Deno.removeSync(folder, { recursive: true });
}

/** Where a program is on PATH; undefined when it is not installed. */
export function findProgram(name: string): string | undefined {
  const path = Deno.env.get("PATH") ?? "/usr/sbin:/usr/bin:/sbin:/bin";
  for (const folder of [...path.split(":"), "/usr/sbin", "/sbin"]) {
    try {
      if (Deno.statSync(`${folder}/${name}`).isFile) return `${folder}/${name}`;
    } catch { /* Not here. */ }
  }
  return undefined;
}

/** What a test may need beyond dunc and a kernel that makes containers. */
export type Need =
  | "root"
  | "runc"
  | "strace"
  | "tmux"
  | "script"
  | "ip"
  | "setpriv"
  | "jq"
  | "newuidmap"
  | "gcc"
  | "setcap"
  | "dunc"
  | "full"
  | "vm"
  | "systemd"
  | "cgroup-v1"
  | "guest"
  | "fish"
  | "zsh"
  | "man";

/** Whether this is the guest of scripts/vm. */
export function inGuest(): boolean {
  return Deno.env.get("DUNC_GUEST") === "1";
}

/** Why a test with these needs cannot run here; undefined when it can. */
export function skipReason(needs: readonly Need[]): string | undefined {
  for (const need of needs) {
    if (need === "root") {
      if (Deno.uid() !== 0) return "needs root";
    } else if (need === "full") {
      if (Deno.env.get("DUNC_FULL") !== "1") return "takes long: DUNC_FULL=1";
    } else if (need === "guest") {
      if (!inGuest()) return "is for the guest of scripts/vm";
    } else if (need === "systemd") {
      if (!inGuest() || findProgram("systemctl") === undefined) {
        return "is for the Debian guest of scripts/vm";
      }
    } else if (need === "cgroup-v1") {
      if (!Deno.readTextFileSync("/proc/self/mountinfo").includes(" /sys/fs/cgroup/pids ")) {
        return "needs the pids controller on cgroup v1";
      }
    } else if (need === "vm") {
      if (Deno.env.get("DUNC_VM") !== "1") return "starts the guest of scripts/vm: DUNC_VM=1";
      const vm = new URL("../../scripts/vm", import.meta.url).pathname;
      const { success, stdout } = new Deno.Command(vm, { args: ["reason"], stderr: "null" }).outputSync();
      if (success) return new TextDecoder().decode(stdout).trim();
    } else if (need === "dunc") {
      if (!theSetting().isDunc) return "is about dunc alone, and DUNC is another runtime";
    } else if (findProgram(need) === undefined) return `${need} is not installed`;
  }
  return undefined;
}
