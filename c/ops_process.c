/* Operations on the process itself: namespaces, the private procfs, credentials, the filter. */
#include "plan.h"
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>

long record_send(struct run *run, uint32_t kind, long err, uint32_t value)
{
	size_t size = RECORD_HEAD + strlen(run->record.text) + 1;

	run->record.kind = kind;
	run->record.op_index = run->op_index;
	run->record.err = (int32_t)-err;
	run->record.value = value;
	return SYS(sendto, run->socket, &run->record, size, MESSAGE_NOSIGNAL, NULL, 0);
}

/* CLONE_PARENT makes the container process a child of the runtime and, when that is gone, of its
 * caller. It wants exit signal 0 and takes the caller's own, SIGCHLD. */
long op_clone(struct run *run, const struct op_clone *op)
{
	struct clone_args args = { .flags = op->flags | CLONE_PARENT };
	int32_t pidfd = -1;
	long pid;

	if (op->cgroup != SLOT_NONE) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)run->slots[op->cgroup];
	}
	if (op->listener) {
		args.flags |= CLONE_FILES | CLONE_PIDFD;
		args.pidfd = (uint64_t)(uintptr_t)&pidfd;
		pid = listener_prepare(run);
		if (pid)
			return pid;
	}
	pid = SYS(clone3, &args, sizeof(args));
	if (pid > 0)
		SYS(exit_group, op->listener ? listener_hand_over(run, pidfd) : 0);
	return pid || !op->listener ? pid : listener_meet(run);
}

/* The end of the conversation at any sync ends the init: the runtime is gone, nobody would finish it. */
long op_sync(struct run *run, const struct op_sync *op)
{
	uint32_t word = 0;
	long n;

	run->record.text[0] = '\0';
	n = record_send(run, op->word, 0, 0);
	if (n > 0)
		n = SYS(recvfrom, run->socket, &word, sizeof(word), 0, NULL, NULL);
	if (n != sizeof(word) || word != WORD_GO)
		SYS(exit_group, 1);
	return 0;
}

