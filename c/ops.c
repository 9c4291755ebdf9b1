/* The one executor: a switch over the table, and the operations that are a system call and no more. */
#include "plan.h"
#include <linux/sched/types.h>

long slot_fill(struct run *run, slot_ref slot, long fd)
{
	if (fd < 0)
		return fd;
	if (run->slots[slot] >= 0)
		SYS(close, run->slots[slot]);
	run->slots[slot] = (int)fd;
	run->attached[slot] = 0;
	return 0;
}

/* RESOLVE_IN_ROOT answers EAGAIN when a rename elsewhere may have moved a component out.
 * 128 tries cut failures under a rename storm from 3 % to 0.1 % (libpathrs' figure). */
long open_in_root(int root, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve };
	long fd = -EAGAIN;

	for (int tries = 0; tries < 128 && fd == -EAGAIN; tries++)
		fd = SYS(openat2, root, path, &how, sizeof(how));
	return fd;
}

static long op_open(struct run *run, const struct op_open *op)
{
	return slot_fill(run, op->slot, look_up(run, slot_fd(run, op->root), op_str(run, op->path),
						open_flags(op->flags), op->resolve));
}

static long op_close(struct run *run, const struct op_close *op)
{
	int fd = run->slots[op->slot];

	run->slots[op->slot] = -1;
	return fd < 0 ? -EBADF : SYS(close, fd);
}

static long op_write_slot(struct run *run, const struct op_write_slot *op)
{
	const char *text = op_str(run, op->text);
	size_t size = strlen(text);
	long rc = SYS(write, run->slots[op->slot], text, size);

	return rc < 0 ? rc : (size_t)rc == size ? 0 : -EIO;
}

static long op_chown(struct run *run, const struct op_chown *op)
{
	return SYS(fchownat, run->slots[op->slot], "", op->uid, op->gid, AT_EMPTY_PATH);
}

static long op_prlimit(struct run *run, const struct op_prlimit *op)
{
	uint64_t limit[2] = { op->soft, op->hard };

	(void)run;
	return SYS(prlimit64, 0, op->resource, limit, 0);
}

static const void *blob(const struct run *run, struct blob_ref ref)
{
	return run->plan.bytes + ref.at;
}

static long op_setgroups(struct run *run, const struct op_setgroups *op)
{
	return SYS(setgroups, op->gids.size / 4, blob(run, op->gids));
}

static long op_set_mempolicy(struct run *run, const struct op_set_mempolicy *op)
{
	return SYS(set_mempolicy, op->mode, op->nodes.size ? blob(run, op->nodes) : NULL,
		   op->nodes.size ? op->max_node : 0);
}

static long op_sched_setattr(struct run *run, const struct op_sched_setattr *op)
{
	return SYS(sched_setattr, 0, blob(run, op->attr), 0);
}

static long op_sched_setaffinity(struct run *run, const struct op_sched_setaffinity *op)
{
	return SYS(sched_setaffinity, 0, op->mask.size, blob(run, op->mask));
}

static long op_end_conversation(struct run *run)
{
	long rc = SYS(close, run->socket);

	run->socket = -1;
	if (run->channel.done >= 0)
		SYS(close, run->channel.done);
	return rc;
}

static long op_umask(const struct op_umask *op)
{
	SYS(umask, op->mask);
	return 0;
}

static long op_sethostname(struct run *run, const struct op_sethostname *op)
{
	const char *name = op_str(run, op->name);

	return SYS(sethostname, name, strlen(name));
}

static long op_setdomainname(struct run *run, const struct op_setdomainname *op)
{
	const char *name = op_str(run, op->name);

	return SYS(setdomainname, name, strlen(name));
}

static long op_chdir(struct run *run, const struct op_chdir *op)
{
	long rc;

	if (op->again && !run->chdir_failed)
		return 0;
	rc = SYS(chdir, op_str(run, op->path));
	run->chdir_failed = rc != 0;
	return rc;
}

/* Shells and getty take a terminal without stealing it: 0. */
static long op_controlling_terminal(void)
{
	return SYS(ioctl, 0, TIOCSCTTY, 0);
}

