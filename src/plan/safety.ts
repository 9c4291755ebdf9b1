import { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR, O_WRONLY } from "../linux/constants.gen.ts";
import type { Plan } from "./plan.ts";
import type { OpName } from "./schema.ts";

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
  let chdir = -1;
  // On the path of every command, and run once: one small loop, whose rules are looked at where an operation is theirs.
  for (let index = 0; index < steps.length; index++) {
    const op = steps[index]!.op as AnyOp;
    const { op: name, root } = op;
    if (cloned && root === null && op.path !== "/") refuse(index, op, "a path without a root handle");
    if (name === "clone") cloned = true;
    else if (name === "open") {
      if ((op.flags! & CHANGES) !== 0) checkOpen(index, op, cloned);
    } else if (name === "write_proc") {
      if (op.path!.includes("..")) refuse(index, op, `${op.path} leads out of its handle`);
    } else if (name === "chdir") {
      if (cloned && chdir < 0) chdir = index;
    } else if (chdir >= 0 && (name === "pivot_root" || name === "move_root" || name === "chroot")) {
      refuse(chdir, steps[chdir]!.op, "before the container's root is entered");
    }
  }
}

const CHANGES = O_WRONLY | O_RDWR | O_CREAT;

/** Any operation, as far as the rules are about fields that several have. */
type AnyOp = {
  readonly op: OpName;
  readonly root?: number | null;
  readonly path?: string;
  readonly flags?: number;
};

function refuse(index: number, { op }: { readonly op: OpName }, fault: string): never {
  throw new TypeError(`unsafe plan: operation ${index}, ${op}: ${fault}`);
}

/** Files of the process itself that are written before the clone, when there is no handle to a procfs of its own yet. */
const OWN_FILES: readonly string[] = ["/proc/self/timens_offsets", "/proc/self/oom_score_adj"];

function checkOpen(index: number, op: AnyOp, cloned: boolean): void {
  const flags = op.flags!;
  const path = op.path!;
  if ((flags & O_CREAT) !== 0 && (flags & (O_EXCL | O_NOFOLLOW)) !== (O_EXCL | O_NOFOLLOW)) {
    refuse(index, op, `${path} is created, but not exclusively or through links`);
  }
  if ((flags & (O_WRONLY | O_RDWR)) === 0) return;
  let at = 0;
  while (path[at] === "/") at++;
  if (!path.startsWith("proc/", at)) return;
  if (!cloned && op.root === null && OWN_FILES.includes(path)) return;
  refuse(index, op, `${path} is written, but not through the handle`);
}
