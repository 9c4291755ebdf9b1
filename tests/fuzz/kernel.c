/* The kernel of the fuzzer, and one plan carried out in it. Of its own, because dunc's C knows no libc. */
#include "../../c/plan.h"

static void *ended[5]; /* __builtin_setjmp */
uint64_t fuzz_state;
static long calls;

uint64_t fuzz_random(void);
uint64_t fuzz_random(void)
{
	fuzz_state ^= fuzz_state << 13;
	fuzz_state ^= fuzz_state >> 7;
	fuzz_state ^= fuzz_state << 17;
	return fuzz_state;
}

/* Calls that fill a buffer fill all of it: what is read back was written here. */
static void fill(long nr, long a, long b, long c)
{
	if ((nr == __NR_read || nr == __NR_pread64) && b && c > 0)
		for (long i = 0; i < c; i++)
			((unsigned char *)b)[i] = (unsigned char)fuzz_random();
	if (nr == __NR_fstat)
		for (size_t i = 0; i < sizeof(struct stat); i++)
			((unsigned char *)b)[i] = (unsigned char)fuzz_random();
	if (nr == __NR_getdents64 || nr == __NR_newfstatat)
		memset((void *)(nr == __NR_newfstatat ? c : b), 0, nr == __NR_newfstatat ? sizeof(struct stat) : 1);
	(void)a;
}

long fuzz_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	(void)d, (void)e, (void)f;
	if (nr == __NR_exit_group || ++calls > 4096)
		__builtin_longjmp(ended, 1);
	fill(nr, a, b, c);
	switch (fuzz_random() % 4) {
	case 0:
		return -(long)(1 + fuzz_random() % 133);
	case 1:
		return 0;
	}
	/* As much as was asked for, of calls that count bytes. */
	if (nr == __NR_read || nr == __NR_write || nr == __NR_readlinkat || nr == __NR_pread64) {
		long most = nr == __NR_readlinkat ? d : c;

		return most > 0 ? (long)(fuzz_random() % (uint64_t)(most + 1)) : 0;
	}
	if (nr == __NR_getdents64 || nr == __NR_sendfile)
		return 0;
	return (long)(fuzz_random() % 64);
}

/* 1, when `body` has come to its end or to that of the process. */
int fuzz_guarded(void (*body)(void *), void *context);
int fuzz_guarded(void (*body)(void *), void *context)
{
	calls = 0;
	if (!__builtin_setjmp(ended))
		body(context);
	return 1;
}

/* 1: the check accepted it, and it was carried out. */
int fuzz_one(unsigned char *bytes, uint32_t size, int room, int socket);
int fuzz_one(unsigned char *bytes, uint32_t size, int room, int socket)
{
	static struct run run;

	memset(&run, 0, sizeof(run));
	memset(run.slots, 0xff, sizeof(run.slots));
	run.plan = (struct plan){ .bytes = bytes, .size = size };
	run.socket = socket;
	calls = 0;
	if (plan_check(&run.plan, (enum op_room)room))
		return 0;
	if (!__builtin_setjmp(ended))
		plan_run(&run);
	return 1;
}
