import type { PlanHost } from "../plan/frame.ts";

/** This boot, so that a record of an earlier one is never taken for a running container. */
export function bootId(): string {
  return Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
}

/** What a plan of creation depends on. `noPivot` asks for the kernel's own mounts, which nobody else needs. */
export function planHost(options: { readonly userNamespace: boolean; readonly noPivot: boolean }): PlanHost {
  return {
    canMknod: !options.userNamespace,
    hasKcore: exists("/proc/kcore"),
    hasKeyrings: exists("/proc/keys"),
    kernelMounts: options.noPivot ? kernelMounts(Deno.readTextFileSync("/proc/self/mountinfo")) : [],
  };
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Mount points of procfs and sysfs, deepest first (proc(5), /proc/PID/mountinfo). */
export function kernelMounts(mountinfo: string): string[] {
  const points: string[] = [];
  for (const line of mountinfo.split("\n")) {
    const [head, tail] = line.split(" - ");
    const type = tail?.split(" ")[0];
    if (type === "proc" || type === "sysfs") points.push(unescapeMount(head!.split(" ")[4]!));
  }
  return points.sort((a, b) => b.length - a.length);
}

/** The kernel writes blanks and backslashes in paths as \ooo. */
function unescapeMount(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(parseInt(digits, 8)));
}
