/* Standard streams and terminals. */
#include "plan.h"
#include <asm/termios.h>

static int is_null_device(const struct stat *st)
{
	return (st->st_mode & S_IFMT) == S_IFCHR && st->st_rdev == (1 << 8 | 3);
}

/* A stream that is the host's null device becomes the container's. */
long op_reopen_null(struct run *run, const struct op_reopen_null *op)
{
	struct stat st;

	for (int fd = 0; fd < 3; fd++) {
		long rc = SYS(fstat, fd, &st);

		if (!rc && is_null_device(&st))
			rc = SYS(dup3, run->slots[op->null], fd, 0);
		if (rc < 0 && rc != -EBADF)
			return rc;
	}
	return 0;
}

/* Whether a stream is one of the process's own: a pipe, a socket or a terminal (CVE-2026-88265). */
static int is_own_stream(int fd, const struct stat *st)
{
	struct termios_k { uint32_t flags[4]; uint8_t rest[44]; } settings;
	uint32_t type = st->st_mode & S_IFMT;

	if (type == S_IFCHR)
		return !SYS(ioctl, fd, TCGETS, &settings);
	return type == S_IFIFO || type == S_IFSOCK;
}

/* So that the program can open /proc/self/fd/1 again. A file that the caller has opened keeps its owner; so
 * does what belongs to a read-only file system or an unmapped owner, as in runc. */
long op_stdio_owner(struct run *run, const struct op_stdio_owner *op)
{
	struct stat st;

	(void)run;
	for (int fd = 0; fd < 3; fd++) {
		long rc = SYS(fstat, fd, &st);

		if (rc || st.st_uid == op->uid || !is_own_stream(fd, &st))
			continue;
		rc = SYS(fchown, fd, op->uid, -1);
		if (rc && rc != -EINVAL && rc != -EPERM && rc != -EROFS)
			return rc;
	}
	return 0;
}

/* CVE-2025-52565: the peer comes from the master by ioctl, not by a name that may be swapped. */
long op_open_pty(struct run *run, const struct op_open_pty *op)
{
	struct winsize size = { .ws_row = (uint16_t)op->rows, .ws_col = (uint16_t)op->columns };
	int unlock = 0;
	long master, peer, rc;

	master = look_up(run, run->slots[op->root], op_str(run, op->path), O_RDWR | O_NOCTTY, IN_ROOT);
	if (master < 0)
		return master;
	rc = SYS(ioctl, master, TIOCSPTLCK, &unlock);
	if (!rc && op->rows)
		rc = SYS(ioctl, master, TIOCSWINSZ, &size);
	peer = rc ? rc : SYS(ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (peer < 0) {
		SYS(close, master);
		return peer;
	}
	slot_fill(run, op->master, master);
	return slot_fill(run, op->peer, peer);
}

long op_set_stdio(struct run *run, const struct op_set_stdio *op)
{
	for (int fd = 0; fd < 3; fd++) {
		long rc = SYS(dup3, run->slots[op->slot], fd, 0);

		if (rc < 0)
			return rc;
	}
	return 0;
}

static long send_with_descriptor(int socket, const void *data, size_t size, int descriptor)
{
	struct { struct cmsghdr_k head; int32_t fd, pad; } control = {
		{ sizeof(struct cmsghdr_k) + sizeof(int32_t), SOCKET_LEVEL, SCM_RIGHTS_TYPE }, descriptor, 0,
	};
	struct iovec_k part = { (void *)data, size };
	struct msghdr_k message = {
		.iov = &part, .iov_len = 1, .control = &control, .control_len = sizeof(control),
	};
	long n = SYS(sendmsg, socket, &message, MESSAGE_NOSIGNAL);

	return n < 0 ? n : 0;
}

long record_send_descriptor(struct run *run, uint32_t kind, int descriptor)
{
	run->record.kind = kind;
	run->record.op_index = run->op_index;
	run->record.err = 0;
	run->record.text[0] = '\0';
	return send_with_descriptor(run->socket, &run->record, RECORD_HEAD + 1, descriptor);
}

/* Over the conversation it is a record; over a socket of the caller's, the text alone. */
long op_send_descriptor(struct run *run, const struct op_send_descriptor *op)
{
	const char *text = op_str(run, op->text);

	if (op->socket != SLOT_NONE)
		return send_with_descriptor(run->slots[op->socket], text, strlen(text), run->slots[op->slot]);
	return record_send_descriptor(run, WORD_CONSOLE, run->slots[op->slot]);
}
