/* What a verb asks of a container's cgroup, and does to it. */
#include "plan.h"

static int text_holds(const char *text, const char *word)
{
	size_t size = strlen(word);

	for (; *text; text++)
		if (strlen(text) >= size && !memcmp(text, word, size))
			return 1;
	return 0;
}

static long read_small(const char *path, char *text, size_t size)
{
	long fd = SYS(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0), n;

	if (fd < 0)
		return fd;
	n = SYS(read, fd, text, size - 1);
	SYS(close, fd);
	if (n >= 0)
		text[n] = '\0';
	return n;
}

long cgroup_says(const char *path, const char *word)
{
	char text[256];
	long n = read_small(path, text, sizeof(text));

	if (n < 0)
		return n == -ENOENT || n == -ENODEV ? 0 : n;
	return text_holds(text, word);
}

long op_require_thawed(struct run *run, const struct op_require_thawed *op)
{
	long rc = cgroup_says(op_str(run, op->path), op_str(run, op->word));

	return rc > 0 ? -EAGAIN : rc;
}

long op_require_frozen(struct run *run, const struct op_require_frozen *op)
{
	long rc = cgroup_says(op_str(run, op->path), op_str(run, op->word));

	return rc > 0 ? 0 : rc ? rc : -EAGAIN;
}

static long write_small(const char *path, const char *text)
{
	long fd = SYS(openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0), n;

	if (fd < 0)
		return fd;
	n = SYS(write, fd, text, strlen(text));
	SYS(close, fd);
	return n < 0 ? n : 0;
}

/* v1 tells nobody when a group has stopped, and takes in processes that came meanwhile only when it is told again.
 * The wait doubles from 0.1 ms to 2. */
static long freeze_and_wait(struct run *run, const struct op_set_frozen *op)
{
	uint64_t left = op->timeout_ms * 1000000ull, wait = 100000;
	long rc = write_small(op_str(run, op->path), op_str(run, op->text));

	while (!rc && op->word) {
		struct timespec_k time = { 0, (int64_t)wait };
		long says = cgroup_says(op_str(run, op->state), op_str(run, op->word));

		if (says)
			return says < 0 ? says : 0;
		if (left < wait)
			return -ETIMEDOUT;
		SYS(nanosleep, &time, NULL);
		left -= wait;
		wait = wait < 2000000 ? wait * 2 : wait;
		if (op->again)
			rc = write_small(op_str(run, op->path), op_str(run, op->text));
	}
	return rc;
}

long op_set_frozen(struct run *run, const struct op_set_frozen *op)
{
	long rc = freeze_and_wait(run, op);

	/* Half frozen is the worst state of all: nobody would think of thawing it. */
	if (rc && op->undo)
		write_small(op_str(run, op->path), op_str(run, op->undo));
	return rc;
}

struct dirent_k { uint64_t inode; int64_t offset; uint16_t size; uint8_t type; char name[]; };

/* 1, 0 or -errno. */
static long has_groups_below(long directory)
{
	_Alignas(8) char entries[4096];
	long n;

	while ((n = SYS(getdents64, directory, entries, sizeof(entries))) > 0)
		for (long at = 0; at + (long)sizeof(struct dirent_k) < n;) {
			const struct dirent_k *entry = (const void *)(entries + at);

			if (entry->type == 4 /* DT_DIR */ && entry->name[0] != '.')
				return 1;
			if (entry->size < sizeof(*entry))
				return -EIO;
			at += entry->size;
		}
	return n;
}

/* `[1,2]`, or `null` for none. A list that does not fit is the engine's. */
static long print_list(const char *text, long n)
{
	char out[16384];
	size_t at = 0;
	uint64_t last = 0;

	for (const char *c = text; c < text + n;) {
		uint64_t pid = text_number(c);

		while (c < text + n && *c++ != '\n')
			;
		/* 0: of a pid namespace that is not below ours. v1 may say one twice. */
		if (!pid || pid == last)
			continue;
		last = pid;
		at = text_append(out, sizeof(out), at, at ? "," : "[");
		at = text_append_number(out, sizeof(out), at, pid);
	}
	at = text_append(out, sizeof(out), at, at ? "]\n" : "null\n");
	return at == sizeof(out) ? -E2BIG : print_text(out, at);
}

long op_print_pids(struct run *run, const struct op_print_pids *op)
{
	char text[8192];
	long directory = SYS(openat, AT_FDCWD, op_str(run, op->directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), fd, n;

	if (directory < 0)
		return directory;
	n = has_groups_below(directory);
	fd = n ? -1 : SYS(openat, directory, "cgroup.procs", O_RDONLY | O_CLOEXEC, 0);
	SYS(close, directory);
	if (n)
		return n < 0 ? n : -EAGAIN;
	if (fd < 0)
		return fd;
	n = SYS(read, fd, text, sizeof(text) - 1);
	SYS(close, fd);
	if (n < 0)
		return n;
	text[n] = '\0';
	return n > (long)sizeof(text) - 64 ? -E2BIG : print_list(text, n);
}
