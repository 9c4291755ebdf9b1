/* A user namespace that only carries id maps: a mount takes them from it (mount_setattr(2), MOUNT_ATTR_IDMAP). */
#include "plan.h"
#include <linux/nsfs.h>

/* /proc/PID/NAME of a child of ours. */
static long open_child_file(long pid, const char *name, uint64_t flags)
{
	char path[64];
	size_t at = text_append(path, sizeof(path), 0, "/proc/");

	at = text_append_number(path, sizeof(path), at, (uint64_t)pid);
	text_append(path, sizeof(path), at, name);
	return SYS(openat, AT_FDCWD, path, flags | O_CLOEXEC, 0);
}

/* The kernel takes a whole map in one write. */
static long write_map(long pid, const char *name, const char *text)
{
	long fd = open_child_file(pid, name, O_WRONLY), rc;
	size_t size = strlen(text);

	if (fd < 0)
		return fd;
	rc = SYS(write, fd, text, size);
	SYS(close, fd);
	return rc < 0 ? rc : (size_t)rc == size ? 0 : -EIO;
}

/* A namespace needs a process while its maps are written: it waits for the end of a pipe that only we hold. The
 * descriptor keeps the namespace afterwards. */
long op_make_userns(struct run *run, const struct op_make_userns *op)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	int hold[2];
	char byte;
	long rc = SYS(pipe2, hold, O_CLOEXEC), pid;

	if (rc)
		return rc;
	pid = SYS(clone3, &args, sizeof(args));
	if (!pid) {
		SYS(close, hold[1]);
		SYS(read, hold[0], &byte, 1);
		SYS(exit_group, 0);
	}
	SYS(close, hold[0]);
	if (pid > 0) {
		rc = write_map(pid, "/uid_map", op_str(run, op->uid_map));
		if (!rc)
			rc = write_map(pid, "/gid_map", op_str(run, op->gid_map));
		if (!rc)
			rc = slot_fill(run, op->slot, open_child_file(pid, "/ns/user", O_RDONLY));
	} else
		rc = pid;
	SYS(close, hold[1]);
	if (pid > 0)
		SYS(wait4, pid, NULL, 0, NULL);
	return rc;
}

long op_parent_userns(struct run *run, const struct op_parent_userns *op)
{
	return slot_fill(run, op->slot, SYS(ioctl, run->slots[op->namespace], NS_GET_PARENT));
}
