/* A plan in memory, and the one executor of its operations. */
#pragma once
#include "plan.gen.h"
#include "sys.h"

#define OP_NONE UINT32_MAX

/* What goes back over the conversation's SOCK_SEQPACKET: the head, then as much of `text` as is used. */
struct record {
	uint32_t kind;     /* enum word */
	uint32_t op_index; /* OP_NONE: before the first operation */
	int32_t err;       /* errno, positive */
	uint32_t value;    /* a wait status, a slot's descriptor: the word says which */
	char text[2032];
};
#define RECORD_HEAD 16u

struct plan {
	unsigned char *bytes; /* a private copy: vectors are turned into pointers in place */
	uint32_t size, op_end;
};

/* How a seccomp listener is handed over (ops_listener.c); -1 each where there is none. */
struct listener_channel { int wake, done, process; };

struct run {
	struct plan plan;
	int socket;                   /* the conversation, or -1 */
	struct listener_channel channel;
	int slots[SLOT_LIMIT];        /* -1: empty */
	uint8_t attached[SLOT_LIMIT]; /* the slot's mount has been attached to the tree */
	uint32_t op_index;
	uint32_t skip;                /* how many operations are passed over before the first one is carried out */
	int made_mountpoint;          /* the last make_mountpoint created its last component */
	int chdir_failed;
	char home[1024];              /* HOME=…, for execve */
	char program[4096];           /* what find_program found */
	struct record record;
};

enum op_room { ROOM_INIT = 1, ROOM_VERB = 2, ROOM_KEPT = 3, ROOM_CREATION = 4 };

/* Check every operation, size, reference, slot and vector entry, before the first operation.
 * 0, -EPROTO (built from another table) or -EBADMSG. */
long plan_check(struct plan *plan, enum op_room room);

/* Carry out the operations in order. 0, or the -errno of the one that `run->op_index` names. */
long plan_run(struct run *run);

const char *plan_str(const struct plan *plan, str_ref ref);
/* Turn a vector's offsets into pointers, in place. NULL: an entry is out of bounds. */
char **plan_strv(const struct plan *plan, strv_ref ref);

/* Send a record; the runtime at the other end may be gone, which the next sync finds out. */
long record_send(struct run *run, uint32_t kind, long err, uint32_t value);

/* The same with a descriptor. */
long record_send_descriptor(struct run *run, uint32_t kind, int descriptor);

