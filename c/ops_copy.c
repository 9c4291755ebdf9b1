/* tmpcopyup: what the covered directory holds is copied into the tmpfs that covers it. */
#include "plan.h"

#define DEPTH_LIMIT 64

struct dirent_k {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

static long copy_tree(int from, int to, int depth);

static long copy_bytes(int from, int to)
{
	long n;

	do {
		n = SYS(sendfile, to, from, NULL, 1 << 30);
	} while (n > 0);
	return n;
}

static long copy_file(int from_dir, int to_dir, const char *name)
{
	long from = SYS(openat, from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0), to, rc;

	if (from < 0)
		return from;
	to = SYS(openat, to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	rc = to < 0 ? to : copy_bytes((int)from, (int)to);
	if (to >= 0)
		SYS(close, to);
	SYS(close, from);
	return rc;
}

static long copy_link(int from_dir, int to_dir, const char *name)
{
	char target[4096];
	long n = SYS(readlinkat, from_dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return n;
	target[n] = '\0';
	return SYS(symlinkat, target, to_dir, name);
}

static long copy_directory(int from_dir, int to_dir, const char *name, int depth)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	long rc = SYS(mkdirat, to_dir, name, 0700), from, to;

	if (rc)
		return rc;
	from = SYS(openat, from_dir, name, flags, 0);
	to = SYS(openat, to_dir, name, flags, 0);
	rc = from < 0 ? from : to < 0 ? to : copy_tree((int)from, (int)to, depth + 1);
	if (from >= 0)
		SYS(close, from);
	if (to >= 0)
		SYS(close, to);
	return rc;
}

static long copy_entry(int from, int to, const char *name, int depth)
{
	struct stat st;
	long rc = SYS(newfstatat, from, name, &st, AT_SYMLINK_NOFOLLOW);

	if (rc)
		return rc;
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		rc = copy_directory(from, to, name, depth);
		break;
	case S_IFREG:
		rc = copy_file(from, to, name);
		break;
	case S_IFLNK:
		rc = copy_link(from, to, name);
		break;
	default:
		rc = SYS(mknodat, to, name, st.st_mode, st.st_rdev);
		break;
	}
	if (!rc)
		rc = SYS(fchownat, to, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW);
	/* After the owner, which clears set-uid bits. */
	if (!rc && (st.st_mode & S_IFMT) != S_IFLNK)
		rc = SYS(fchmodat, to, name, st.st_mode & 07777);
	return rc;
}

static long copy_tree(int from, int to, int depth)
{
	_Alignas(8) char buffer[2048];
	long n, rc = 0;

	if (depth == DEPTH_LIMIT)
		return -ENAMETOOLONG;
	while (!rc && (n = SYS(getdents64, from, buffer, sizeof(buffer)))) {
		if (n < 0)
			return n;
		for (long at = 0; at < n && !rc;) {
			const struct dirent_k *entry = (const void *)(buffer + at);

			if (!text_same(entry->name, ".") && !text_same(entry->name, ".."))
				rc = copy_entry(from, to, entry->name, depth);
			at += entry->reclen;
		}
	}
	return rc;
}

long op_tmpcopyup(struct run *run, const struct op_tmpcopyup *op)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	long from = SYS(openat, run->slots[op->source], ".", flags, 0), to, rc;
	struct stat st;

	if (from < 0)
		return from;
	to = SYS(openat, run->slots[op->mount], ".", flags, 0);
	rc = to < 0 ? to : copy_tree((int)from, (int)to, 0);
	if (!rc)
		rc = SYS(fstat, from, &st);
	if (!rc)
		rc = SYS(fchownat, to, "", st.st_uid, st.st_gid, AT_EMPTY_PATH);
	if (to >= 0)
		SYS(close, to);
	SYS(close, from);
	return rc;
}
