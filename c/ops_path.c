/* Operations that make things inside a root. Every step is relative to a descriptor, never follows
 * a link by itself and creates exclusively: CVE-2024-45310, CVE-2026-41579, CVE-2026-88264. */
#include "walk.h"

static long create_component(int dir, const char *name, uint32_t type, uint32_t mode)
{
	if (type == S_IFDIR) {
		long rc = SYS(mkdirat, dir, name, mode);

		if (rc < 0)
			return rc;
		return SYS(openat, dir, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC, 0);
	}
	long fd = SYS(openat, dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	if (fd < 0)
		return fd;
	SYS(close, fd);
	return open_component(dir, name);
}

/* Walk to `walk`'s path, making what is missing: directories 0755, the last one as asked for. */
static long walk_make(struct walk *walk, uint32_t type, uint32_t mode, int *ret_made)
{
	long more, rc;

	while ((more = walk_next(walk)) > 0) {
		int last = walk_at_end(walk);
		long fd = open_component(walk_top(walk), walk->name);

		if (fd == -ENOENT) {
			fd = create_component(walk_top(walk), walk->name, last ? type : S_IFDIR, last ? mode : 0755);
			/* Somebody else made it in between: look at what it is. */
			if (fd == -EEXIST)
				fd = open_component(walk_top(walk), walk->name);
			else
				*ret_made = last;
		}
		rc = fd < 0 ? fd : walk_into(walk, fd);
		if (rc)
			return rc;
	}
	return more;
}

static long make_in_root(struct run *run, int root, const char *path, uint32_t type, uint32_t mode, int *ret_made)
{
	struct walk walk;
	long fd = look_up(run, root, path, O_PATH, IN_ROOT);

	*ret_made = 0;
	if (fd != -ENOENT)
		return fd;
	fd = walk_start(&walk, root, path, IN_ROOT);
	if (!fd)
		fd = walk_make(&walk, type, mode, ret_made);
	if (!fd)
		fd = SYS(fcntl, walk_top(&walk), F_DUPFD_CLOEXEC, 0);
	walk_end(&walk);
	return fd;
}

long op_make_mountpoint(struct run *run, const struct op_make_mountpoint *op)
{
	uint32_t type = op->type;
	struct stat st;

	if (op->like != SLOT_NONE) {
		long rc = SYS(fstat, run->slots[op->like], &st);

		if (rc)
			return rc;
		type = (st.st_mode & S_IFMT) == S_IFDIR ? S_IFDIR : S_IFREG;
	}
	return slot_fill(run, op->slot, make_in_root(run, run->slots[op->root], op_str(run, op->path), type,
						     type == S_IFDIR ? 0755 : op->mode, &run->made_mountpoint));
}

/* Split a path at its last component and open what lies before it, made where missing. */
static long open_parent(struct run *run, int root, const char *path, char *name, size_t size)
{
	char parent[PATH_LIMIT];
	size_t end = strlen(path), start;
	int made;

	while (end > 1 && path[end - 1] == '/')
		end--;
	for (start = end; start > 0 && path[start - 1] != '/';)
		start--;
	if (end == start || end - start >= size || start >= sizeof(parent))
		return end == start ? -EINVAL : -ENAMETOOLONG;
	memcpy(name, path + start, end - start);
	name[end - start] = '\0';
	if (text_same(name, ".") || text_same(name, ".."))
		return -EINVAL;
	memcpy(parent, path, start);
	parent[start] = '\0';
	return make_in_root(run, root, start ? parent : ".", S_IFDIR, 0755, &made);
}

/* The node is looked at again through its own descriptor before its owner and mode are set. */
static long finish_node(int dir, const char *name, const struct op_mknod *op, uint64_t device)
{
	struct stat st;
	long fd = open_component(dir, name), rc;

	if (fd < 0)
		return fd;
	rc = SYS(fstat, fd, &st);
	if (!rc && ((st.st_mode & S_IFMT) != (op->mode & S_IFMT) || st.st_rdev != device))
		rc = -EEXIST;
	if (!rc)
		rc = SYS(fchownat, fd, "", op->uid, op->gid, AT_EMPTY_PATH);
	SYS(close, fd);
	return rc;
}

static uint64_t device_number(uint32_t major, uint32_t minor)
{
	return (minor & 0xffu) | (major & 0xfffu) << 8 | (uint64_t)(minor & ~0xffu) << 12;
}

long op_mknod(struct run *run, const struct op_mknod *op)
{
	char name[256];
	uint32_t type = op->mode & S_IFMT;
	uint64_t device = type == S_IFIFO ? 0 : device_number(op->major, op->minor);
	long dir = open_parent(run, run->slots[op->root], op_str(run, op->path), name, sizeof(name)), rc;

	if (dir < 0)
		return dir;
	rc = SYS(mknodat, dir, name, op->mode, device);
	/* What stands there already must be the very device. */
	if (!rc || rc == -EEXIST)
		rc = finish_node((int)dir, name, op, device);
	SYS(close, dir);
	return rc;
}

long op_symlink(struct run *run, const struct op_symlink *op)
{
	char name[256];
	long dir = open_parent(run, run->slots[op->root], op_str(run, op->path), name, sizeof(name)), rc;

	if (dir < 0)
		return dir;
	rc = SYS(symlinkat, op_str(run, op->target), dir, name);
	SYS(close, dir);
	return rc;
}

long op_unlink(struct run *run, const struct op_unlink *op)
{
	const char *path = op_str(run, op->path), *at = path;
	char name[256];
	long dir, rc;

	while (*at && *at != '/')
		at++;
	/* A plain name: nothing is looked up on the way, and unlink follows no link. */
	if (!*at)
		return SYS(unlinkat, run->slots[op->root], path, 0);
	dir = open_parent(run, run->slots[op->root], path, name, sizeof(name));
	if (dir < 0)
		return dir;
	rc = SYS(unlinkat, dir, name, 0);
	SYS(close, dir);
	return rc;
}
