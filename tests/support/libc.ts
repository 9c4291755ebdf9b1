/**
 * The few calls of libc that the tests need and Deno does not have: adopt and reap orphans, make a terminal, receive
 * a descriptor. The tests do not use ffi/ for it: that is what they test.
 */
const SYMBOLS = {
  // int prctl(int option, unsigned long arg2, unsigned long arg3, unsigned long arg4, unsigned long arg5)
  prctl: { parameters: ["i32", "usize", "usize", "usize", "usize"], result: "i32" },
  // pid_t waitpid(pid_t pid, int *ret_status, int options)
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  // int socket(int domain, int type, int protocol)
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int bind(int fd, const struct sockaddr *address, socklen_t length)
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // int listen(int fd, int backlog)
  listen: { parameters: ["i32", "i32"], result: "i32" },
  // int accept4(int fd, struct sockaddr *ret_address, socklen_t *ret_length, int flags)
  accept4: { parameters: ["i32", "pointer", "pointer", "i32"], result: "i32" },
  // ssize_t recvmsg(int fd, struct msghdr *message, int flags)
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  // int posix_openpt(int flags)
  posix_openpt: { parameters: ["i32"], result: "i32" },
  // int unlockpt(int fd)
  unlockpt: { parameters: ["i32"], result: "i32" },
  // int ptsname_r(int fd, char *ret_name, size_t size)
  ptsname_r: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  // int ioctl(int fd, unsigned long request, void *argument): variadic, which makes no difference here on both
  ioctl: { parameters: ["i32", "usize", "buffer"], result: "i32" },
  // ssize_t read(int fd, void *ret_bytes, size_t size)
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // ssize_t write(int fd, const void *bytes, size_t size)
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // int open(const char *path, int flags): variadic as above
  open: { parameters: ["buffer", "i32"], result: "i32" },
  // int close(int fd)
  close: { parameters: ["i32"], result: "i32" },
  // int fcntl(int fd, int command, int argument): variadic as above
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int *__errno_location(void): each FFI call runs on the calling thread
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

let opened: Libc | undefined;

export function libc(): Libc {
  return opened ??= Deno.dlopen("libc.so.6", SYMBOLS).symbols;
}

/** The errno of the call just made. */
export function errno(): number {
  return new Deno.UnsafePointerView(libc().__errno_location()!).getInt32();
}

/** The result of a call; throws when it is negative. */
export function check(result: number | bigint, call: string): number {
  if (result < 0) throw new Error(`${call}: errno ${errno()}`);
  return Number(result);
}
