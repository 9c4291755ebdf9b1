/* What system calls stand under a filter whose listener is ours: each is let happen and, the first time, written down. */
#include "plan.h"
#include <linux/seccomp.h>

/* Places for calls seen, a power of two. All system calls of three conventions fill less than half of it. */
#define PLACES 4096u

struct call { uint32_t arch, number; };

/* 1: the call is new, and there was room. A number that no kernel has may fill the table; its name would not be known. */
static int remember(struct call *seen, struct call call)
{
	uint32_t at = call.number * 2654435761u ^ call.arch;

	for (uint32_t tries = 0; tries < PLACES; tries++) {
		struct call *place = &seen[(at + tries) % PLACES];

		if (place->arch == call.arch && place->number == call.number)
			return 0;
		if (!place->arch) {
			*place = call;
			return 1;
		}
	}
	return 0;
}

/* A caller may be gone at any moment (ENOENT), which is no failure. */
static long record_call(int listener, int out, struct call *seen)
{
	struct seccomp_notif notice;
	struct seccomp_notif_resp reply;
	struct call call;
	long rc;

	memset(&notice, 0, sizeof(notice));
	rc = SYS(ioctl, listener, SECCOMP_IOCTL_NOTIF_RECV, &notice);
	if (rc)
		return rc == -ENOENT || rc == -EINTR ? 0 : rc;
	call = (struct call){ notice.data.arch, (uint32_t)notice.data.nr };
	if (remember(seen, call)) {
		rc = SYS(write, out, &call, sizeof(call));
		if (rc != sizeof(call))
			return rc < 0 ? rc : -EIO;
	}
	memset(&reply, 0, sizeof(reply));
	reply.id = notice.id;
	reply.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	rc = SYS(ioctl, listener, SECCOMP_IOCTL_NOTIF_SEND, &reply);
	return rc == -ENOENT ? 0 : rc;
}

/* Until nobody stands under the filter any more. */
long op_record_calls(struct run *run, const struct op_record_calls *op)
{
	static struct call seen[PLACES];
	struct pollfd_k poll = { run->slots[op->listener], POLLIN, 0 };
	long rc;

	do {
		rc = SYS(ppoll, &poll, 1, NULL, NULL, 0);
		if (rc > 0 && poll.revents & POLLIN)
			rc = record_call(poll.fd, run->slots[op->out], seen);
		else if (rc > 0)
			return 0;
	} while (rc >= 0 || rc == -EINTR);
	return rc;
}
