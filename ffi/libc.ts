import { ContainerError } from "../src/errors.ts";
import { cString } from "./memory.ts";

const SYMBOLS = {
  // int memfd_create(const char *name, unsigned int flags)
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const CLOEXEC = 1;
const ALLOW_SEALING = 2;
const NOEXEC_SEAL = 8;

/**
 * A memfd that holds a library, made with the host's libc: the one thing libdunc.so cannot do for itself. Mapping
 * it needs no execute bit, so it works under vm.memfd_noexec=2 too (kernel-facts.md section 1). The caller seals it.
 *
 * Throws ContainerError when no memfd can be made.
 */
export function libraryMemfd(name: string, bytes: Uint8Array<ArrayBuffer>): number {
  const { memfd_create } = Deno.dlopen("libc.so.6", SYMBOLS).symbols;
  const text = cString(name);
  let fd = memfd_create(text, CLOEXEC | NOEXEC_SEAL | ALLOW_SEALING);
  // Kernels before 6.3 refuse the flag they do not know.
  if (fd < 0) fd = memfd_create(text, CLOEXEC | ALLOW_SEALING);
  if (fd < 0) throw new ContainerError("load libdunc.so", { place: "memfd_create", reason: "failed" });
  Deno.writeFileSync(`/proc/self/fd/${fd}`, bytes);
  return fd;
}
