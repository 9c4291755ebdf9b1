/* What a creation makes on the host: its folder, its files, its groups. Carried out in the runtime's own process. */
#include "bpf.h"
#include "plan.h"

long op_make_directory(struct run *run, const struct op_make_directory *op)
{
	return SYS(mkdirat, slot_fd(run, op->root), op_str(run, op->path), op->mode);
}

static long write_all(int root, const char *path, const void *bytes, size_t size, uint64_t flags, uint64_t mode)
{
	long fd = SYS(openat, root, path, flags | O_CLOEXEC, mode), rc = 0;

	if (fd < 0)
		return fd;
	for (size_t at = 0; at < size && rc >= 0;) {
		rc = SYS(write, fd, (const char *)bytes + at, size - at);
		if (rc > 0)
			at += (size_t)rc;
		else if (rc == 0)
			rc = -EIO;
		else if (rc == -EINTR)
			rc = 0;
	}
	SYS(close, fd);
	return rc < 0 ? rc : 0;
}

long op_write_file(struct run *run, const struct op_write_file *op)
{
	const char *text = op_str(run, op->text);

	return write_all(slot_fd(run, op->root), op_str(run, op->path), text, strlen(text), open_flags(op->flags), op->mode);
}

long op_write_bytes(struct run *run, const struct op_write_bytes *op)
{
	return write_all(run->slots[op->root], op_str(run, op->path), run->plan.bytes + op->bytes.at, op->bytes.size,
			 open_flags(op->flags), op->mode);
}

/* An empty one says nothing: whoever set it up is not done, and the engine finds out. */
long op_copy_text(struct run *run, const struct op_copy_text *op)
{
	char text[4096];
	long fd = SYS(openat, AT_FDCWD, op_str(run, op->from), O_RDONLY | O_CLOEXEC, 0), n;

	if (fd < 0)
		return fd;
	n = SYS(read, fd, text, sizeof(text));
	SYS(close, fd);
	if (n < 0)
		return n;
	if (n < 2 || n == sizeof(text))
		return -ENODATA;
	return write_all(AT_FDCWD, op_str(run, op->to), text, (size_t)n, O_WRONLY, 0);
}

long op_rename(struct run *run, const struct op_rename *op)
{
	int root = run->slots[op->root];

	return SYS(renameat2, root, op_str(run, op->from), root, op_str(run, op->to), 0);
}

long op_attach_device_program(struct run *run, const struct op_attach_device_program *op)
{
	long fd = SYS(openat, AT_FDCWD, op_str(run, op->cgroup), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), rc;

	if (fd < 0)
		return fd;
	rc = op->program.size % 8 ? -EINVAL : attach_device_program((int)fd, run->plan.bytes + op->program.at,
								    op->program.size / 8);
	SYS(close, fd);
	return rc;
}

long op_flock(struct run *run, const struct op_flock *op)
{
	return SYS(flock, run->slots[op->slot], 2 /* LOCK_EX */);
}
