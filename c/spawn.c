/* Starting the init, and hearing from it. The runtime does it through FFI, the first stage by itself. */
#include "spawn.h"
#include "plan.h"

/* A memfd that holds `size` bytes and is sealed for good. `executable`: mode 0511 and MFD_EXEC, which
 * kernels before 6.3 do not know (EINVAL) and need not be told. */
long dunc_sealed_memfd(const char *name, const void *bytes, uint32_t size, uint32_t executable)
{
	enum { CLOEXEC = 1, ALLOW_SEALING = 2, EXEC = 0x10, SEAL_ALL = 0xf, SEAL_EXEC = 0x20 };
	long fd = SYS(memfd_create, name, CLOEXEC | ALLOW_SEALING | (executable ? EXEC : 0)), rc = 0;

	if (fd == -EINVAL && executable)
		fd = SYS(memfd_create, name, CLOEXEC | ALLOW_SEALING);
	if (fd < 0)
		return fd;
	for (uint64_t at = 0; at < size && rc >= 0; at += (uint64_t)rc)
		rc = SYS(write, fd, (const char *)bytes + at, size - at);
	if (rc >= 0 && executable)
		rc = SYS(fchmod, fd, 0511);
	if (rc >= 0) {
		rc = SYS(fcntl, fd, 1033 /* F_ADD_SEALS */, SEAL_ALL | (executable ? SEAL_EXEC : 0));
		if (rc == -EINVAL)
			rc = SYS(fcntl, fd, 1033, SEAL_ALL);
	}
	if (rc >= 0)
		return fd;
	SYS(close, fd);
	return rc;
}

static long place_descriptors(const struct spawn *spawn)
{
	uint32_t above = spawn->first + spawn->count;
	int32_t moved[SLOT_LIMIT + 2];
	long rc = 0;

	for (uint32_t fd = 3; fd < spawn->first && rc >= 0; fd++)
		rc = SYS(fcntl, fd, F_SETFD, 0);
	/* Out of the way first, so that no target is still a source. */
	for (uint32_t i = 0; i < spawn->count && rc >= 0; i++)
		moved[i] = (int32_t)(rc = SYS(fcntl, spawn->descriptors[i], F_DUPFD_CLOEXEC, above));
	for (uint32_t i = 0; i < spawn->count && rc >= 0; i++)
		rc = SYS(dup3, moved[i], spawn->first + i, 0);
	return rc < 0 ? rc : SYS(close_range, above, ~0u, CLOSE_RANGE_CLOEXEC);
}

/* Runs on a stack of its own in the runtime's memory, while the calling thread is held (CLONE_VFORK):
 * forking a process the size of an engine would cost milliseconds. System calls only. */
static __attribute__((used)) void become_init(struct spawn *spawn)
{
	char name[] = "dunc-init", number[24], *argv[] = { name, number, NULL }, *envp[] = { NULL };
	long init = SYS(fcntl, spawn->init, F_DUPFD_CLOEXEC, spawn->first + spawn->count), rc = init;

	text_append_number(number, sizeof(number), 0, spawn->first);
	if (rc >= 0)
		rc = place_descriptors(spawn);
	if (rc >= 0)
		rc = SYS(execveat, init, "", argv, envp, AT_EMPTY_PATH);
	spawn->ret_error = (int32_t)-rc;
	SYS(exit_group, 127);
}

/* clone3, and in the child a call on the new stack, from which it never returns. */
long clone_and_call(struct clone_args *args, size_t size, void (*entry)(struct spawn *), struct spawn *spawn);
#if defined(__x86_64__)
__asm__(".text\n.type clone_and_call, @function\nclone_and_call:\n"
	"\tmov %rdx, %r8\n\tmov %rcx, %r9\n\tmov $435, %eax\n\tsyscall\n"
	"\ttest %rax, %rax\n\tjz 1f\n\tret\n"
	"1:\txor %ebp, %ebp\n\tmov %r9, %rdi\n\tcall *%r8\n\tud2\n");
#elif defined(__aarch64__)
__asm__(".text\n.type clone_and_call, @function\nclone_and_call:\n"
	"\tmov x8, #435\n\tsvc 0\n\tcbz x0, 1f\n\tret\n"
	"1:\tmov x29, #0\n\tmov x0, x3\n\tblr x2\n\tbrk #0\n");
#endif

/* Start the init. Returns its pid, with `ret_pidfd` filled; or -errno, and then there is no child. */
long dunc_spawn(struct spawn *spawn)
{
	_Alignas(16) char stack[32768];
	int32_t pidfd = -1;
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
		.stack = (uint64_t)(uintptr_t)stack,
		.stack_size = sizeof(stack),
	};
	uint64_t all = ~0ull, old = 0;
	long pid;

	if (spawn->count > SLOT_LIMIT + 2)
		return -EINVAL;
	spawn->ret_error = 0;
	/* No handler of the engine may run in the child, on our memory. */
	SYS(rt_sigprocmask, 2, &all, &old, 8);
	pid = clone_and_call(&args, sizeof(args), become_init, spawn);
	SYS(rt_sigprocmask, 2, &old, NULL, 8);
	if (pid < 0)
		return pid;
	spawn->ret_pidfd = pidfd;
	if (!spawn->ret_error)
		return pid;
	SYS(waitid, ID_PIDFD, pidfd, NULL, WAIT_EXITED, NULL);
	SYS(close, pidfd);
	return -spawn->ret_error;
}

/* One record of a conversation, with the sender's pid as this namespace sees it: -1 at none. */
long dunc_receive(int socket, void *buffer, uint32_t size, struct received *ret)
{
	_Alignas(8) char control[128];
	struct iovec_k part = { buffer, size };
	struct msghdr_k message = {
		.iov = &part, .iov_len = 1, .control = control, .control_len = sizeof(control),
	};
	long n;

	do {
		n = SYS(recvmsg, socket, &message, MESSAGE_CMSG_CLOEXEC);
	} while (n == -EINTR);
	ret->pid = ret->descriptor = -1;
	for (uint64_t at = 0; n >= 0 && at + sizeof(struct cmsghdr_k) <= message.control_len;) {
		const struct cmsghdr_k *head = (const void *)(control + at);
		const void *data = head + 1;

		if (head->len < sizeof(*head))
			break;
		if (head->level == SOCKET_LEVEL && head->type == SCM_CREDENTIALS_TYPE)
			ret->pid = ((const struct ucred_k *)data)->pid;
		if (head->level == SOCKET_LEVEL && head->type == SCM_RIGHTS_TYPE)
			ret->descriptor = *(const int32_t *)data;
		at += (head->len + 7) & ~7ull;
	}
	return n;
}
