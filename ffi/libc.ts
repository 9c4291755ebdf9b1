import { ContainerError } from "../src/errors.ts";
import { cString } from "./memory.ts";

const SYMBOLS = {
  // int memfd_create(const char *name, unsigned int flags)
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  // ssize_t write(int fd, const void *buf, size_t count)
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  // int fcntl(int fd, int cmd, int arg): variadic in C, passed alike on Linux for whole numbers
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int close(int fd)
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const CLOEXEC = 1;
const ALLOW_SEALING = 2;
const NOEXEC_SEAL = 8;
const ADD_SEALS = 1033;
const SEAL_ALL = 0xf;

/**
 * A sealed memfd that holds a library, made with the host's libc: the one thing libdunc.so cannot do for itself.
 * Mapping it needs no execute bit, so it works under vm.memfd_noexec=2 too (kernel-facts.md section 1).
 *
 * Throws ContainerError when no memfd can be made.
 */
export function libraryMemfd(name: string, bytes: Uint8Array<ArrayBuffer>): { fd: number; close(): void } {
  const libc = Deno.dlopen("libc.so.6", SYMBOLS);
  const { memfd_create, write, fcntl, close } = libc.symbols;
  const text = cString(name);
  let fd = memfd_create(text, CLOEXEC | NOEXEC_SEAL | ALLOW_SEALING);
  // Kernels before 6.3 refuse the flag they do not know.
  if (fd < 0) fd = memfd_create(text, CLOEXEC | ALLOW_SEALING);
  if (fd < 0) throw new ContainerError("load libdunc.so", { place: "memfd_create", reason: "failed" });
  for (let at = 0; at < bytes.length;) {
    const written = write(fd, bytes.subarray(at), BigInt(bytes.length - at));
    if (written <= 0) {
      throw new ContainerError("load libdunc.so", { place: "write to memfd", errno: "ENOSPC" });
    }
    at += written;
  }
  fcntl(fd, ADD_SEALS, SEAL_ALL);
  return { fd, close: () => close(fd) };
}
