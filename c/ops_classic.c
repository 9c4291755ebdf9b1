/* Mounts by mount(2), where the kernel has no open_tree, fsopen, move_mount and mount_setattr (before 5.12).
 * No path of an image is looked up by it: source and target are descriptors, named by the procfs handle. What was
 * mounted is then opened by its path in the root, and must be the very thing: the name may be another's by then. */
#include "plan.h"

#define MOUNT_ROOT 0x2000 /* STATX_ATTR_MOUNT_ROOT, linux/stat.h */

/* "self/fd/N", for a process whose working directory is the procfs handle. */
struct fd_name { char text[32]; };

static const char *fd_name(struct fd_name *name, int fd)
{
	size_t at = text_append(name->text, sizeof(name->text), 0, "self/fd/");

	text_append_number(name->text, sizeof(name->text), at, (uint64_t)fd);
	return name->text;
}

static long mount_in(int proc, const char *source, int target, const char *fstype, uint64_t flags, const char *data)
{
	struct fd_name name;
	long rc = SYS(fchdir, proc);

	if (!rc)
		rc = SYS(mount, source, fd_name(&name, target), fstype, flags, data);
	SYS(chdir, "/");
	return rc;
}

static long bind(int proc, int source, int target, uint64_t flags)
{
	struct fd_name name;

	return mount_in(proc, fd_name(&name, source), target, NULL, MS_BIND | flags, NULL);
}

static long same_file(int a, int b)
{
	struct stat one, other;
	long rc = SYS(fstat, a, &one);

	if (!rc)
		rc = SYS(fstat, b, &other);
	return rc ? rc : one.st_dev == other.st_dev && one.st_ino == other.st_ino ? 0 : -EXDEV;
}

/* Whether the descriptor is the root of a mount, as far as the kernel can tell (5.8). */
static long mount_root(int fd)
{
	struct statx st;
	long rc = SYS(statx, fd, "", AT_EMPTY_PATH, 0, &st);

	if (rc || !(st.stx_attributes_mask & MOUNT_ROOT))
		return rc;
	return st.stx_attributes & MOUNT_ROOT ? 0 : -EXDEV;
}

/* Open what was just mounted. `like`: what it must be, or -1. */
static long open_mounted(struct run *run, int root, const char *path, int like)
{
	long fd = look_up(run, root, path, O_PATH, IN_ROOT), rc;

	if (fd < 0)
		return fd;
	rc = mount_root((int)fd);
	if (!rc && like >= 0)
		rc = same_file((int)fd, like);
	if (!rc)
		return fd;
	SYS(close, fd);
	return rc;
}

long op_bind_mount(struct run *run, const struct op_bind_mount *op)
{
	int source = run->slots[op->source];
	long rc = bind(run->slots[op->proc], source, run->slots[op->target], op->recursive ? MS_REC : 0);

	if (rc)
		return rc;
	return slot_fill(run, op->slot, open_mounted(run, run->slots[op->root], op_str(run, op->path), source));
}

long op_mount_filesystem(struct run *run, const struct op_mount_filesystem *op)
{
	long rc = mount_in(run->slots[op->proc], op_str(run, op->source), run->slots[op->target],
			   op_str(run, op->fstype), op->flags, op_str(run, op->data));

	if (rc)
		return rc;
	return slot_fill(run, op->slot, open_mounted(run, run->slots[op->root], op_str(run, op->path), -1));
}

/* A remount replaces all flags of a mount: those that are to stay are read first. The kernel's ST_* are
 * other numbers than mount(2)'s for three of them. */
static long current_flags(int fd, uint64_t *ret)
{
	struct { long type, rest[9], flags, spare[4]; } fs;
	long rc = SYS(fstatfs, fd, &fs);
	uint64_t st;

	if (rc)
		return rc;
	st = (uint64_t)fs.flags;
	*ret = (st & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME)) |
	       (st & 0x1000 ? MS_RELATIME : 0) | (st & 0x2000 ? MS_NOSYMFOLLOW : 0);
	if (!(*ret & (MS_NOATIME | MS_RELATIME)))
		*ret |= MS_STRICTATIME;
	return 0;
}

static long remount(int proc, int fd, uint64_t clear, uint64_t set)
{
	uint64_t flags;
	long rc = current_flags(fd, &flags);

	return rc ? rc : mount_in(proc, NULL, fd, NULL, MS_REMOUNT | MS_BIND | (flags & ~clear) | set, NULL);
}

long op_remount(struct run *run, const struct op_remount *op)
{
	return remount(run->slots[op->proc], run->slots[op->slot], op->clear, op->set);
}

long op_propagate(struct run *run, const struct op_propagate *op)
{
	return mount_in(run->slots[op->proc], NULL, run->slots[op->slot], NULL, op->flags, NULL);
}

/* As op_mask_path, with a file system of its own for each directory. */
long op_cover_path(struct run *run, const struct op_cover_path *op)
{
	int proc = run->slots[op->proc];
	long target = look_up(run, run->slots[op->root], op_str(run, op->path), O_PATH, IN_ROOT), rc;
	struct stat st;

	if (target < 0)
		return target;
	rc = SYS(fstat, target, &st);
	if (!rc && (st.st_mode & S_IFMT) == S_IFDIR)
		rc = mount_in(proc, "tmpfs", (int)target, "tmpfs", MS_RDONLY, "nr_blocks=1,nr_inodes=1,mode=0755");
	else if (!rc)
		rc = bind(proc, run->slots[op->null], (int)target, 0);
	SYS(close, target);
	return rc;
}

/* As op_readonly_path; what is mounted below stays as it is. */
long op_protect_path(struct run *run, const struct op_protect_path *op)
{
	int proc = run->slots[op->proc], root = run->slots[op->root];
	const char *path = op_str(run, op->path);
	long target = look_up(run, root, path, O_PATH, IN_ROOT), mount, rc;

	if (target < 0)
		return target;
	rc = bind(proc, (int)target, (int)target, MS_REC);
	mount = rc ? rc : open_mounted(run, root, path, (int)target);
	if (mount >= 0) {
		rc = remount(proc, (int)mount, 0, MS_RDONLY);
		SYS(close, mount);
	} else {
		rc = mount;
	}
	SYS(close, target);
	return rc;
}
