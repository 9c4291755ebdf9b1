/* What a verb does to a container that exists. Carried out in the runtime's own process, which has
 * threads: no operation here touches namespaces, credentials or signal dispositions. */
#include "plan.h"

struct pollfd_k { int32_t fd; int16_t events, revents; };

/* Fields 3 (state) and 22 (start time) of /proc/PID/stat; the name in field 2 may hold anything. */
static int parse_stat(const char *text, char *ret_state, uint64_t *ret_start)
{
	const char *at = NULL;

	for (const char *c = text; *c; c++)
		if (*c == ')')
			at = c;
	if (!at || at[1] != ' ')
		return 0;
	*ret_state = at[2];
	at += 2;
	for (int field = 3; field < 22; field++) {
		while (*at && *at != ' ')
			at++;
		if (!*at++)
			return 0;
	}
	*ret_start = text_number(at);
	return 1;
}

/* The descriptor first, the start time afterwards: a process that was replaced in between shows
 * another start time, and what the descriptor stands for cannot change any more. */
long op_identify_process(struct run *run, const struct op_identify_process *op)
{
	char path[40], text[1024], state;
	uint64_t start;
	size_t at = text_append(path, sizeof(path), 0, "/proc/");
	long pidfd = SYS(pidfd_open, op->pid, 0), fd, n;

	if (pidfd < 0)
		return pidfd == -EINVAL ? -ESRCH : pidfd;
	at = text_append_number(path, sizeof(path), at, op->pid);
	text_append(path, sizeof(path), at, "/stat");
	fd = SYS(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	n = fd < 0 ? fd : SYS(read, fd, text, sizeof(text) - 1);
	if (fd >= 0)
		SYS(close, fd);
	text[n > 0 ? n : 0] = '\0';
	if (n <= 0 || !parse_stat(text, &state, &start) || start != op->start_time || state == 'Z' || state == 'X') {
		SYS(close, pidfd);
		return n < 0 && n != -ENOENT ? n : -ESRCH;
	}
	return slot_fill(run, op->slot, pidfd);
}

long op_pidfd_signal(struct run *run, const struct op_pidfd_signal *op)
{
	return SYS(pidfd_send_signal, run->slots[op->slot], op->signal, NULL, 0);
}

long op_wait_exit(struct run *run, const struct op_wait_exit *op)
{
	struct pollfd_k wait = { run->slots[op->slot], POLLIN, 0 };
	struct timespec_k time = { op->timeout_ms / 1000, op->timeout_ms % 1000 * 1000000l };
	long n;

	do {
		n = SYS(ppoll, &wait, 1, &time, NULL, 0);
	} while (n == -EINTR);
	return n < 0 ? n : n ? 0 : -ETIMEDOUT;
}

/* ENXIO: the init is gone or already past the barrier. The write end shows an error as soon as the
 * init has closed its own, which it does before a startContainer hook or in execve: then `start` is done. */
long op_release_barrier(struct run *run, const struct op_release_barrier *op)
{
	struct pollfd_k wait[2] = { { -1, 0, 0 }, { run->slots[op->process], POLLIN, 0 } };
	long fd = open_in_root(run->slots[op->root], op_str(run, op->path), O_WRONLY | O_NONBLOCK | O_NOFOLLOW, 0,
			       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS), rc;
	struct stat st;

	if (fd < 0)
		return fd;
	rc = SYS(fstat, fd, &st);
	if (!rc && (st.st_mode & S_IFMT) != S_IFIFO)
		rc = -EPROTO;
	/* Not a created container any more, before anybody can see it run. */
	if (!rc)
		rc = SYS(unlinkat, run->slots[op->root], op_str(run, op->path), 0);
	if (!rc)
		rc = SYS(write, fd, "", 1);
	wait[0].fd = (int)fd;
	while (rc > 0) {
		long n = SYS(ppoll, wait, 2, NULL, NULL, 0);

		if (n < 0 && n != -EINTR)
			rc = n;
		else if (n > 0)
			rc = 0;
	}
	SYS(close, fd);
	return rc;
}
