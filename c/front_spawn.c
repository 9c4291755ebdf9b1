/* Spawning the init from the copy of it that this program holds, and the dialogue with it. The container is made
 * and joined by the sealed init alone, never by this process: its /proc/PID/exe would be the host's dunc. */
#include "front.h"
#include "relay.h"
#include "spawn.h"

/* Where the init's program is in this one. Hidden, so that its address needs no relocation. */
extern const char init_program[] __attribute__((visibility("hidden")));
extern const char init_program_end[] __attribute__((visibility("hidden")));
__asm__(".section .rodata\n.balign 16\n.globl init_program\n.hidden init_program\ninit_program:\n\t.incbin \"" INIT_PROGRAM
	"\"\n.globl init_program_end\n.hidden init_program_end\ninit_program_end:\n.text\n");

/* A sealed copy of the plan, checked before anybody is given it. */
static long plan_memfd(const struct front_plan *source, uint32_t given)
{
	struct plan plan = { .bytes = source->bytes, .size = source->size };

	if (plan_check(&plan, ROOM_INIT) || ((const struct plan_head *)(void *)plan.bytes)->given != given)
		return -EBADMSG;
	return dunc_sealed_memfd("dunc-plan", plan.bytes, plan.size, 0);
}

static long make_socket(int pair[2])
{
	int one = 1;
	long rc = SYS(socketpair, SOCKET_UNIX, 5 /* SOCK_SEQPACKET */ | O_CLOEXEC, 0, pair);

	return rc ? rc : SYS(setsockopt, pair[0], SOCKET_LEVEL, SO_PASSCRED_OPTION, &one, sizeof(one));
}

/* A process that failed is our child, and as a zombie it would keep the container's pid namespace from ending. */
void front_end(const struct front_child *child)
{
	if (child->master >= 0)
		SYS(close, child->master);
	if (child->pidfd < 0)
		return;
	SYS(pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0);
	SYS(waitid, ID_PIDFD, child->pidfd, NULL, WAIT_EXITED, NULL);
	SYS(close, child->pidfd);
}

/* Hear the init out: the pid of the process at `ready`, then the end, which is execve's or the barrier's. 0: it
 * failed, and the engine will do it again and say why. */
static int converse(int socket, int32_t init, front_ready *ready, void *context, struct front_child *ret)
{
	static struct record record;
	struct received from;
	uint32_t go = WORD_GO;

	for (;;) {
		long n = dunc_receive(socket, &record, sizeof(record), &from);

		if (n == 0 || n == -104 /* ECONNRESET */)
			return ret->pid > 0;
		if (!ret->pid && from.pid != init) {
			ret->pid = from.pid;
			ret->pidfd = (int)SYS(pidfd_open, from.pid, 0);
		}
		if (n >= (long)RECORD_HEAD && record.kind == WORD_CONSOLE && from.descriptor >= 0) {
			ret->master = from.descriptor;
			dunc_prepare_terminal(ret->master);
			continue;
		}
		if (n < (long)RECORD_HEAD || record.kind != WORD_READY || ret->pidfd < 0)
			return 0;
		if ((ready && ready(context, ret->pid)) ||
		    SYS(sendto, socket, &go, sizeof(go), MESSAGE_NOSIGNAL, NULL, 0) < 0)
			return 0;
	}
}

int front_spawn(const struct front_plan *source, const int32_t *given, uint32_t count, front_ready *ready,
		void *context, struct front_child *ret)
{
	static struct spawn spawn;
	long init = dunc_sealed_memfd("dunc-init", init_program, (uint32_t)(init_program_end - init_program), 1);
	long plan = plan_memfd(source, count);
	int pair[2] = { -1, -1 }, ok = 0;

	*ret = (struct front_child){ 0, -1, -1 };
	if (init >= 0 && plan >= 0 && !make_socket(pair)) {
		spawn = (struct spawn){ .init = (int32_t)init, .first = 3, .count = 2 + count,
					.descriptors = { pair[1], (int32_t)plan } };
		for (uint32_t i = 0; i < count; i++)
			spawn.descriptors[2 + i] = given[i];
		ok = (init = dunc_spawn(&spawn)) >= 0;
	}
	if (ok) {
		SYS(close, pair[1]);
		ok = converse(pair[0], (int32_t)init, ready, context, ret);
		SYS(close, pair[0]);
		SYS(waitid, ID_PIDFD, spawn.ret_pidfd, NULL, WAIT_EXITED, NULL);
		SYS(close, spawn.ret_pidfd);
		SYS(close, spawn.init);
		SYS(close, plan);
	}
	if (!ok)
		front_end(ret);
	return ok;
}
