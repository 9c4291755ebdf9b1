/* Raw system calls. Each returns the kernel's own answer: a result, or -errno.
 * Nothing here comes from a libc: this code runs where no libc is loaded. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <asm/ioctls.h>
#include <asm/poll.h>
#include <asm/signal.h>
#include <asm/stat.h>
#include <asm/unistd.h>
#include <linux/close_range.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/stat.h>

#if defined(DUNC_FUZZ)
/* The fuzzer's kernel (tests/fuzz/plan_fuzz.c): it does nothing and answers anything. */
long fuzz_syscall(long nr, long a, long b, long c, long d, long e, long f);
#endif

static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
#if defined(DUNC_FUZZ)
	return fuzz_syscall(nr, a, b, c, d, e, f);
#elif defined(__x86_64__)
	long ret;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall" : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0" : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory", "cc");
	return x0;
#else
#error "dunc has no system call stub for this architecture"
#endif
}

/* SYS(openat, fd, path, flags): up to six arguments, the rest is 0. */
#define SYS_PICK(nr, a, b, c, d, e, f, ...) \
	sys6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define SYS(name, ...) SYS_PICK(__NR_##name, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)

/* Kernel values that no uapi header of this set defines. */
enum {
	FD_CLOEXEC_BIT = 1,
	SOCKET_UNIX = 1,
	SOCKET_INET = 2,
	SOCKET_DGRAM = 2,
	SOCKET_LEVEL = 1,
	SCM_RIGHTS_TYPE = 1,
	SCM_CREDENTIALS_TYPE = 2,
	SO_PASSCRED_OPTION = 16,
	MESSAGE_NOSIGNAL = 0x4000,
	MESSAGE_CMSG_CLOEXEC = 0x40000000,
	MESSAGE_CTRUNC = 8,
	PROTECTION_READ = 1,
	PROTECTION_WRITE = 2,
	MAPPING_PRIVATE = 2,
	MAPPING_ANONYMOUS = 0x20,
	UMOUNT_DETACH = 2,
	ID_PIDFD = 3,
	WAIT_EXITED = 4,
};

/* Plans carry open flags with x86_64's numbers; two of them are others on aarch64. */
static inline uint64_t open_flags(uint64_t wire)
{
	const uint64_t directory = 0200000, nofollow = 0400000;

	return (wire & ~(directory | nofollow)) | (wire & directory ? O_DIRECTORY : 0) |
	       (wire & nofollow ? O_NOFOLLOW : 0);
}

struct iovec_k { void *base; uint64_t len; };
struct msghdr_k {
	void *name;
	uint32_t name_len;
	struct iovec_k *iov;
	uint64_t iov_len;
	void *control;
	uint64_t control_len;
	uint32_t flags;
};
struct cmsghdr_k { uint64_t len; int32_t level, type; };
struct ucred_k { int32_t pid; uint32_t uid, gid; };
struct pollfd_k { int32_t fd; int16_t events, revents; };
struct timespec_k { int64_t seconds, nanoseconds; };
/* rt_sigaction(2); the restorer is x86_64's only. */
struct sigaction_k {
	void (*handler)(int);
	uint64_t flags;
#if defined(__x86_64__)
	void (*restorer)(void);
#endif
	uint64_t mask;
};
_Static_assert(sizeof(struct cmsghdr_k) == 16, "cmsghdr");
_Static_assert(sizeof(struct msghdr_k) == 56, "msghdr");

void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
void *memmove(void *to, const void *from, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *text);

/* Append text to a buffer of `size` bytes that holds `at` bytes, NUL kept. Returns the new length,
 * or `size` when it does not fit; further appends then leave it at that. */
size_t text_append(char *buffer, size_t size, size_t at, const char *text);
size_t text_append_number(char *buffer, size_t size, size_t at, uint64_t number);
int text_same(const char *a, const char *b);
/* Decimal digits up to the first other byte. */
uint64_t text_number(const char *text);
