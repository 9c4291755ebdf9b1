/* The walk, and the look-up that is made of it. */
#include "walk.h"
#include <linux/magic.h>

#define LINK_BUDGET 40

int walk_top(const struct walk *walk)
{
	return walk->fds[walk->depth];
}

static void walk_pop(struct walk *walk)
{
	if (walk->depth > 0)
		SYS(close, walk->fds[walk->depth--]);
}

void walk_end(struct walk *walk)
{
	while (walk->depth)
		walk_pop(walk);
}

long walk_start(struct walk *walk, int root, const char *path, uint64_t resolve)
{
	size_t size = strlen(path);

	walk->fds[0] = root;
	walk->depth = 0;
	walk->links = 0;
	walk->resolve = resolve;
	walk->at = PATH_LIMIT;
	if (size >= PATH_LIMIT)
		return -ENAMETOOLONG;
	memcpy(walk->path + walk->at, path, size + 1);
	return 0;
}

static size_t take_component(struct walk *walk)
{
	size_t n = 0;

	while (walk->path[walk->at] == '/')
		walk->at++;
	while (walk->path[walk->at + n] && walk->path[walk->at + n] != '/')
		n++;
	memcpy(walk->name, walk->path + walk->at, n);
	walk->name[n] = '\0';
	walk->at += n;
	return n;
}

long walk_next(struct walk *walk)
{
	while (take_component(walk)) {
		if (text_same(walk->name, "."))
			continue;
		if (!text_same(walk->name, ".."))
			return 1;
		if (!walk->depth && walk->resolve & RESOLVE_BENEATH)
			return -EXDEV;
		walk_pop(walk);
	}
	return 0;
}

int walk_at_end(const struct walk *walk)
{
	size_t at = walk->at;

	while (walk->path[at] == '/')
		at++;
	return !walk->path[at];
}

long open_component(int dir, const char *name)
{
	return SYS(openat, dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
}

/* The links of procfs that are no text but lead straight to an object show an absolute path or "kind:[n]";
 * its ordinary ones are relative. */
static int is_magic(int link, const char *target)
{
	struct { long type, rest[15]; } fs;

	for (const char *at = target; *at; at++)
		if (target[0] == '/' || *at == ':')
			return !SYS(fstatfs, link, &fs) && fs.type == PROC_SUPER_MAGIC;
	return 0;
}

static long walk_link(struct walk *walk, int link)
{
	char target[PATH_LIMIT];
	long n;

	if (walk->resolve & RESOLVE_NO_SYMLINKS)
		return -ELOOP;
	n = SYS(readlinkat, link, "", target, sizeof(target) - 1);
	if (n < 0)
		return n;
	target[n] = '\0';
	if (++walk->links > LINK_BUDGET || is_magic(link, target))
		return -ELOOP;
	if (target[0] == '/') {
		if (walk->resolve & RESOLVE_BENEATH)
			return -EXDEV;
		walk_end(walk);
	}
	if ((size_t)n + 1 > walk->at)
		return -ENAMETOOLONG;
	/* A slash between the link's text and the rest; doubled ones are passed over. */
	walk->path[--walk->at] = '/';
	walk->at -= (size_t)n;
	memcpy(walk->path + walk->at, target, (size_t)n);
	return 0;
}

static long walk_push(struct walk *walk, long fd, uint64_t device)
{
	struct stat st;

	if (walk->depth + 1 == DEPTH_LIMIT)
		return -ENAMETOOLONG;
	if (walk->resolve & RESOLVE_NO_XDEV) {
		long rc = SYS(fstat, walk->fds[0], &st);

		if (rc || st.st_dev != device)
			return rc ? rc : -EXDEV;
	}
	walk->fds[++walk->depth] = (int)fd;
	return 0;
}

long walk_into(struct walk *walk, long fd)
{
	struct stat st;
	int held = 0;
	long rc = SYS(fstat, fd, &st);

	if (!rc && (st.st_mode & S_IFMT) == S_IFLNK) {
		rc = walk_link(walk, (int)fd);
	} else if (!rc) {
		rc = walk_push(walk, fd, st.st_dev);
		held = !rc;
	}
	if (!held)
		SYS(close, fd);
	return rc;
}

static int is_type(long fd, uint32_t type)
{
	struct stat st;

	return !SYS(fstat, fd, &st) && (st.st_mode & S_IFMT) == type;
}

/* Open what was found by a name as it is asked for. The name may be another file's by now: EAGAIN. */
static long open_found(int dir, const char *name, int found, uint64_t flags)
{
	struct stat then, now;
	long fd = SYS(openat, dir, name, flags | O_NOFOLLOW | O_CLOEXEC, 0), rc;

	if (fd < 0)
		return fd;
	rc = SYS(fstat, fd, &now);
	if (!rc)
		rc = SYS(fstat, found, &then);
	if (!rc && (then.st_dev != now.st_dev || then.st_ino != now.st_ino))
		rc = -EAGAIN;
	if (!rc)
		return fd;
	SYS(close, fd);
	return rc;
}

/* Where the walk has ended, below its root or at it. */
static long open_top(const struct walk *walk, uint64_t flags)
{
	if (!(flags & O_PATH))
		return SYS(openat, walk_top(walk), ".", flags | O_CLOEXEC, 0);
	if (flags & O_DIRECTORY && !is_type(walk_top(walk), S_IFDIR))
		return -ENOTDIR;
	return SYS(fcntl, walk_top(walk), F_DUPFD_CLOEXEC, 0);
}

static long walk_open(struct walk *walk, uint64_t flags)
{
	long more, fd, rc;

	while ((more = walk_next(walk)) > 0) {
		int last = walk_at_end(walk), link;

		fd = open_component(walk_top(walk), walk->name);
		if (fd < 0)
			return fd;
		link = is_type(fd, S_IFLNK);
		/* A link that may not be followed at the end is what was asked for, or an error. */
		if (last && link && flags & O_NOFOLLOW) {
			if (flags & O_PATH && !(flags & O_DIRECTORY))
				return fd;
			SYS(close, fd);
			return flags & O_PATH ? -ENOTDIR : -ELOOP;
		}
		rc = walk_into(walk, fd);
		if (rc)
			return rc;
		if (last && !link && !(flags & O_PATH))
			return open_found(walk->fds[walk->depth - 1], walk->name, walk_top(walk), flags);
	}
	return more < 0 ? more : open_top(walk, flags);
}

long look_up(struct run *run, int root, const char *path, uint64_t flags, uint64_t resolve)
{
	const struct plan_head *head = (const void *)run->plan.bytes;
	struct walk walk;
	long fd = -EAGAIN;

	if (!resolve)
		return SYS(openat, root, path, flags | O_CLOEXEC, 0);
	if (!head->own_walk)
		return open_in_root(root, path, flags, 0, resolve);
	for (int tries = 0; tries < 128 && fd == -EAGAIN; tries++) {
		fd = walk_start(&walk, root, path, resolve);
		if (!fd)
			fd = walk_open(&walk, flags);
		walk_end(&walk);
	}
	return fd;
}
