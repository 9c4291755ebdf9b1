/* libdunc.so: what the runtime reaches through FFI. Raw system calls here too, so that it depends on
 * no libc version. Every function returns a result or -errno. */
#include "plan.h"
#include "bpf.h"
#include "kept.h"
#include "relay.h"
#include "spawn.h"

/* poll(2), begun again after a signal; a negative time is for ever. */
static long dunc_poll(void *poll, int timeout_ms, uint32_t count)
{
	struct timespec_k time = { timeout_ms / 1000, timeout_ms % 1000 * 1000000l };
	long n;

	do {
		n = SYS(ppoll, poll, count, timeout_ms < 0 ? NULL : &time, NULL, 0);
	} while (n == -EINTR);
	return n;
}

/* Send a descriptor with some bytes over a connected socket. */
static long dunc_send_descriptor(int socket, const void *bytes, uint32_t size, int descriptor)
{
	struct { struct cmsghdr_k head; int32_t fd, pad; } control = {
		{ sizeof(struct cmsghdr_k) + sizeof(int32_t), SOCKET_LEVEL, SCM_RIGHTS_TYPE }, descriptor, 0,
	};
	struct iovec_k part = { (void *)bytes, size };
	struct msghdr_k message = {
		.iov = &part, .iov_len = 1, .control = &control, .control_len = sizeof(control),
	};

	return SYS(sendmsg, socket, &message, MESSAGE_NOSIGNAL);
}

/* A verb's plan tells of its failure in the record; `slots` holds its descriptors, before and after. */
struct run_result { struct record record; int32_t slots[]; };

/* Carry out the plan of a verb in this process, with `count` slots. */
static long dunc_run(void *bytes, uint32_t size, struct run_result *ret, uint32_t count)
{
	struct run run;
	long rc;

	memset(&run, 0, offsetof(struct run, record) + RECORD_HEAD + 1);
	memset(run.slots, 0xff, sizeof(run.slots));
	run.plan.bytes = bytes;
	run.plan.size = size;
	run.socket = -1;
	run.channel = (struct listener_channel){ -1, -1, -1 };
	run.op_index = OP_NONE;
	rc = count > SLOT_LIMIT ? -EINVAL : plan_check(&run.plan, ROOM_VERB);
	if (!rc) {
		memcpy(run.slots, ret->slots, count * sizeof(*ret->slots));
		rc = plan_run(&run);
		memcpy(ret->slots, run.slots, count * sizeof(*ret->slots));
	}
	ret->record.op_index = run.op_index;
	ret->record.err = (int32_t)-rc;
	memcpy(ret->record.text, run.record.text, strlen(run.record.text) + 1);
	return rc;
}

/* A question to rtnetlink in our own network namespace, and the bytes of its answer. */
static long query_netlink(const void *request, uint32_t size, unsigned char *answer, uint32_t room)
{
	long socket = netlink_open(), n;

	if (socket < 0)
		return socket;
	n = netlink_ask((int)socket, request, size, answer, room);
	SYS(close, socket);
	return n;
}

static long build_id(uint64_t *ret)
{
	ret[0] = BUILD_ID_LOW;
	ret[1] = BUILD_ID_HIGH;
	return 0;
}

/* A system call of whole numbers, with the buffer as its argument number `place` (1..4), or nowhere (0). */
static long any_syscall(int place, int nr, int a, int b, int c, int d, void *p)
{
	switch (place) {
	case 1: return sys6(nr, (long)p, a, b, c, d, 0);
	case 2: return sys6(nr, a, (long)p, b, c, d, 0);
	case 3: return sys6(nr, a, b, (long)p, c, d, 0);
	case 4: return sys6(nr, a, b, c, (long)p, d, 0);
	}
	return sys6(nr, a, b, c, d, 0, 0);
}

/* The one entry: every symbol costs the engine 0.4 ms when it is bound. ffi/stub.ts has the same numbers. */
__attribute__((visibility("default"))) long dunc_call(int what, int a, int b, int c, int d, int e, void *p, void *q);
long dunc_call(int what, int a, int b, int c, int d, int e, void *p, void *q)
{
	switch (what) {
	case 0: case 1: case 2: case 3: case 4: return any_syscall(what, a, b, c, d, e, p);
	case 5: return dunc_poll(p, a, (uint32_t)b);
	case 6: return dunc_sealed_memfd(p, q, (uint32_t)a, (uint32_t)b);
	case 7: return dunc_spawn(p);
	case 8: return dunc_receive(a, p, (uint32_t)b, q);
	case 9: return dunc_send_descriptor(a, p, (uint32_t)b, c);
	case 10: return dunc_run(p, (uint32_t)a, q, (uint32_t)b);
	case 11: return dunc_catch_signals();
	case 12: return dunc_relay(a, b, c, d);
	case 16: return query_netlink(p, (uint32_t)a, q, (uint32_t)b);
	case 15: dunc_prepare_terminal(a); return 0;
	case 14: return build_id(p);
	case 13: return attach_device_program(a, p, (uint32_t)b);
	}
	return -ENOSYS;
}
