/* dunc-init: carries out a plan and ends in execve. It decides nothing: every choice was made in
 * TypeScript. It reads no environment and no configuration, and runs from a sealed memfd.
 *
 *   dunc-init FIRST
 *
 * FIRST is the number of the conversation's socket; the plan's memfd is FIRST + 1, the given slots
 * follow. Descriptors between 3 and FIRST belong to the container (--preserve-fds). */
#include "plan.h"

static long read_plan(int fd, struct plan *plan)
{
	struct stat st;
	long rc = SYS(fstat, fd, &st);

	if (rc)
		return rc;
	if (st.st_size <= 0 || st.st_size > INT32_MAX)
		return -EBADMSG;
	/* Private, and the memfd is sealed against writing: nobody changes it after the check. */
	rc = SYS(mmap, NULL, st.st_size, PROTECTION_READ | PROTECTION_WRITE, MAPPING_PRIVATE, fd, 0);
	if (rc < 0 && rc > -4096)
		return rc;
	plan->bytes = (void *)rc;
	plan->size = (uint32_t)st.st_size;
	return 0;
}

/* Ignored signals survive execve, and the runtime's engine ignores some. */
static void reset_signals(void)
{
	struct sigaction_k action = { 0 };
	uint64_t none = 0;

	for (int signal = 1; signal <= 64; signal++)
		if (signal != SIGKILL && signal != SIGSTOP)
			SYS(rt_sigaction, signal, &action, NULL, 8);
	SYS(rt_sigprocmask, 2 /* SIG_SETMASK */, &none, NULL, 8);
}

static long run_init(int first)
{
	static struct run run;
	const struct plan_head *head;
	long rc;

	run.socket = first;
	run.channel = (struct listener_channel){ -1, -1, -1 };
	run.op_index = OP_NONE;
	memset(run.slots, 0xff, sizeof(run.slots));
	SYS(umask, 0);
	reset_signals();
	rc = SYS(close_range, first, ~0u, CLOSE_RANGE_CLOEXEC);
	if (!rc)
		rc = read_plan(first + 1, &run.plan);
	SYS(close, first + 1);
	if (!rc)
		rc = plan_check(&run.plan, ROOM_INIT);
	if (!rc) {
		head = (const void *)run.plan.bytes;
		for (uint32_t i = 0; i < head->given; i++)
			run.slots[i] = first + 2 + (int)i;
		rc = plan_run(&run);
	}
	if (rc && run.socket >= 0)
		record_send(&run, WORD_FAILED, rc, 0);
	return rc;
}

__attribute__((used)) static _Noreturn void start(long *stack)
{
	char **argv = (char **)(stack + 1);
	int first = stack[0] == 2 ? (int)text_number(argv[1]) : 0;

	SYS(exit_group, first < 3 ? 64 : run_init(first) ? 1 : 0);
	/* A filter may refuse even that. */
	__builtin_trap();
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall start\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x0, sp\n\tand sp, x0, #-16\n\tbl start\n");
#endif
