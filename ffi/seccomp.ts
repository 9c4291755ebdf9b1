import { syscall } from "./stub.ts";

/**
 * Whether this kernel knows a SECCOMP_FILTER_FLAG_*: it looks at the flags before it finds that there is no filter
 * (seccomp(2): EFAULT). Asked together with NEW_LISTENER, without which WAIT_KILLABLE_RECV is refused.
 */
export function hasFilterFlag(bit: number): boolean {
  const [SECCOMP_SET_MODE_FILTER, NEW_LISTENER, EFAULT] = [1, 8, 14];
  // Its numbers on x86_64 and aarch64 (asm/unistd.h).
  const seccomp = Deno.build.arch === "x86_64" ? 317 : 277;
  return syscall(seccomp, SECCOMP_SET_MODE_FILTER, bit | NEW_LISTENER) === -EFAULT;
}
