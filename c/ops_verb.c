/* What a verb does to a container that exists. Carried out in the runtime's own process, which has
 * threads: no operation here touches namespaces, credentials or signal dispositions. */
#include "plan.h"


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

static long read_stat(uint32_t pid, char *ret_state, uint64_t *ret_start)
{
	char path[40], text[1024];
	size_t at = text_append(path, sizeof(path), 0, "/proc/");
	long fd, n;

	at = text_append_number(path, sizeof(path), at, pid);
	text_append(path, sizeof(path), at, "/stat");
	fd = SYS(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd == -ENOENT ? -ESRCH : fd;
	n = SYS(read, fd, text, sizeof(text) - 1);
	SYS(close, fd);
	if (n < 0)
		return n;
	text[n] = '\0';
	return parse_stat(text, ret_state, ret_start) ? 0 : -ESRCH;
}

long process_start_time(uint32_t pid, uint64_t *ret)
{
	char state;

	return read_stat(pid, &state, ret);
}

/* Whether the process that stands at this number is the one of the start time, and not dead: 0, -ESRCH or -errno. */
static long check_process(uint32_t pid, uint64_t start_time)
{
	uint64_t start = 0;
	char state = 0;
	long rc = read_stat(pid, &state, &start);

	if (rc)
		return rc;
	return start != start_time || state == 'Z' || state == 'X' ? -ESRCH : 0;
}

/* The descriptor first, the start time afterwards: a process that was replaced in between shows
 * another start time, and what the descriptor stands for cannot change any more. */
long op_identify_process(struct run *run, const struct op_identify_process *op)
{
	long pidfd = SYS(pidfd_open, op->pid, 0), rc;

	if (pidfd < 0)
		return pidfd == -EINVAL ? -ESRCH : pidfd;
	rc = check_process(op->pid, op->start_time);
	if (!rc)
		return slot_fill(run, op->slot, pidfd);
	SYS(close, pidfd);
	return rc;
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
 * init's own is closed, which execve does: then `start` is done. */
long op_release_barrier(struct run *run, const struct op_release_barrier *op)
{
	struct pollfd_k wait[2] = { { -1, 0, 0 }, { run->slots[op->process], POLLIN, 0 } };
	const char *name = op_str(run, op->path);
	struct stat st;
	long fd, rc;

	/* One name in a folder that is held: nothing that could be swapped on the way. */
	for (const char *at = name; *at; at++)
		if (*at == '/')
			return -EINVAL;
	fd = look_up(run, run->slots[op->root], name, O_WRONLY | O_NONBLOCK | O_NOFOLLOW, 0);
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

static long has_entry(int root, const char *path)
{
	struct stat st;
	long rc = SYS(newfstatat, root, path, &st, AT_SYMLINK_NOFOLLOW);

	return rc == -ENOENT ? 0 : rc ? rc : 1;
}

long op_require_entry(struct run *run, const struct op_require_entry *op)
{
	long rc = has_entry(run->slots[op->root], op_str(run, op->path));

	return rc > 0 ? 0 : rc ? rc : -ENOENT;
}

/* v1 tells nobody when a group has become empty: the wait doubles from 0.2 ms. */
long op_remove_directory(struct run *run, const struct op_remove_directory *op)
{
	uint64_t left = op->timeout_ms * 1000000ull, wait = 200000;

	for (;;) {
		long rc = SYS(unlinkat, slot_fd(run, op->root), op_str(run, op->path), AT_REMOVEDIR);
		struct timespec_k time = { 0, (int64_t)wait };

		if (rc != -EBUSY || left < wait)
			return rc;
		SYS(nanosleep, &time, NULL);
		left -= wait;
		wait = wait < 50000000 ? wait * 2 : wait;
	}
}

long print_text(const char *text, size_t size)
{
	for (size_t at = 0; at < size;) {
		long rc = SYS(write, 1, text + at, size - at);

		if (rc == -EINTR)
			continue;
		/* Half of it may be out already: what is left is the reader's loss. */
		if (rc < 0)
			return at ? 0 : rc;
		at += (size_t)rc;
	}
	return 0;
}

long op_print_state(struct run *run, const struct op_print_state *op)
{
	long rc = check_process(op->pid, op->start_time);
	const char *text;

	if (rc && rc != -ESRCH)
		return rc;
	if (rc) {
		text = op_str(run, op->stopped);
	} else {
		long frozen = op->freezer ? cgroup_says(op_str(run, op->freezer), op_str(run, op->word)) : 0;
		long barrier = has_entry(run->slots[op->root], op_str(run, op->barrier));

		if (frozen < 0 || barrier < 0)
			return frozen < 0 ? frozen : barrier;
		text = op_str(run, frozen ? op->paused : barrier ? op->created : op->running);
	}
	return print_text(text, strlen(text));
}
