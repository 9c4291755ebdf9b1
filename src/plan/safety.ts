import { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR, O_WRONLY } from "../linux/constants.gen.ts";
import type { Plan } from "./plan.ts";
import type { Op } from "./schema.ts";

/**
 * What holds for every plan, whoever builds it: checked when it is encoded, so that a mistake of a builder is an
 * error and never a hole (section 2 of the security reference, "no unsafe op").
 *
 *   after the clone  no path without a root handle, but for the root directory itself
 *                    no chdir before the container's root is entered
 *   anywhere         nothing of /proc is opened for writing but the process's own files that no handle can have yet:
 *                    all others go through `write_proc`, whose handle is checked
 *                    a file is created exclusively and through no link
 *
 * What is created by its own operation (make_mountpoint, mknod, symlink) is exclusive in C, and has a root by its type.
 *
 * Throws TypeError naming the operation: the plan is not to be carried out.
 */
export function checkSafety({ steps }: Plan): void {
  let cloned = false;
  // A plan that joins a container is in its root from the clone on.
  let entered = true;
  for (const { op } of steps) if (ENTERS.includes(op.op)) entered = false;
  for (let index = 0; index < steps.length; index++) {
    const op = steps[index]!.op;
    if (op.op === "clone") cloned = true;
    else if (ENTERS.includes(op.op)) entered = true;
    else {
      const fault = faultOf(op, cloned, entered);
      if (fault !== undefined) throw new TypeError(`unsafe plan: operation ${index}, ${op.op}: ${fault}`);
    }
  }
}

const ENTERS: readonly Op["op"][] = ["pivot_root", "move_root", "chroot"];

/** Files of the process itself that are written before the clone, when there is no handle to a procfs of its own yet. */
const OWN_FILES: readonly string[] = ["/proc/self/timens_offsets", "/proc/self/oom_score_adj"];

function faultOf(op: Op, cloned: boolean, entered: boolean): string | undefined {
  if (cloned && "root" in op && op.root === null && !("path" in op && op.path === "/")) {
    return "a path without a root handle";
  }
  if (op.op === "chdir" && cloned && !entered) return "before the container's root is entered";
  if (op.op === "write_proc" && op.path.split("/").includes("..")) {
    return `${op.path} leads out of its handle`;
  }
  return op.op === "open" ? faultOfOpen(op, cloned) : undefined;
}

function faultOfOpen({ flags, path, root }: Op & { op: "open" }, cloned: boolean): string | undefined {
  if ((flags & O_CREAT) !== 0 && (flags & (O_EXCL | O_NOFOLLOW)) !== (O_EXCL | O_NOFOLLOW)) {
    return `${path} is created, but not exclusively or through links`;
  }
  if ((flags & (O_WRONLY | O_RDWR)) === 0) return undefined;
  const own = !cloned && root === null && OWN_FILES.includes(path);
  return /^\/*proc(\/|$)/.test(path) && !own ? `${path} is written, but not through the handle` : undefined;
}