static long run_op(struct run *run, const struct op_head *head)
{
#define AS(name) ((const struct op_##name *)(const void *)head)
	switch ((enum op_code)head->code) {
	case OP_OPEN: return op_open(run, AS(open));
	case OP_CLOSE: return op_close(run, AS(close));
	case OP_WRITE_SLOT: return op_write_slot(run, AS(write_slot));
	case OP_SEND_DESCRIPTOR: return op_send_descriptor(run, AS(send_descriptor));
	case OP_MAKE_MOUNTPOINT: return op_make_mountpoint(run, AS(make_mountpoint));
	case OP_MKNOD: return op_mknod(run, AS(mknod));
	case OP_SYMLINK: return op_symlink(run, AS(symlink));
	case OP_UNLINK: return op_unlink(run, AS(unlink));
	case OP_CHOWN: return op_chown(run, AS(chown));
	case OP_FSMOUNT: return op_fsmount(run, AS(fsmount));
	case OP_OPEN_TREE: return op_open_tree(run, AS(open_tree));
	case OP_MOUNT_SETATTR: return op_mount_setattr(run, AS(mount_setattr));
	case OP_MOVE_MOUNT: return op_move_mount(run, AS(move_mount));
	case OP_PARENT_PRIVATE: return op_parent_private(run, AS(parent_private));
	case OP_PIVOT_ROOT: return op_pivot_root(run, AS(pivot_root));
	case OP_MOVE_ROOT: return op_move_root(run, AS(move_root));
	case OP_CHROOT: return op_chroot(run, AS(chroot));
	case OP_UMOUNT: return op_umount(run, AS(umount));
	case OP_MASK_PATH: return op_mask_path(run, AS(mask_path));
	case OP_READONLY_PATH: return op_readonly_path(run, AS(readonly_path));
	case OP_BIND_MOUNT: return op_bind_mount(run, AS(bind_mount));
	case OP_MOUNT_FILESYSTEM: return op_mount_filesystem(run, AS(mount_filesystem));
	case OP_REMOUNT: return op_remount(run, AS(remount));
	case OP_PROPAGATE: return op_propagate(run, AS(propagate));
	case OP_COVER_PATH: return op_cover_path(run, AS(cover_path));
	case OP_PROTECT_PATH: return op_protect_path(run, AS(protect_path));
	case OP_TMPCOPYUP: return op_tmpcopyup(run, AS(tmpcopyup));
	case OP_SET_LABEL: return op_set_label(run, AS(set_label));
	case OP_INHERIT_MODE: return op_inherit_mode(run, AS(inherit_mode));
	case OP_REQUIRE_FSTYPE: return op_require_fstype(run, AS(require_fstype));
	case OP_REQUIRE_OTHER: return op_require_other(run, AS(require_other));
	case OP_REQUIRE_DEVICE: return op_require_device(run, AS(require_device));
	case OP_UNSHARE: return SYS(unshare, AS(unshare)->flags);
	case OP_MAKE_USERNS: return op_make_userns(run, AS(make_userns));
	case OP_PARENT_USERNS: return op_parent_userns(run, AS(parent_userns));
	case OP_SETNS: return SYS(setns, run->slots[AS(setns)->slot], AS(setns)->flags);
	case OP_CLONE: return op_clone(run, AS(clone));
	case OP_SYNC: return op_sync(run, AS(sync));
	case OP_END_CONVERSATION: return op_end_conversation(run);
	case OP_OPEN_PROC: return op_open_proc(run, AS(open_proc));
	case OP_WRITE_PROC: return op_write_proc(run, AS(write_proc));
	case OP_CHECK_PROC: return op_check_proc(run, AS(check_proc));
	case OP_SETSID: return SYS(setsid);
	case OP_PRCTL: return SYS(prctl, AS(prctl)->option, AS(prctl)->arg2, AS(prctl)->arg3, 0, 0);
	case OP_UMASK: return op_umask(AS(umask));
	case OP_SETHOSTNAME: return op_sethostname(run, AS(sethostname));
	case OP_SETDOMAINNAME: return op_setdomainname(run, AS(setdomainname));
	case OP_LINK_UP: return op_link_up(run, AS(link_up));
	case OP_NETLINK_SOCKET: return op_netlink_socket(run, AS(netlink_socket));
	case OP_ABSENT_LINK: return op_absent_link(run, AS(absent_link));
	case OP_NETLINK: return op_netlink(run, AS(netlink));
	case OP_PRLIMIT: return op_prlimit(run, AS(prlimit));
	case OP_JOIN_KEYRING: return op_join_keyring(run, AS(join_keyring));
	case OP_PERSONALITY: return SYS(personality, AS(personality)->persona);
	case OP_SCHED_SETATTR: return op_sched_setattr(run, AS(sched_setattr));
	case OP_IOPRIO_SET: return SYS(ioprio_set, 1 /* a process */, 0, AS(ioprio_set)->priority);
	case OP_SET_MEMPOLICY: return op_set_mempolicy(run, AS(set_mempolicy));
	case OP_SCHED_SETAFFINITY: return op_sched_setaffinity(run, AS(sched_setaffinity));
	case OP_DROP_BOUNDING: return op_drop_bounding(run, AS(drop_bounding));
	case OP_SETGROUPS: return op_setgroups(run, AS(setgroups));
	case OP_SETRESGID: return SYS(setresgid, AS(setresgid)->gid, AS(setresgid)->gid, AS(setresgid)->gid);
	case OP_SETRESUID: return SYS(setresuid, AS(setresuid)->uid, AS(setresuid)->uid, AS(setresuid)->uid);
	case OP_CAPSET: return op_capset(run, AS(capset));
	case OP_SECCOMP: return op_seccomp(run, AS(seccomp));
	case OP_RECORD_CALLS: return op_record_calls(run, AS(record_calls));
	case OP_CHDIR: return op_chdir(run, AS(chdir));
	case OP_CHECK_CWD: return op_check_cwd(run, AS(check_cwd));
	case OP_REOPEN_NULL: return op_reopen_null(run, AS(reopen_null));
	case OP_STDIO_OWNER: return op_stdio_owner(run, AS(stdio_owner));
	case OP_OPEN_PTY: return op_open_pty(run, AS(open_pty));
	case OP_SET_STDIO: return op_set_stdio(run, AS(set_stdio));
	case OP_CONTROLLING_TERMINAL: return op_controlling_terminal();
	case OP_SET_HOME: return op_set_home(run, AS(set_home));
	case OP_FIND_PROGRAM: return op_find_program(run, AS(find_program));
	case OP_RUN_HOOK: return op_run_hook(run, AS(run_hook));
	case OP_BARRIER: return op_barrier(run, AS(barrier));
	case OP_CLOSE_RANGE: return op_close_range(run, AS(close_range));
	case OP_EXECVE: return op_execve(run, AS(execve));
	case OP_IDENTIFY_PROCESS: return op_identify_process(run, AS(identify_process));
	case OP_PIDFD_SIGNAL: return op_pidfd_signal(run, AS(pidfd_signal));
	case OP_WAIT_EXIT: return op_wait_exit(run, AS(wait_exit));
	case OP_RELEASE_BARRIER: return op_release_barrier(run, AS(release_barrier));
	case OP_REQUIRE_THAWED: return op_require_thawed(run, AS(require_thawed));
	case OP_REQUIRE_FROZEN: return op_require_frozen(run, AS(require_frozen));
	case OP_SET_FROZEN: return op_set_frozen(run, AS(set_frozen));
	case OP_PRINT_PIDS: return op_print_pids(run, AS(print_pids));
	case OP_REQUIRE_ENTRY: return op_require_entry(run, AS(require_entry));
	case OP_MAKE_DIRECTORY: return op_make_directory(run, AS(make_directory));
	case OP_WRITE_FILE: return op_write_file(run, AS(write_file));
	case OP_WRITE_BYTES: return op_write_bytes(run, AS(write_bytes));
	case OP_COPY_TEXT: return op_copy_text(run, AS(copy_text));
	case OP_RENAME: return op_rename(run, AS(rename));
	case OP_ATTACH_DEVICE_PROGRAM: return op_attach_device_program(run, AS(attach_device_program));
	case OP_FLOCK: return op_flock(run, AS(flock));
	case OP_REMOVE_DIRECTORY: return op_remove_directory(run, AS(remove_directory));
	case OP_PRINT_STATE: return op_print_state(run, AS(print_state));
	}
#undef AS
	return -ENOSYS;
}

static int tolerated(const struct op_head *head, long rc)
{
	for (int i = 0; i < 4; i++)
		if (head->tolerate[i] && head->tolerate[i] == -rc)
			return 1;
	return 0;
}

long plan_run(struct run *run)
{
	const struct plan_head *plan = (const void *)run->plan.bytes;
	uint32_t at = sizeof(*plan), skip = run->skip;

	for (uint32_t i = 0; i < plan->op_count; i++) {
		const struct op_head *head = (const void *)(run->plan.bytes + at);

		at += head->size;
		if (skip) {
			skip--;
			continue;
		}
		run->op_index = i;
		long rc = run_op(run, head);

		if (rc >= 0)
			continue;
		if (!tolerated(head, rc))
			return rc;
		skip = head->skip;
		run->record.text[0] = '\0';
	}
	return 0;
}
