import type { Kernel } from "../src/plan/frame.ts";
import { syscall } from "./stub.ts";

// System call numbers, which are one on every architecture since 424 (asm-generic/unistd.h).
const OPEN_TREE = 428;
const MOVE_MOUNT = 429;
const FSOPEN = 430;
const FSMOUNT = 432;
const OPENAT2 = 437;
const MOUNT_SETATTR = 442;

const EPERM = 1;
const ENOSYS = 38;

/** Which of the kernel's newer calls there are, found by calling each once (a third of a microsecond). */
export function kernelCalls(): Kernel {
  return {
    openat2: isAllowed(OPENAT2),
    mountApi: isAllowed(OPEN_TREE) && isAllowed(MOUNT_SETATTR) && isThere(MOVE_MOUNT) && isThere(FSOPEN) &&
      isThere(FSMOUNT),
  };
}

/** Arguments that each of these refuses before it looks at anything. EPERM: a filter stands before the kernel. */
function isAllowed(number: number): boolean {
  const errno = -syscall(number, -1, 0, -1);
  return errno !== ENOSYS && errno !== EPERM;
}

/** Of those that ask for CAP_SYS_ADMIN first: EPERM says nothing about a user namespace that is still to come. */
function isThere(number: number): boolean {
  return -syscall(number, -1, -1, -1, -1) !== ENOSYS;
}
