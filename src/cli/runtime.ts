import { ContainerError } from "../errors.ts";
import type { Log, Runtime } from "../container/options.ts";
import type { FlagValues } from "./table.ts";

/** An absolute form of a path of the command line. No link is followed. */
export function absolute(path: string): string {
  const whole = path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
  const parts: string[] = [];
  for (const part of whole.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** With the systemd driver, where the flags ask for it. */
export async function withDriver(runtime: Runtime): Promise<Runtime> {
  if (runtime.cgroupManager !== "systemd") return runtime;
  return { ...runtime, systemd: await import("../container/systemd.ts") };
}

/**
 * What the global flags say. Throws ContainerError naming the flag.
 */
export function runtimeOf(globals: FlagValues, log: Log): Runtime {
  const rootless = rootlessOf(globals.string("rootless") ?? "auto");
  const named = globals.string("root");
  const root = named === undefined ? defaultRoot() : absolute(named);
  if (root === "/") throw new ContainerError("Option --root argument should not be set to /");
  const cgroupManager = managerOf(globals);
  return { root, rootIsExplicit: named !== undefined, cgroupManager, rootless, keepsCreations: true, log };
}

/** `auto`: for every user but the host's own root. */
function rootlessOf(text: string): boolean {
  if (text === "auto") return Deno.uid() !== 0 || inUserNamespace();
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true;
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false;
  throw new ContainerError("invalid --rootless", {
    reason: `must be true, false or auto, got ${JSON.stringify(text)}`,
  });
}

function managerOf(globals: FlagValues): Runtime["cgroupManager"] {
  const text = globals.string("cgroup-manager") ?? (globals.bool("systemd-cgroup") ? "systemd" : "cgroupfs");
  if (text === "cgroupfs" || text === "systemd" || text === "disabled") return text;
  throw new ContainerError("invalid --cgroup-manager", {
    reason: `must be cgroupfs, systemd or disabled, got ${JSON.stringify(text)}`,
  });
}

/**
 * /run/dunc for root; XDG_RUNTIME_DIR/dunc for everybody else, and for a root of a user namespace that is not
 * called root. The latter is made here, sticky, so that nobody tidies it away (XDG base directory specification).
 */
function defaultRoot(): string {
  const runtimeDirectory = Deno.env.get("XDG_RUNTIME_DIR") ?? "";
  const user = Deno.env.get("USER") ?? "";
  const ordinary = Deno.uid() !== 0 || (user !== "root" && inUserNamespace());
  if (!ordinary || runtimeDirectory === "") return "/run/dunc";
  const root = `${runtimeDirectory}/dunc`;
  try {
    Deno.mkdirSync(root, { recursive: true, mode: 0o700 });
    Deno.chmodSync(root, 0o1700);
  } catch {
    // What needs the folder says why it cannot be had.
  }
  return root;
}

function inUserNamespace(): boolean {
  try {
    return !/^\s*0\s+0\s+4294967295\s*$/.test(Deno.readTextFileSync("/proc/self/uid_map"));
  } catch {
    return false;
  }
}
