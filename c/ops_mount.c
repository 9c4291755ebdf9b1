/* Mounts: made detached, changed detached, attached by descriptor. No path is looked up twice. */
#include "plan.h"
#include <linux/magic.h>

static long setattr(int fd, uint32_t recursive, const struct mount_attr *attr)
{
	return SYS(mount_setattr, fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), attr, sizeof(*attr));
}

static long clone_tree(int fd, uint32_t recursive)
{
	return SYS(open_tree, fd, "",
		   AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0));
}

static long attach(int mount, int target)
{
	return SYS(move_mount, mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/* The file system's own words about what it refused ("e devpts: Invalid gid '5'"). */
static void read_context_log(struct run *run, int context)
{
	long n = SYS(read, context, run->record.text, sizeof(run->record.text) - 1);

	run->record.text[n > 0 ? n : 0] = '\0';
}

static long configure(int context, const char *option)
{
	char key[256];
	size_t n = 0;

	while (option[n] && option[n] != '=')
		n++;
	if (!option[n])
		return SYS(fsconfig, context, FSCONFIG_SET_FLAG, option, NULL, 0);
	if (n >= sizeof(key))
		return -ENAMETOOLONG;
	memcpy(key, option, n);
	key[n] = '\0';
	return SYS(fsconfig, context, FSCONFIG_SET_STRING, key, option + n + 1, 0);
}

/* The vector's entries are offsets here: an fsmount may be reached by plans that are carried out again. */
static long make_filesystem(struct run *run, const struct op_fsmount *op, int context)
{
	const uint64_t *options = (const void *)(run->plan.bytes + op->options);
	long rc = 0;

	for (uint32_t i = 0; options[i] && !rc; i++) {
		if (options[i] >= run->plan.size)
			return -EBADMSG;
		rc = configure(context, (const char *)run->plan.bytes + options[i]);
	}
	if (!rc)
		rc = SYS(fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (!rc)
		rc = SYS(fsmount, context, FSMOUNT_CLOEXEC, op->attr);
	if (rc < 0)
		read_context_log(run, context);
	return rc;
}

long op_fsmount(struct run *run, const struct op_fsmount *op)
{
	long context = SYS(fsopen, op_str(run, op->fstype), FSOPEN_CLOEXEC), mount;

	if (context < 0)
		return context;
	mount = make_filesystem(run, op, (int)context);
	SYS(close, context);
	return slot_fill(run, op->slot, mount);
}

long op_open_tree(struct run *run, const struct op_open_tree *op)
{
	const char *path = op_str(run, op->path);
	long fd, tree;

	if (!path[0])
		return slot_fill(run, op->slot, clone_tree(slot_fd(run, op->root), op->recursive));
	fd = look_up(run, slot_fd(run, op->root), path, O_PATH, op->resolve);
	if (fd < 0)
		return fd;
	tree = clone_tree((int)fd, op->recursive);
	SYS(close, fd);
	return slot_fill(run, op->slot, tree);
}

long op_mount_setattr(struct run *run, const struct op_mount_setattr *op)
{
	struct mount_attr attr = {
		.attr_set = op->set,
		.attr_clr = op->clear,
		.propagation = op->propagation,
		.userns_fd = op->userns == SLOT_NONE ? 0 : (uint64_t)run->slots[op->userns],
	};

	return setattr(run->slots[op->slot], op->recursive, &attr);
}

long op_move_mount(struct run *run, const struct op_move_mount *op)
{
	long rc = attach(run->slots[op->mount], run->slots[op->target]);

	if (!rc)
		run->attached[op->mount] = 1;
	return rc;
}

/* pivot_root(2) wants the mount above the new root to be no shared one. Which mount that is,
 * only the tree knows: the first directory upwards that is the root of a mount. */
long op_parent_private(struct run *run, const struct op_parent_private *op)
{
	long fd = SYS(fcntl, run->slots[op->root], F_DUPFD_CLOEXEC, 0), rc;

	if (fd < 0)
		return fd;
	for (int i = 0; i < 256; i++) {
		rc = SYS(fchdir, fd);
		if (!rc)
			rc = SYS(mount, NULL, ".", NULL, MS_PRIVATE, NULL);
		if (rc != -EINVAL)
			break;
		long up = SYS(openat, fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);

		SYS(close, fd);
		if (up < 0)
			return up;
		fd = up;
	}
	SYS(close, fd);
	return rc;
}

/* pivot_root(".", ".") stacks the old root on the new one; it is made a slave first, so that
 * taking it away reaches no mount of the host (pivot_root(2), NOTES). */
long op_pivot_root(struct run *run, const struct op_pivot_root *op)
{
	long old = SYS(openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), rc;

	if (old < 0)
		return old;
	rc = SYS(fchdir, run->slots[op->root]);
	if (!rc)
		rc = SYS(pivot_root, ".", ".");
	if (!rc)
		rc = SYS(fchdir, old);
	if (!rc)
		rc = SYS(mount, NULL, ".", NULL, MS_SLAVE | MS_REC, NULL);
	if (!rc)
		rc = SYS(umount2, ".", UMOUNT_DETACH);
	SYS(close, old);
	return rc ? rc : SYS(chdir, "/");
}

/* --no-pivot: for a host whose root is an initramfs, which pivot_root refuses. */
long op_move_root(struct run *run, const struct op_move_root *op)
{
	long rc = SYS(fchdir, run->slots[op->root]);

	if (!rc)
		rc = SYS(mount, ".", "/", NULL, MS_MOVE, NULL);
	if (!rc)
		rc = SYS(chroot, ".");
	return rc ? rc : SYS(chdir, "/");
}

/* Without a mount namespace of its own. */
long op_chroot(struct run *run, const struct op_chroot *op)
{
	long rc = SYS(fchdir, run->slots[op->root]);

	if (!rc)
		rc = SYS(chroot, ".");
	return rc ? rc : SYS(chdir, "/");
}

long op_umount(struct run *run, const struct op_umount *op)
{
	long fd = look_up(run, run->slots[op->root], op_str(run, op->path), O_PATH, RESOLVE_NO_SYMLINKS), rc;

	if (fd < 0)
		return fd;
	rc = SYS(fchdir, fd);
	SYS(close, fd);
	return rc ? rc : SYS(umount2, ".", UMOUNT_DETACH);
}

/* CVE-2025-31133: what covers a file is a descriptor that was checked to be the null device.
 * All directories share one empty read-only file system: the first mask attaches it and the others
 * are cloned from it, because before 6.15 nothing can be cloned from a detached tree. */
long op_mask_path(struct run *run, const struct op_mask_path *op)
{
	long target = look_up(run, run->slots[op->root], op_str(run, op->path), O_PATH, IN_ROOT), tree, rc;
	struct stat st;
	int directory;

	if (target < 0)
		return target;
	rc = SYS(fstat, target, &st);
	directory = (st.st_mode & S_IFMT) == S_IFDIR;
	if (!rc && directory && !run->attached[op->directory]) {
		rc = attach(run->slots[op->directory], (int)target);
		run->attached[op->directory] = !rc;
	} else if (!rc) {
		tree = clone_tree(run->slots[directory ? op->directory : op->null], 0);
		rc = tree < 0 ? tree : attach((int)tree, (int)target);
		if (tree >= 0)
			SYS(close, tree);
	}
	SYS(close, target);
	return rc;
}

long op_readonly_path(struct run *run, const struct op_readonly_path *op)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	long target = look_up(run, run->slots[op->root], op_str(run, op->path), O_PATH, IN_ROOT), tree, rc;

	if (target < 0)
		return target;
	tree = clone_tree((int)target, 1);
	rc = tree < 0 ? tree : setattr((int)tree, 1, &attr);
	if (!rc)
		rc = attach((int)tree, (int)target);
	if (tree >= 0)
		SYS(close, tree);
	SYS(close, target);
	return rc;
}

/* A tmpfs takes the mode of the directory it covers, unless that was only just made. */
long op_inherit_mode(struct run *run, const struct op_inherit_mode *op)
{
	struct stat st;
	long rc;

	if (run->made_mountpoint)
		return 0;
	rc = SYS(fstat, run->slots[op->target], &st);
	return rc ? rc : SYS(fchmodat, run->slots[op->mount], ".", st.st_mode & 07777);
}

struct statfs_k { long type, rest[15]; };

long op_require_fstype(struct run *run, const struct op_require_fstype *op)
{
	struct statfs_k fs;
	long rc = SYS(fstatfs, run->slots[op->slot], &fs);

	return rc ? rc : ((uint64_t)fs.type == op->magic) != op->negate ? 0 : -EXDEV;
}

/* A directory may be there twice, by a bind: the mount counts too. */
long op_require_other(struct run *run, const struct op_require_other *op)
{
	struct statx a, b;
	long rc = SYS(statx, run->slots[op->slot], "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &a);

	if (!rc)
		rc = SYS(statx, run->slots[op->root], "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &b);
	if (rc)
		return rc;
	return a.stx_ino == b.stx_ino && a.stx_dev_major == b.stx_dev_major &&
	       a.stx_dev_minor == b.stx_dev_minor && a.stx_mnt_id == b.stx_mnt_id ? -ELOOP : 0;
}

/* CVE-2026-88265: the type counts too, a block device may have the same numbers. */
long op_require_device(struct run *run, const struct op_require_device *op)
{
	struct stat st;
	long rc = SYS(fstat, run->slots[op->slot], &st);

	if (rc)
		return rc;
	if ((st.st_mode & S_IFMT) != S_IFCHR)
		return -ENODEV;
	return st.st_rdev == ((op->minor & 0xffu) | op->major << 8) ? 0 : -ENODEV;
}

/* The SELinux label of a mount's root. Extended attributes want a path or an open file; a mount's descriptor is
 * neither, but one can go there. */
long op_set_label(struct run *run, const struct op_set_label *op)
{
	const char *label = op_str(run, op->label);
	long rc = SYS(fchdir, run->slots[op->slot]);

	return rc ? rc : SYS(setxattr, ".", "security.selinux", label, strlen(label), 0);
}
