/* The end of the road: finding the program, waiting for `start`, becoming the program. */
#include "plan.h"

#define X_OK_BIT 1

/* The sixth field of the first line of /etc/passwd whose third is `uid`. */
static int passwd_home(const char *line, uint32_t uid, const char **ret_home, size_t *ret_size)
{
	const char *field[6] = { line };
	int n = 1;

	for (const char *at = line; *at && *at != '\n' && n < 6; at++)
		if (*at == ':')
			field[n++] = at + 1;
	if (n < 6 || *field[2] < '0' || *field[2] > '9' || text_number(field[2]) != uid)
		return 0;
	*ret_home = field[5];
	for (*ret_size = 0; field[5][*ret_size] && field[5][*ret_size] != ':' && field[5][*ret_size] != '\n';)
		++*ret_size;
	return *ret_size > 0;
}

/* The container's passwd file, read after the pivot and only for HOME: ids are never looked up in it
 * (CVE-2016-3697). What is missing or strange leaves "/". Non-blocking, so that a fifo there cannot hold us. */
long op_set_home(struct run *run, const struct op_set_home *op)
{
	char text[4096];
	size_t have = 0, size;
	const char *home;
	struct stat st;
	long fd = SYS(openat, AT_FDCWD, "/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);

	text_append(run->home, sizeof(run->home), 0, "HOME=/");
	if (fd < 0)
		return 0;
	if (SYS(fstat, fd, &st) || (st.st_mode & S_IFMT) != S_IFREG) {
		SYS(close, fd);
		return 0;
	}
	/* A window over the file: whole lines are taken off its front. Bounded, the image is not trusted. */
	for (int reads = 0; reads < 4096; reads++) {
		long n = SYS(read, fd, text + have, sizeof(text) - 1 - have);

		if (n <= 0 && !have)
			break;
		have += n > 0 ? (size_t)n : 0;
		text[have] = '\0';
		size_t line = 0;

		while (line < have && text[line] != '\n')
			line++;
		if (passwd_home(text, op->uid, &home, &size) && size + 6 < sizeof(run->home)) {
			memcpy(run->home + 5, home, size);
			run->home[5 + size] = '\0';
			break;
		}
		line = line < have ? line + 1 : have;
		memmove(text, text + line, have - line);
		have -= line;
	}
	SYS(close, fd);
	return 0;
}

static long executable(const char *path)
{
	struct stat st;
	long rc = SYS(newfstatat, AT_FDCWD, path, &st, 0);

	if (rc)
		return rc;
	if ((st.st_mode & S_IFMT) == S_IFDIR)
		return -EACCES;
	/* By effective ids: faccessat2 with AT_EACCESS; the mode bits count for root too. */
	if (!(st.st_mode & 0111))
		return -EACCES;
	rc = SYS(faccessat2, AT_FDCWD, path, X_OK_BIT, AT_EACCESS);
	return rc == -ENOSYS || rc == -EPERM ? 0 : rc;
}

/* As execvp(3) does it, with the container's PATH. The record's text tells the two failures apart:
 * empty for a name that is in no directory, the path for one that was given as a path. */
long op_find_program(struct run *run, const struct op_find_program *op)
{
	const char *name = op_str(run, op->name), *path = op_str(run, op->search_path);
	size_t at;
	long rc;

	for (at = 0; name[at] && name[at] != '/';)
		at++;
	if (name[at]) {
		rc = executable(name);
		if (!rc && text_append(run->program, sizeof(run->program), 0, name) >= sizeof(run->program))
			rc = -ENAMETOOLONG;
		return rc;
	}
	for (;;) {
		size_t end = 0;

		while (path[end] && path[end] != ':')
			end++;
		if (end + 2 < sizeof(run->program)) {
			memcpy(run->program, path, end);
			run->program[end] = '\0';
			at = text_append(run->program, sizeof(run->program), end, end ? "/" : "./");
			at = text_append(run->program, sizeof(run->program), at, name);
			if (at < sizeof(run->program) && name[0] && !executable(run->program))
				return 0;
		}
		if (!path[end])
			return -ENOENT;
		path += end + 1;
	}
}

/* Opened O_RDWR before the clone: its own write end means that there is never an end of file,
 * and no path has to be opened after the filter is loaded. */
long op_barrier(struct run *run, const struct op_barrier *op)
{
	char byte;
	long n;

	do {
		n = SYS(read, run->slots[op->slot], &byte, 1);
	} while (n == -EINTR);
	/* It stays open until execve closes it, which is what `start` waits for: poststart hooks come after the
	 * startContainer hooks and the program's execution (runtime-spec, config.md "Posix-platform Hooks"). */
	return n < 0 ? n : n == 1 ? 0 : -EIO;
}

/* CVE-2024-21626: nothing that was not asked for survives. The conversation, when it still runs,
 * is close-on-exec and tells of execve's own failure. */
long op_close_range(struct run *run, const struct op_close_range *op)
{
	/* -1 is the greatest as an unsigned number: nothing is kept there. */
	uint32_t keep[] = {
		(uint32_t)run->socket, op->keep == SLOT_NONE ? ~0u : (uint32_t)run->slots[op->keep],
		(uint32_t)run->channel.wake, (uint32_t)run->channel.done, (uint32_t)run->channel.process,
	};
	const int count = sizeof(keep) / sizeof(*keep);
	uint32_t from = op->first;

	for (int i = 0; i < count; i++) {
		for (int j = i + 1; j < count; j++)
			if (keep[j] < keep[i]) {
				uint32_t greater = keep[i];

				keep[i] = keep[j];
				keep[j] = greater;
			}
		long rc = keep[i] > from && keep[i] != ~0u ? SYS(close_range, from, keep[i] - 1, 0) : 0;

		if (rc)
			return rc;
		if (keep[i] != ~0u && keep[i] >= from)
			from = keep[i] + 1;
	}
	return SYS(close_range, from, ~0u, 0);
}

/* `failures` holds "exec ", then "NNNwords" for each errno that has words: the container's own stderr is
 * where runc says it, in this form, with status 255. */
static void tell_failure(struct run *run, char **failures, long rc)
{
	char text[4600];
	size_t at = text_append(text, sizeof(text), 0, failures[0] ? failures[0] : "");

	at = text_append(text, sizeof(text), at, run->program);
	at = text_append(text, sizeof(text), at, ": ");
	for (char **entry = failures; *entry; entry++)
		if (entry != failures && strlen(*entry) > 3 && text_number(*entry) == (uint64_t)-rc)
			at = text_append(text, sizeof(text), at, *entry + 3);
	at = text_append(text, sizeof(text), at, "\n");
	SYS(write, 2, text, at < sizeof(text) ? at : sizeof(text) - 1);
}

long op_execve(struct run *run, const struct op_execve *op)
{
	char **argv = plan_strv(&run->plan, op->argv), **envp = plan_strv(&run->plan, op->envp);
	char **failures = plan_strv(&run->plan, op->failures);
	long rc;

	if (!argv || !envp || !failures)
		return -EBADMSG;
	if (run->home[0])
		for (uint32_t i = 0; envp[i]; i++)
			if (i == op->home)
				envp[i] = run->home;
	rc = SYS(execve, run->program, argv, envp);
	/* `create` is gone, and `run` says no more than it would: the words are the container's. */
	tell_failure(run, failures, rc);
	SYS(exit_group, 255);
	return rc;
}