long op_open_proc(struct run *run, const struct op_open_proc *op)
{
	long context = SYS(fsopen, "proc", FSOPEN_CLOEXEC), rc = 0, mount;

	if (context < 0)
		return context;
	if (op->subset)
		rc = SYS(fsconfig, context, FSCONFIG_SET_STRING, "subset", "pid", 0);
	if (!rc)
		rc = SYS(fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	mount = rc ? rc : SYS(fsmount, context, FSMOUNT_CLOEXEC,
			      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	SYS(close, context);
	return slot_fill(run, op->slot, mount);
}

/* "self/…" through the handle's own link: in a new pid namespace getpid() is 1 while the handle
 * may be the host's. The link is read, not followed, so that every other link is refused. */
static long proc_path(int proc, const char *path, char *out, size_t size)
{
	char self[24];
	size_t at = 0;
	long n;

	if (memcmp(path, "self/", 5)) {
		at = text_append(out, size, 0, path);
		return at < size ? 0 : -ENAMETOOLONG;
	}
	n = SYS(readlinkat, proc, "self", self, sizeof(self) - 1);
	if (n < 0)
		return n;
	self[n] = '\0';
	at = text_append(out, size, 0, self);
	at = text_append(out, size, at, path + 4);
	return at < size ? 0 : -ENAMETOOLONG;
}

/* The handle is a whole procfs: no name in it is reached by way of another. */
static int climbs(const char *path)
{
	for (const char *at = path; *at; at++)
		if (at[0] == '.' && at[1] == '.' && (at == path || at[-1] == '/') && (at[2] == '/' || !at[2]))
			return 1;
	return 0;
}

static long open_proc_file(struct run *run, int proc, const char *path, uint64_t flags)
{
	const uint64_t resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
	struct { long type, rest[15]; } fs;
	char real[512];
	long rc, fd;

	rc = strlen(path) < 5 || climbs(path) ? -EINVAL : proc_path(proc, path, real, sizeof(real));
	if (rc)
		return rc;
	fd = look_up(run, proc, real, flags, resolve);
	if (fd < 0)
		return fd;
	rc = SYS(fstatfs, fd, &fs);
	if (!rc && fs.type != PROC_SUPER_MAGIC)
		rc = -EXDEV;
	if (!rc)
		return fd;
	SYS(close, fd);
	return rc;
}

/* CVE-2025-52881: a write that matters goes to a procfs nobody could have arranged. */
long op_write_proc(struct run *run, const struct op_write_proc *op)
{
	const char *text = op_str(run, op->text);
	long fd = open_proc_file(run, run->slots[op->proc], op_str(run, op->path), O_WRONLY), rc;
	size_t size = strlen(text);

	if (fd < 0)
		return fd;
	rc = SYS(write, fd, text, size);
	SYS(close, fd);
	return rc < 0 ? rc : (size_t)rc == size ? 0 : -EIO;
}

/* What was written must be what is there: the kernel adds a newline or a mode in brackets at most. */
long op_check_proc(struct run *run, const struct op_check_proc *op)
{
	const char *text = op_str(run, op->text);
	size_t size = strlen(text);
	char found[1024];
	long fd = open_proc_file(run, run->slots[op->proc], op_str(run, op->path), O_RDONLY), n;

	if (fd < 0)
		return fd;
	n = SYS(read, fd, found, sizeof(found) - 1);
	SYS(close, fd);
	if (n < 0)
		return n;
	found[n] = '\0';
	if ((size_t)n < size || memcmp(found, text, size))
		return -EBADMSG;
	return found[size] == '\0' || found[size] == '\n' || found[size] == ' ' ? 0 : -EBADMSG;
}

long op_link_up(struct run *run, const struct op_link_up *op)
{
	const char *name = op_str(run, op->name);
	struct { char name[16]; int16_t flags; char rest[22]; } request = { .flags = 0 };
	long fd = SYS(socket, SOCKET_INET, SOCKET_DGRAM | O_CLOEXEC, 0), rc;

	if (fd < 0)
		return fd;
	text_append(request.name, sizeof(request.name), 0, name);
	rc = SYS(ioctl, fd, SIOCGIFFLAGS, &request);
	request.flags |= 1; /* IFF_UP: linux/if.h draws in a libc */
	if (!rc)
		rc = SYS(ioctl, fd, SIOCSIFFLAGS, &request);
	SYS(close, fd);
	return rc;
}

static uint32_t hex_number(const char *text)
{
	uint32_t n = 0;

	for (;; text++) {
		if (*text >= '0' && *text <= '9')
			n = n << 4 | (uint32_t)(*text - '0');
		else if (*text >= 'a' && *text <= 'f')
			n = n << 4 | (uint32_t)(*text - 'a' + 10);
		else
			return n;
	}
}

/* KEYCTL_DESCRIBE answers "type;uid;gid;perm;description", perm in hexadecimal. */
long op_join_keyring(struct run *run, const struct op_join_keyring *op)
{
	long id = SYS(keyctl, KEYCTL_JOIN_SESSION_KEYRING, op_str(run, op->name)), n;
	char text[256];
	int fields = 0;

	if (id < 0)
		return id;
	n = SYS(keyctl, KEYCTL_DESCRIBE, id, text, sizeof(text) - 1);
	if (n < 0)
		return n;
	text[n < (long)sizeof(text) ? n : (long)sizeof(text) - 1] = '\0';
	for (const char *at = text; *at; at++)
		if (*at == ';' && ++fields == 3)
			return SYS(keyctl, KEYCTL_SETPERM, id,
				   (hex_number(at + 1) & op->permissions_mask) | op->permissions);
	return -EPROTO;
}

long op_drop_bounding(struct run *run, const struct op_drop_bounding *op)
{
	(void)run;
	for (unsigned cap = 0; cap < 64; cap++) {
		long rc = op->keep >> cap & 1 ? 0 : SYS(prctl, PR_CAPBSET_DROP, cap, 0, 0, 0);

		/* The kernel's last capability is behind us. */
		if (rc == -EINVAL)
			return 0;
		if (rc)
			return rc;
	}
	return 0;
}

long op_capset(struct run *run, const struct op_capset *op)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ (uint32_t)op->effective, (uint32_t)op->permitted, (uint32_t)op->inheritable },
		{ (uint32_t)(op->effective >> 32), (uint32_t)(op->permitted >> 32),
		  (uint32_t)(op->inheritable >> 32) },
	};

	(void)run;
	return SYS(capset, &head, data);
}

long op_seccomp(struct run *run, const struct op_seccomp *op)
{
	struct sock_fprog program = {
		.len = (unsigned short)(op->filter.size / sizeof(struct sock_filter)),
		.filter = (void *)(run->plan.bytes + op->filter.at),
	};
	long rc = SYS(seccomp, SECCOMP_SET_MODE_FILTER, op->flags, &program);

	if (rc >= 0 && op->listener)
		listener_announce(run, rc, op->mark);
	return rc < 0 ? rc : 0;
}

/* CVE-2024-21626: a working directory that leads out of the root shows as "(unreachable)…". */
long op_check_cwd(struct run *run, const struct op_check_cwd *op)
{
	char path[4096];
	long n = SYS(getcwd, path, sizeof(path));

	(void)run;
	(void)op;
	if (n < 0)
		return n;
	return path[0] == '/' ? 0 : -EXDEV;
}