/* A look-up as the plan says: by openat2, or by a walk of our own. `resolve` is openat2's. */
long look_up(struct run *run, int root, const char *path, uint64_t flags, uint64_t resolve);
/* openat2 under `root`: no way out, no magic links; EAGAIN means a rename was under way. */
long open_in_root(int root, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
#define IN_ROOT (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)

/* Families of operations, a file each. */
long op_make_mountpoint(struct run *run, const struct op_make_mountpoint *op);
long op_mknod(struct run *run, const struct op_mknod *op);
long op_symlink(struct run *run, const struct op_symlink *op);
long op_unlink(struct run *run, const struct op_unlink *op);

long op_fsmount(struct run *run, const struct op_fsmount *op);
long op_open_tree(struct run *run, const struct op_open_tree *op);
long op_mount_setattr(struct run *run, const struct op_mount_setattr *op);
long op_move_mount(struct run *run, const struct op_move_mount *op);
long op_parent_private(struct run *run, const struct op_parent_private *op);
long op_pivot_root(struct run *run, const struct op_pivot_root *op);
long op_move_root(struct run *run, const struct op_move_root *op);
long op_chroot(struct run *run, const struct op_chroot *op);
long op_umount(struct run *run, const struct op_umount *op);
long op_mask_path(struct run *run, const struct op_mask_path *op);
long op_readonly_path(struct run *run, const struct op_readonly_path *op);
long op_set_label(struct run *run, const struct op_set_label *op);
long op_inherit_mode(struct run *run, const struct op_inherit_mode *op);
long op_require_fstype(struct run *run, const struct op_require_fstype *op);
long op_require_other(struct run *run, const struct op_require_other *op);
long op_require_device(struct run *run, const struct op_require_device *op);
long op_bind_mount(struct run *run, const struct op_bind_mount *op);
long op_mount_filesystem(struct run *run, const struct op_mount_filesystem *op);
long op_remount(struct run *run, const struct op_remount *op);
long op_propagate(struct run *run, const struct op_propagate *op);
long op_cover_path(struct run *run, const struct op_cover_path *op);
long op_protect_path(struct run *run, const struct op_protect_path *op);
long op_tmpcopyup(struct run *run, const struct op_tmpcopyup *op);

long op_parent_userns(struct run *run, const struct op_parent_userns *op);
long op_make_userns(struct run *run, const struct op_make_userns *op);
long op_clone(struct run *run, const struct op_clone *op);
long op_sync(struct run *run, const struct op_sync *op);
long op_open_proc(struct run *run, const struct op_open_proc *op);
long op_write_proc(struct run *run, const struct op_write_proc *op);
long op_check_proc(struct run *run, const struct op_check_proc *op);
long op_link_up(struct run *run, const struct op_link_up *op);
long op_join_keyring(struct run *run, const struct op_join_keyring *op);
long op_drop_bounding(struct run *run, const struct op_drop_bounding *op);
long op_capset(struct run *run, const struct op_capset *op);
long op_seccomp(struct run *run, const struct op_seccomp *op);
long op_check_cwd(struct run *run, const struct op_check_cwd *op);
/* Before the clone; in the first stage afterwards (its exit status), and in the container process; under the filter. */
long listener_prepare(struct run *run);
int listener_hand_over(struct run *run, int process);
long listener_meet(struct run *run);
void listener_announce(struct run *run, long listener, uint64_t mark);
long op_record_calls(struct run *run, const struct op_record_calls *op);
long op_run_hook(struct run *run, const struct op_run_hook *op);

long op_netlink_socket(struct run *run, const struct op_netlink_socket *op);
long op_absent_link(struct run *run, const struct op_absent_link *op);
long op_netlink(struct run *run, const struct op_netlink *op);
long netlink_open(void);
long netlink_ask(int socket, const void *request, size_t size, unsigned char *answer, size_t room);

long op_reopen_null(struct run *run, const struct op_reopen_null *op);
long op_stdio_owner(struct run *run, const struct op_stdio_owner *op);
long op_open_pty(struct run *run, const struct op_open_pty *op);
long op_set_stdio(struct run *run, const struct op_set_stdio *op);
long op_send_descriptor(struct run *run, const struct op_send_descriptor *op);

long op_set_home(struct run *run, const struct op_set_home *op);
long op_find_program(struct run *run, const struct op_find_program *op);
long op_barrier(struct run *run, const struct op_barrier *op);
long op_close_range(struct run *run, const struct op_close_range *op);
long op_execve(struct run *run, const struct op_execve *op);

long op_identify_process(struct run *run, const struct op_identify_process *op);
long op_pidfd_signal(struct run *run, const struct op_pidfd_signal *op);
long op_wait_exit(struct run *run, const struct op_wait_exit *op);
long op_release_barrier(struct run *run, const struct op_release_barrier *op);

long op_require_thawed(struct run *run, const struct op_require_thawed *op);
long op_require_frozen(struct run *run, const struct op_require_frozen *op);
long op_set_frozen(struct run *run, const struct op_set_frozen *op);
long op_print_pids(struct run *run, const struct op_print_pids *op);
long op_require_entry(struct run *run, const struct op_require_entry *op);
long op_remove_directory(struct run *run, const struct op_remove_directory *op);
long op_print_state(struct run *run, const struct op_print_state *op);

long op_make_directory(struct run *run, const struct op_make_directory *op);
long op_write_file(struct run *run, const struct op_write_file *op);
long op_write_bytes(struct run *run, const struct op_write_bytes *op);
long op_copy_text(struct run *run, const struct op_copy_text *op);
long op_rename(struct run *run, const struct op_rename *op);
long op_attach_device_program(struct run *run, const struct op_attach_device_program *op);
long op_flock(struct run *run, const struct op_flock *op);

/* To standard output; what a reader does not take is its loss. */
long print_text(const char *text, size_t size);
/* 1 when a group's file holds the word; 0 also for a group that is gone. */
long cgroup_says(const char *path, const char *word);

/* Field 22 of /proc/PID/stat. 0 or -errno. */
long process_start_time(uint32_t pid, uint64_t *ret);

/* Fill a slot, closing what it held. Returns 0, or passes a negative `fd` on. */
long slot_fill(struct run *run, slot_ref slot, long fd);
static inline int slot_fd(const struct run *run, slot_ref slot)
{
	return slot == SLOT_NONE ? AT_FDCWD : run->slots[slot];
}
static inline const char *op_str(const struct run *run, str_ref ref)
{
	return plan_str(&run->plan, ref);
}
