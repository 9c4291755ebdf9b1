/* Written by scripts/gen_plan_h.ts from src/plan/schema.ts: do not edit. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define PLAN_MAGIC 0x636e7564u
#define PLAN_ABI   0xabe291b005fdd3a0ull
#define SLOT_LIMIT 512u
#define SLOT_NONE  0xffffffffu

typedef uint32_t str_ref;
typedef uint32_t strv_ref;
typedef uint32_t slot_ref;
struct blob_ref { uint32_t at, size; };

struct plan_head {
	uint32_t magic, size;
	uint64_t abi;
	uint32_t op_count, slot_count, given, own_walk;
};
_Static_assert(sizeof(struct plan_head) == 32, "plan_head");

struct op_head {
	uint32_t code, size;
	uint8_t tolerate[4];
	uint32_t skip;
};
_Static_assert(sizeof(struct op_head) == 16, "op_head");

enum op_code {
	OP_OPEN = 1,
	OP_CLOSE = 2,
	OP_WRITE_SLOT = 3,
	OP_SEND_DESCRIPTOR = 4,
	OP_MAKE_MOUNTPOINT = 5,
	OP_MKNOD = 6,
	OP_SYMLINK = 7,
	OP_UNLINK = 8,
	OP_CHOWN = 9,
	OP_FSMOUNT = 10,
	OP_OPEN_TREE = 11,
	OP_MOUNT_SETATTR = 12,
	OP_MOVE_MOUNT = 13,
	OP_PARENT_PRIVATE = 14,
	OP_PIVOT_ROOT = 15,
	OP_MOVE_ROOT = 16,
	OP_CHROOT = 17,
	OP_UMOUNT = 18,
	OP_MASK_PATH = 19,
	OP_READONLY_PATH = 20,
	OP_BIND_MOUNT = 21,
	OP_MOUNT_FILESYSTEM = 22,
	OP_REMOUNT = 23,
	OP_PROPAGATE = 24,
	OP_COVER_PATH = 25,
	OP_PROTECT_PATH = 26,
	OP_TMPCOPYUP = 27,
	OP_SET_LABEL = 28,
	OP_INHERIT_MODE = 29,
	OP_REQUIRE_FSTYPE = 30,
	OP_REQUIRE_OTHER = 31,
	OP_REQUIRE_DEVICE = 32,
	OP_UNSHARE = 33,
	OP_MAKE_USERNS = 34,
	OP_PARENT_USERNS = 35,
	OP_SETNS = 36,
	OP_CLONE = 37,
	OP_SYNC = 38,
	OP_END_CONVERSATION = 39,
	OP_OPEN_PROC = 40,
	OP_WRITE_PROC = 41,
	OP_CHECK_PROC = 42,
	OP_SETSID = 43,
	OP_PRCTL = 44,
	OP_UMASK = 45,
	OP_SETHOSTNAME = 46,
	OP_SETDOMAINNAME = 47,
	OP_LINK_UP = 48,
	OP_NETLINK_SOCKET = 49,
	OP_ABSENT_LINK = 50,
	OP_NETLINK = 51,
	OP_PRLIMIT = 52,
	OP_JOIN_KEYRING = 53,
	OP_PERSONALITY = 54,
	OP_SCHED_SETATTR = 55,
	OP_IOPRIO_SET = 56,
	OP_SET_MEMPOLICY = 57,
	OP_SCHED_SETAFFINITY = 58,
	OP_DROP_BOUNDING = 59,
	OP_SETGROUPS = 60,
	OP_SETRESGID = 61,
	OP_SETRESUID = 62,
	OP_CAPSET = 63,
	OP_SECCOMP = 64,
	OP_RECORD_CALLS = 65,
	OP_CHDIR = 66,
	OP_CHECK_CWD = 67,
	OP_REOPEN_NULL = 68,
	OP_STDIO_OWNER = 69,
	OP_OPEN_PTY = 70,
	OP_SET_STDIO = 71,
	OP_CONTROLLING_TERMINAL = 72,
	OP_SET_HOME = 73,
	OP_FIND_PROGRAM = 74,
	OP_RUN_HOOK = 75,
	OP_BARRIER = 76,
	OP_CLOSE_RANGE = 77,
	OP_EXECVE = 78,
	OP_IDENTIFY_PROCESS = 79,
	OP_PIDFD_SIGNAL = 80,
	OP_WAIT_EXIT = 81,
	OP_RELEASE_BARRIER = 82,
	OP_REQUIRE_THAWED = 83,
	OP_REQUIRE_FROZEN = 84,
	OP_SET_FROZEN = 85,
	OP_PRINT_PIDS = 86,
	OP_REQUIRE_ENTRY = 87,
	OP_MAKE_DIRECTORY = 88,
	OP_WRITE_FILE = 89,
	OP_WRITE_BYTES = 90,
	OP_COPY_TEXT = 91,
	OP_RENAME = 92,
	OP_ATTACH_DEVICE_PROGRAM = 93,
	OP_FLOCK = 94,
	OP_REMOVE_DIRECTORY = 95,
	OP_PRINT_STATE = 96,
};

enum word {
	WORD_GO = 1,
	WORD_FAILED = 2,
	WORD_HOOKS = 3,
	WORD_READY = 4,
	WORD_MAPS = 5,
	WORD_CONSOLE = 6,
	WORD_LISTENER = 7,
	WORD_DEVICES = 8,
	WORD_CGROUP = 9,
};

struct op_open {
	struct op_head head;
	slot_ref slot;
	slot_ref root;
	str_ref path;
	uint32_t flags;
	uint32_t resolve;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_open, slot) == 16, "open.slot");
_Static_assert(offsetof(struct op_open, root) == 20, "open.root");
_Static_assert(offsetof(struct op_open, path) == 24, "open.path");
_Static_assert(offsetof(struct op_open, flags) == 28, "open.flags");
_Static_assert(offsetof(struct op_open, resolve) == 32, "open.resolve");
_Static_assert(sizeof(struct op_open) == 40, "open");

struct op_close {
	struct op_head head;
	slot_ref slot;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_close, slot) == 16, "close.slot");
_Static_assert(sizeof(struct op_close) == 24, "close");

struct op_write_slot {
	struct op_head head;
	slot_ref slot;
	str_ref text;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_write_slot, slot) == 16, "write_slot.slot");
_Static_assert(offsetof(struct op_write_slot, text) == 20, "write_slot.text");
_Static_assert(sizeof(struct op_write_slot) == 24, "write_slot");

struct op_send_descriptor {
	struct op_head head;
	slot_ref socket;
	slot_ref slot;
	str_ref text;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_send_descriptor, socket) == 16, "send_descriptor.socket");
_Static_assert(offsetof(struct op_send_descriptor, slot) == 20, "send_descriptor.slot");
_Static_assert(offsetof(struct op_send_descriptor, text) == 24, "send_descriptor.text");
_Static_assert(sizeof(struct op_send_descriptor) == 32, "send_descriptor");

struct op_make_mountpoint {
	struct op_head head;
	slot_ref slot;
	slot_ref root;
	str_ref path;
	slot_ref like;
	uint32_t type;
	uint32_t mode;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_make_mountpoint, slot) == 16, "make_mountpoint.slot");
_Static_assert(offsetof(struct op_make_mountpoint, root) == 20, "make_mountpoint.root");
_Static_assert(offsetof(struct op_make_mountpoint, path) == 24, "make_mountpoint.path");
_Static_assert(offsetof(struct op_make_mountpoint, like) == 28, "make_mountpoint.like");
_Static_assert(offsetof(struct op_make_mountpoint, type) == 32, "make_mountpoint.type");
_Static_assert(offsetof(struct op_make_mountpoint, mode) == 36, "make_mountpoint.mode");
_Static_assert(sizeof(struct op_make_mountpoint) == 40, "make_mountpoint");

struct op_mknod {
	struct op_head head;
	slot_ref root;
	str_ref path;
	uint32_t mode;
	uint32_t major;
	uint32_t minor;
	uint32_t uid;
	uint32_t gid;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_mknod, root) == 16, "mknod.root");
_Static_assert(offsetof(struct op_mknod, path) == 20, "mknod.path");
_Static_assert(offsetof(struct op_mknod, mode) == 24, "mknod.mode");
_Static_assert(offsetof(struct op_mknod, major) == 28, "mknod.major");
_Static_assert(offsetof(struct op_mknod, minor) == 32, "mknod.minor");
_Static_assert(offsetof(struct op_mknod, uid) == 36, "mknod.uid");
_Static_assert(offsetof(struct op_mknod, gid) == 40, "mknod.gid");
_Static_assert(sizeof(struct op_mknod) == 48, "mknod");

struct op_symlink {
	struct op_head head;
	slot_ref root;
	str_ref path;
	str_ref target;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_symlink, root) == 16, "symlink.root");
_Static_assert(offsetof(struct op_symlink, path) == 20, "symlink.path");
_Static_assert(offsetof(struct op_symlink, target) == 24, "symlink.target");
_Static_assert(sizeof(struct op_symlink) == 32, "symlink");

struct op_unlink {
	struct op_head head;
	slot_ref root;
	str_ref path;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_unlink, root) == 16, "unlink.root");
_Static_assert(offsetof(struct op_unlink, path) == 20, "unlink.path");
_Static_assert(sizeof(struct op_unlink) == 24, "unlink");

struct op_chown {
	struct op_head head;
	slot_ref slot;
	uint32_t uid;
	uint32_t gid;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_chown, slot) == 16, "chown.slot");
_Static_assert(offsetof(struct op_chown, uid) == 20, "chown.uid");
_Static_assert(offsetof(struct op_chown, gid) == 24, "chown.gid");
_Static_assert(sizeof(struct op_chown) == 32, "chown");

struct op_fsmount {
	struct op_head head;
	slot_ref slot;
	str_ref fstype;
	strv_ref options;
	uint32_t attr;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_fsmount, slot) == 16, "fsmount.slot");
_Static_assert(offsetof(struct op_fsmount, fstype) == 20, "fsmount.fstype");
_Static_assert(offsetof(struct op_fsmount, options) == 24, "fsmount.options");
_Static_assert(offsetof(struct op_fsmount, attr) == 28, "fsmount.attr");
_Static_assert(sizeof(struct op_fsmount) == 32, "fsmount");

struct op_open_tree {
	struct op_head head;
	slot_ref slot;
	slot_ref root;
	str_ref path;
	uint32_t recursive;
	uint32_t resolve;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_open_tree, slot) == 16, "open_tree.slot");
_Static_assert(offsetof(struct op_open_tree, root) == 20, "open_tree.root");
_Static_assert(offsetof(struct op_open_tree, path) == 24, "open_tree.path");
_Static_assert(offsetof(struct op_open_tree, recursive) == 28, "open_tree.recursive");
_Static_assert(offsetof(struct op_open_tree, resolve) == 32, "open_tree.resolve");
_Static_assert(sizeof(struct op_open_tree) == 40, "open_tree");

struct op_mount_setattr {
	struct op_head head;
	slot_ref slot;
	uint32_t recursive;
	uint64_t set;
	uint64_t clear;
	uint32_t propagation;
	slot_ref userns;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_mount_setattr, slot) == 16, "mount_setattr.slot");
_Static_assert(offsetof(struct op_mount_setattr, recursive) == 20, "mount_setattr.recursive");
_Static_assert(offsetof(struct op_mount_setattr, set) == 24, "mount_setattr.set");
_Static_assert(offsetof(struct op_mount_setattr, clear) == 32, "mount_setattr.clear");
_Static_assert(offsetof(struct op_mount_setattr, propagation) == 40, "mount_setattr.propagation");
_Static_assert(offsetof(struct op_mount_setattr, userns) == 44, "mount_setattr.userns");
_Static_assert(sizeof(struct op_mount_setattr) == 48, "mount_setattr");

struct op_move_mount {
	struct op_head head;
	slot_ref mount;
	slot_ref target;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_move_mount, mount) == 16, "move_mount.mount");
_Static_assert(offsetof(struct op_move_mount, target) == 20, "move_mount.target");
_Static_assert(sizeof(struct op_move_mount) == 24, "move_mount");

struct op_parent_private {
	struct op_head head;
	slot_ref root;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_parent_private, root) == 16, "parent_private.root");
_Static_assert(sizeof(struct op_parent_private) == 24, "parent_private");

struct op_pivot_root {
	struct op_head head;
	slot_ref root;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_pivot_root, root) == 16, "pivot_root.root");
_Static_assert(sizeof(struct op_pivot_root) == 24, "pivot_root");

struct op_move_root {
	struct op_head head;
	slot_ref root;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_move_root, root) == 16, "move_root.root");
_Static_assert(sizeof(struct op_move_root) == 24, "move_root");

struct op_chroot {
	struct op_head head;
	slot_ref root;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_chroot, root) == 16, "chroot.root");
_Static_assert(sizeof(struct op_chroot) == 24, "chroot");

struct op_umount {
	struct op_head head;
	slot_ref root;
	str_ref path;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_umount, root) == 16, "umount.root");
_Static_assert(offsetof(struct op_umount, path) == 20, "umount.path");
_Static_assert(sizeof(struct op_umount) == 24, "umount");

struct op_mask_path {
	struct op_head head;
	slot_ref root;
	str_ref path;
	slot_ref null;
	slot_ref directory;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_mask_path, root) == 16, "mask_path.root");
_Static_assert(offsetof(struct op_mask_path, path) == 20, "mask_path.path");
_Static_assert(offsetof(struct op_mask_path, null) == 24, "mask_path.null");
_Static_assert(offsetof(struct op_mask_path, directory) == 28, "mask_path.directory");
_Static_assert(sizeof(struct op_mask_path) == 32, "mask_path");

struct op_readonly_path {
	struct op_head head;
	slot_ref root;
	str_ref path;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_readonly_path, root) == 16, "readonly_path.root");
_Static_assert(offsetof(struct op_readonly_path, path) == 20, "readonly_path.path");
_Static_assert(sizeof(struct op_readonly_path) == 24, "readonly_path");

struct op_bind_mount {
	struct op_head head;
	slot_ref slot;
	slot_ref source;
	slot_ref target;
	slot_ref root;
	str_ref path;
	slot_ref proc;
	uint32_t recursive;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_bind_mount, slot) == 16, "bind_mount.slot");
_Static_assert(offsetof(struct op_bind_mount, source) == 20, "bind_mount.source");
_Static_assert(offsetof(struct op_bind_mount, target) == 24, "bind_mount.target");
_Static_assert(offsetof(struct op_bind_mount, root) == 28, "bind_mount.root");
_Static_assert(offsetof(struct op_bind_mount, path) == 32, "bind_mount.path");
_Static_assert(offsetof(struct op_bind_mount, proc) == 36, "bind_mount.proc");
_Static_assert(offsetof(struct op_bind_mount, recursive) == 40, "bind_mount.recursive");
_Static_assert(sizeof(struct op_bind_mount) == 48, "bind_mount");

struct op_mount_filesystem {
	struct op_head head;
	slot_ref slot;
	slot_ref target;
	slot_ref root;
	str_ref path;
	slot_ref proc;
	str_ref fstype;
	str_ref source;
	str_ref data;
	uint64_t flags;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_mount_filesystem, slot) == 16, "mount_filesystem.slot");
_Static_assert(offsetof(struct op_mount_filesystem, target) == 20, "mount_filesystem.target");
_Static_assert(offsetof(struct op_mount_filesystem, root) == 24, "mount_filesystem.root");
_Static_assert(offsetof(struct op_mount_filesystem, path) == 28, "mount_filesystem.path");
_Static_assert(offsetof(struct op_mount_filesystem, proc) == 32, "mount_filesystem.proc");
_Static_assert(offsetof(struct op_mount_filesystem, fstype) == 36, "mount_filesystem.fstype");
_Static_assert(offsetof(struct op_mount_filesystem, source) == 40, "mount_filesystem.source");
_Static_assert(offsetof(struct op_mount_filesystem, data) == 44, "mount_filesystem.data");
_Static_assert(offsetof(struct op_mount_filesystem, flags) == 48, "mount_filesystem.flags");
_Static_assert(sizeof(struct op_mount_filesystem) == 56, "mount_filesystem");

struct op_remount {
	struct op_head head;
	slot_ref slot;
	slot_ref proc;
	uint64_t clear;
	uint64_t set;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_remount, slot) == 16, "remount.slot");
_Static_assert(offsetof(struct op_remount, proc) == 20, "remount.proc");
_Static_assert(offsetof(struct op_remount, clear) == 24, "remount.clear");
_Static_assert(offsetof(struct op_remount, set) == 32, "remount.set");
_Static_assert(sizeof(struct op_remount) == 40, "remount");

struct op_propagate {
	struct op_head head;
	slot_ref slot;
	slot_ref proc;
	uint64_t flags;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_propagate, slot) == 16, "propagate.slot");
_Static_assert(offsetof(struct op_propagate, proc) == 20, "propagate.proc");
_Static_assert(offsetof(struct op_propagate, flags) == 24, "propagate.flags");
_Static_assert(sizeof(struct op_propagate) == 32, "propagate");

struct op_cover_path {
	struct op_head head;
	slot_ref root;
	str_ref path;
	slot_ref null;
	slot_ref proc;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_cover_path, root) == 16, "cover_path.root");
_Static_assert(offsetof(struct op_cover_path, path) == 20, "cover_path.path");
_Static_assert(offsetof(struct op_cover_path, null) == 24, "cover_path.null");
_Static_assert(offsetof(struct op_cover_path, proc) == 28, "cover_path.proc");
_Static_assert(sizeof(struct op_cover_path) == 32, "cover_path");

struct op_protect_path {
	struct op_head head;
	slot_ref root;
	str_ref path;
	slot_ref proc;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_protect_path, root) == 16, "protect_path.root");
_Static_assert(offsetof(struct op_protect_path, path) == 20, "protect_path.path");
_Static_assert(offsetof(struct op_protect_path, proc) == 24, "protect_path.proc");
_Static_assert(sizeof(struct op_protect_path) == 32, "protect_path");

struct op_tmpcopyup {
	struct op_head head;
	slot_ref mount;
	slot_ref source;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_tmpcopyup, mount) == 16, "tmpcopyup.mount");
_Static_assert(offsetof(struct op_tmpcopyup, source) == 20, "tmpcopyup.source");
_Static_assert(sizeof(struct op_tmpcopyup) == 24, "tmpcopyup");

struct op_set_label {
	struct op_head head;
	slot_ref slot;
	str_ref label;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_set_label, slot) == 16, "set_label.slot");
_Static_assert(offsetof(struct op_set_label, label) == 20, "set_label.label");
_Static_assert(sizeof(struct op_set_label) == 24, "set_label");

struct op_inherit_mode {
	struct op_head head;
	slot_ref mount;
	slot_ref target;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_inherit_mode, mount) == 16, "inherit_mode.mount");
_Static_assert(offsetof(struct op_inherit_mode, target) == 20, "inherit_mode.target");
_Static_assert(sizeof(struct op_inherit_mode) == 24, "inherit_mode");

struct op_require_fstype {
	struct op_head head;
	slot_ref slot;
	uint64_t magic;
	uint32_t negate;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_require_fstype, slot) == 16, "require_fstype.slot");
_Static_assert(offsetof(struct op_require_fstype, magic) == 24, "require_fstype.magic");
_Static_assert(offsetof(struct op_require_fstype, negate) == 32, "require_fstype.negate");
_Static_assert(sizeof(struct op_require_fstype) == 40, "require_fstype");

struct op_require_other {
	struct op_head head;
	slot_ref slot;
	slot_ref root;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_require_other, slot) == 16, "require_other.slot");
_Static_assert(offsetof(struct op_require_other, root) == 20, "require_other.root");
_Static_assert(sizeof(struct op_require_other) == 24, "require_other");

struct op_require_device {
	struct op_head head;
	slot_ref slot;
	uint32_t major;
	uint32_t minor;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_require_device, slot) == 16, "require_device.slot");
_Static_assert(offsetof(struct op_require_device, major) == 20, "require_device.major");
_Static_assert(offsetof(struct op_require_device, minor) == 24, "require_device.minor");
_Static_assert(sizeof(struct op_require_device) == 32, "require_device");

struct op_unshare {
	struct op_head head;
	uint64_t flags;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_unshare, flags) == 16, "unshare.flags");
_Static_assert(sizeof(struct op_unshare) == 24, "unshare");

struct op_make_userns {
	struct op_head head;
	slot_ref slot;
	str_ref uid_map;
	str_ref gid_map;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_make_userns, slot) == 16, "make_userns.slot");
_Static_assert(offsetof(struct op_make_userns, uid_map) == 20, "make_userns.uidMap");
_Static_assert(offsetof(struct op_make_userns, gid_map) == 24, "make_userns.gidMap");
_Static_assert(sizeof(struct op_make_userns) == 32, "make_userns");

struct op_parent_userns {
	struct op_head head;
	slot_ref slot;
	slot_ref namespace;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_parent_userns, slot) == 16, "parent_userns.slot");
_Static_assert(offsetof(struct op_parent_userns, namespace) == 20, "parent_userns.namespace");
_Static_assert(sizeof(struct op_parent_userns) == 24, "parent_userns");

struct op_setns {
	struct op_head head;
	slot_ref slot;
	uint32_t flags;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_setns, slot) == 16, "setns.slot");
_Static_assert(offsetof(struct op_setns, flags) == 20, "setns.flags");
_Static_assert(sizeof(struct op_setns) == 24, "setns");

struct op_clone {
	struct op_head head;
	uint64_t flags;
	slot_ref cgroup;
	uint32_t listener;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_clone, flags) == 16, "clone.flags");
_Static_assert(offsetof(struct op_clone, cgroup) == 24, "clone.cgroup");
_Static_assert(offsetof(struct op_clone, listener) == 28, "clone.listener");
_Static_assert(sizeof(struct op_clone) == 32, "clone");

struct op_sync {
	struct op_head head;
	uint32_t word;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_sync, word) == 16, "sync.word");
_Static_assert(sizeof(struct op_sync) == 24, "sync");

struct op_end_conversation {
	struct op_head head;
} __attribute__((aligned(8)));
_Static_assert(sizeof(struct op_end_conversation) == 16, "end_conversation");

struct op_open_proc {
	struct op_head head;
	slot_ref slot;
	uint32_t subset;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_open_proc, slot) == 16, "open_proc.slot");
_Static_assert(offsetof(struct op_open_proc, subset) == 20, "open_proc.subset");
_Static_assert(sizeof(struct op_open_proc) == 24, "open_proc");

struct op_write_proc {
	struct op_head head;
	slot_ref proc;
	str_ref path;
	str_ref text;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_write_proc, proc) == 16, "write_proc.proc");
_Static_assert(offsetof(struct op_write_proc, path) == 20, "write_proc.path");
_Static_assert(offsetof(struct op_write_proc, text) == 24, "write_proc.text");
_Static_assert(sizeof(struct op_write_proc) == 32, "write_proc");

struct op_check_proc {
	struct op_head head;
	slot_ref proc;
	str_ref path;
	str_ref text;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_check_proc, proc) == 16, "check_proc.proc");
_Static_assert(offsetof(struct op_check_proc, path) == 20, "check_proc.path");
_Static_assert(offsetof(struct op_check_proc, text) == 24, "check_proc.text");
_Static_assert(sizeof(struct op_check_proc) == 32, "check_proc");

struct op_setsid {
	struct op_head head;
} __attribute__((aligned(8)));
_Static_assert(sizeof(struct op_setsid) == 16, "setsid");

struct op_prctl {
	struct op_head head;
	uint32_t option;
	uint64_t arg2;
	uint64_t arg3;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_prctl, option) == 16, "prctl.option");
_Static_assert(offsetof(struct op_prctl, arg2) == 24, "prctl.arg2");
_Static_assert(offsetof(struct op_prctl, arg3) == 32, "prctl.arg3");
_Static_assert(sizeof(struct op_prctl) == 40, "prctl");

struct op_umask {
	struct op_head head;
	uint32_t mask;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_umask, mask) == 16, "umask.mask");
_Static_assert(sizeof(struct op_umask) == 24, "umask");

struct op_sethostname {
	struct op_head head;
	str_ref name;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_sethostname, name) == 16, "sethostname.name");
_Static_assert(sizeof(struct op_sethostname) == 24, "sethostname");

struct op_setdomainname {
	struct op_head head;
	str_ref name;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_setdomainname, name) == 16, "setdomainname.name");
_Static_assert(sizeof(struct op_setdomainname) == 24, "setdomainname");

struct op_link_up {
	struct op_head head;
	str_ref name;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_link_up, name) == 16, "link_up.name");
_Static_assert(sizeof(struct op_link_up) == 24, "link_up");

struct op_netlink_socket {
	struct op_head head;
	slot_ref slot;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_netlink_socket, slot) == 16, "netlink_socket.slot");
_Static_assert(sizeof(struct op_netlink_socket) == 24, "netlink_socket");

struct op_absent_link {
	struct op_head head;
	slot_ref socket;
	str_ref name;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_absent_link, socket) == 16, "absent_link.socket");
_Static_assert(offsetof(struct op_absent_link, name) == 20, "absent_link.name");
_Static_assert(sizeof(struct op_absent_link) == 24, "absent_link");

struct op_netlink {
	struct op_head head;
	slot_ref socket;
	str_ref device;
	struct blob_ref message;
	slot_ref netns;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_netlink, socket) == 16, "netlink.socket");
_Static_assert(offsetof(struct op_netlink, device) == 20, "netlink.device");
_Static_assert(offsetof(struct op_netlink, message) == 24, "netlink.message");
_Static_assert(offsetof(struct op_netlink, netns) == 32, "netlink.netns");
_Static_assert(sizeof(struct op_netlink) == 40, "netlink");

struct op_prlimit {
	struct op_head head;
	uint32_t resource;
	uint64_t soft;
	uint64_t hard;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_prlimit, resource) == 16, "prlimit.resource");
_Static_assert(offsetof(struct op_prlimit, soft) == 24, "prlimit.soft");
_Static_assert(offsetof(struct op_prlimit, hard) == 32, "prlimit.hard");
_Static_assert(sizeof(struct op_prlimit) == 40, "prlimit");

struct op_join_keyring {
	struct op_head head;
	str_ref name;
	uint32_t permissions;
	uint32_t permissions_mask;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_join_keyring, name) == 16, "join_keyring.name");
_Static_assert(offsetof(struct op_join_keyring, permissions) == 20, "join_keyring.permissions");
_Static_assert(offsetof(struct op_join_keyring, permissions_mask) == 24, "join_keyring.permissionsMask");
_Static_assert(sizeof(struct op_join_keyring) == 32, "join_keyring");

struct op_personality {
	struct op_head head;
	uint32_t persona;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_personality, persona) == 16, "personality.persona");
_Static_assert(sizeof(struct op_personality) == 24, "personality");

struct op_sched_setattr {
	struct op_head head;
	struct blob_ref attr;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_sched_setattr, attr) == 16, "sched_setattr.attr");
_Static_assert(sizeof(struct op_sched_setattr) == 24, "sched_setattr");

struct op_ioprio_set {
	struct op_head head;
	uint32_t priority;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_ioprio_set, priority) == 16, "ioprio_set.priority");
_Static_assert(sizeof(struct op_ioprio_set) == 24, "ioprio_set");

struct op_set_mempolicy {
	struct op_head head;
	uint32_t mode;
	struct blob_ref nodes;
	uint32_t max_node;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_set_mempolicy, mode) == 16, "set_mempolicy.mode");
_Static_assert(offsetof(struct op_set_mempolicy, nodes) == 20, "set_mempolicy.nodes");
_Static_assert(offsetof(struct op_set_mempolicy, max_node) == 28, "set_mempolicy.maxNode");
_Static_assert(sizeof(struct op_set_mempolicy) == 32, "set_mempolicy");

struct op_sched_setaffinity {
	struct op_head head;
	struct blob_ref mask;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_sched_setaffinity, mask) == 16, "sched_setaffinity.mask");
_Static_assert(sizeof(struct op_sched_setaffinity) == 24, "sched_setaffinity");

struct op_drop_bounding {
	struct op_head head;
	uint64_t keep;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_drop_bounding, keep) == 16, "drop_bounding.keep");
_Static_assert(sizeof(struct op_drop_bounding) == 24, "drop_bounding");

struct op_setgroups {
	struct op_head head;
	struct blob_ref gids;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_setgroups, gids) == 16, "setgroups.gids");
_Static_assert(sizeof(struct op_setgroups) == 24, "setgroups");

struct op_setresgid {
	struct op_head head;
	uint32_t gid;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_setresgid, gid) == 16, "setresgid.gid");
_Static_assert(sizeof(struct op_setresgid) == 24, "setresgid");

struct op_setresuid {
	struct op_head head;
	uint32_t uid;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_setresuid, uid) == 16, "setresuid.uid");
_Static_assert(sizeof(struct op_setresuid) == 24, "setresuid");

struct op_capset {
	struct op_head head;
	uint64_t effective;
	uint64_t permitted;
	uint64_t inheritable;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_capset, effective) == 16, "capset.effective");
_Static_assert(offsetof(struct op_capset, permitted) == 24, "capset.permitted");
_Static_assert(offsetof(struct op_capset, inheritable) == 32, "capset.inheritable");
_Static_assert(sizeof(struct op_capset) == 40, "capset");

struct op_seccomp {
	struct op_head head;
	uint32_t flags;
	struct blob_ref filter;
	uint32_t listener;
	uint64_t mark;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_seccomp, flags) == 16, "seccomp.flags");
_Static_assert(offsetof(struct op_seccomp, filter) == 20, "seccomp.filter");
_Static_assert(offsetof(struct op_seccomp, listener) == 28, "seccomp.listener");
_Static_assert(offsetof(struct op_seccomp, mark) == 32, "seccomp.mark");
_Static_assert(sizeof(struct op_seccomp) == 40, "seccomp");

struct op_record_calls {
	struct op_head head;
	slot_ref listener;
	slot_ref out;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_record_calls, listener) == 16, "record_calls.listener");
_Static_assert(offsetof(struct op_record_calls, out) == 20, "record_calls.out");
_Static_assert(sizeof(struct op_record_calls) == 24, "record_calls");

struct op_chdir {
	struct op_head head;
	str_ref path;
	uint32_t again;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_chdir, path) == 16, "chdir.path");
_Static_assert(offsetof(struct op_chdir, again) == 20, "chdir.again");
_Static_assert(sizeof(struct op_chdir) == 24, "chdir");

struct op_check_cwd {
	struct op_head head;
} __attribute__((aligned(8)));
_Static_assert(sizeof(struct op_check_cwd) == 16, "check_cwd");

struct op_reopen_null {
	struct op_head head;
	slot_ref null;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_reopen_null, null) == 16, "reopen_null.null");
_Static_assert(sizeof(struct op_reopen_null) == 24, "reopen_null");

struct op_stdio_owner {
	struct op_head head;
	uint32_t uid;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_stdio_owner, uid) == 16, "stdio_owner.uid");
_Static_assert(sizeof(struct op_stdio_owner) == 24, "stdio_owner");

struct op_open_pty {
	struct op_head head;
	slot_ref root;
	str_ref path;
	slot_ref master;
	slot_ref peer;
	uint32_t rows;
	uint32_t columns;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_open_pty, root) == 16, "open_pty.root");
_Static_assert(offsetof(struct op_open_pty, path) == 20, "open_pty.path");
_Static_assert(offsetof(struct op_open_pty, master) == 24, "open_pty.master");
_Static_assert(offsetof(struct op_open_pty, peer) == 28, "open_pty.peer");
_Static_assert(offsetof(struct op_open_pty, rows) == 32, "open_pty.rows");
_Static_assert(offsetof(struct op_open_pty, columns) == 36, "open_pty.columns");
_Static_assert(sizeof(struct op_open_pty) == 40, "open_pty");

struct op_set_stdio {
	struct op_head head;
	slot_ref slot;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_set_stdio, slot) == 16, "set_stdio.slot");
_Static_assert(sizeof(struct op_set_stdio) == 24, "set_stdio");

struct op_controlling_terminal {
	struct op_head head;
} __attribute__((aligned(8)));
_Static_assert(sizeof(struct op_controlling_terminal) == 16, "controlling_terminal");

struct op_set_home {
	struct op_head head;
	uint32_t uid;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_set_home, uid) == 16, "set_home.uid");
_Static_assert(sizeof(struct op_set_home) == 24, "set_home");

struct op_find_program {
	struct op_head head;
	str_ref name;
	str_ref search_path;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_find_program, name) == 16, "find_program.name");
_Static_assert(offsetof(struct op_find_program, search_path) == 20, "find_program.searchPath");
_Static_assert(sizeof(struct op_find_program) == 24, "find_program");

struct op_run_hook {
	struct op_head head;
	str_ref path;
	strv_ref argv;
	strv_ref envp;
	str_ref directory;
	uint32_t pid;
	str_ref state_head;
	str_ref state_tail;
	uint64_t timeout_ms;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_run_hook, path) == 16, "run_hook.path");
_Static_assert(offsetof(struct op_run_hook, argv) == 20, "run_hook.argv");
_Static_assert(offsetof(struct op_run_hook, envp) == 24, "run_hook.envp");
_Static_assert(offsetof(struct op_run_hook, directory) == 28, "run_hook.directory");
_Static_assert(offsetof(struct op_run_hook, pid) == 32, "run_hook.pid");
_Static_assert(offsetof(struct op_run_hook, state_head) == 36, "run_hook.stateHead");
_Static_assert(offsetof(struct op_run_hook, state_tail) == 40, "run_hook.stateTail");
_Static_assert(offsetof(struct op_run_hook, timeout_ms) == 48, "run_hook.timeoutMs");
_Static_assert(sizeof(struct op_run_hook) == 56, "run_hook");

struct op_barrier {
	struct op_head head;
	slot_ref slot;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_barrier, slot) == 16, "barrier.slot");
_Static_assert(sizeof(struct op_barrier) == 24, "barrier");

struct op_close_range {
	struct op_head head;
	uint32_t first;
	slot_ref keep;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_close_range, first) == 16, "close_range.first");
_Static_assert(offsetof(struct op_close_range, keep) == 20, "close_range.keep");
_Static_assert(sizeof(struct op_close_range) == 24, "close_range");

struct op_execve {
	struct op_head head;
	strv_ref argv;
	strv_ref envp;
	uint32_t home;
	strv_ref failures;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_execve, argv) == 16, "execve.argv");
_Static_assert(offsetof(struct op_execve, envp) == 20, "execve.envp");
_Static_assert(offsetof(struct op_execve, home) == 24, "execve.home");
_Static_assert(offsetof(struct op_execve, failures) == 28, "execve.failures");
_Static_assert(sizeof(struct op_execve) == 32, "execve");

struct op_identify_process {
	struct op_head head;
	slot_ref slot;
	uint32_t pid;
	uint64_t start_time;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_identify_process, slot) == 16, "identify_process.slot");
_Static_assert(offsetof(struct op_identify_process, pid) == 20, "identify_process.pid");
_Static_assert(offsetof(struct op_identify_process, start_time) == 24, "identify_process.startTime");
_Static_assert(sizeof(struct op_identify_process) == 32, "identify_process");

struct op_pidfd_signal {
	struct op_head head;
	slot_ref slot;
	uint32_t signal;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_pidfd_signal, slot) == 16, "pidfd_signal.slot");
_Static_assert(offsetof(struct op_pidfd_signal, signal) == 20, "pidfd_signal.signal");
_Static_assert(sizeof(struct op_pidfd_signal) == 24, "pidfd_signal");

struct op_wait_exit {
	struct op_head head;
	slot_ref slot;
	uint32_t timeout_ms;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_wait_exit, slot) == 16, "wait_exit.slot");
_Static_assert(offsetof(struct op_wait_exit, timeout_ms) == 20, "wait_exit.timeoutMs");
_Static_assert(sizeof(struct op_wait_exit) == 24, "wait_exit");

struct op_release_barrier {
	struct op_head head;
	slot_ref root;
	str_ref path;
	slot_ref process;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_release_barrier, root) == 16, "release_barrier.root");
_Static_assert(offsetof(struct op_release_barrier, path) == 20, "release_barrier.path");
_Static_assert(offsetof(struct op_release_barrier, process) == 24, "release_barrier.process");
_Static_assert(sizeof(struct op_release_barrier) == 32, "release_barrier");

struct op_require_thawed {
	struct op_head head;
	str_ref path;
	str_ref word;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_require_thawed, path) == 16, "require_thawed.path");
_Static_assert(offsetof(struct op_require_thawed, word) == 20, "require_thawed.word");
_Static_assert(sizeof(struct op_require_thawed) == 24, "require_thawed");

struct op_require_frozen {
	struct op_head head;
	str_ref path;
	str_ref word;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_require_frozen, path) == 16, "require_frozen.path");
_Static_assert(offsetof(struct op_require_frozen, word) == 20, "require_frozen.word");
_Static_assert(sizeof(struct op_require_frozen) == 24, "require_frozen");

struct op_set_frozen {
	struct op_head head;
	str_ref path;
	str_ref text;
	str_ref state;
	str_ref word;
	uint32_t again;
	str_ref undo;
	uint32_t timeout_ms;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_set_frozen, path) == 16, "set_frozen.path");
_Static_assert(offsetof(struct op_set_frozen, text) == 20, "set_frozen.text");
_Static_assert(offsetof(struct op_set_frozen, state) == 24, "set_frozen.state");
_Static_assert(offsetof(struct op_set_frozen, word) == 28, "set_frozen.word");
_Static_assert(offsetof(struct op_set_frozen, again) == 32, "set_frozen.again");
_Static_assert(offsetof(struct op_set_frozen, undo) == 36, "set_frozen.undo");
_Static_assert(offsetof(struct op_set_frozen, timeout_ms) == 40, "set_frozen.timeoutMs");
_Static_assert(sizeof(struct op_set_frozen) == 48, "set_frozen");

struct op_print_pids {
	struct op_head head;
	str_ref directory;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_print_pids, directory) == 16, "print_pids.directory");
_Static_assert(sizeof(struct op_print_pids) == 24, "print_pids");

struct op_require_entry {
	struct op_head head;
	slot_ref root;
	str_ref path;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_require_entry, root) == 16, "require_entry.root");
_Static_assert(offsetof(struct op_require_entry, path) == 20, "require_entry.path");
_Static_assert(sizeof(struct op_require_entry) == 24, "require_entry");

struct op_make_directory {
	struct op_head head;
	slot_ref root;
	str_ref path;
	uint32_t mode;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_make_directory, root) == 16, "make_directory.root");
_Static_assert(offsetof(struct op_make_directory, path) == 20, "make_directory.path");
_Static_assert(offsetof(struct op_make_directory, mode) == 24, "make_directory.mode");
_Static_assert(sizeof(struct op_make_directory) == 32, "make_directory");

struct op_write_file {
	struct op_head head;
	slot_ref root;
	str_ref path;
	str_ref text;
	uint32_t flags;
	uint32_t mode;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_write_file, root) == 16, "write_file.root");
_Static_assert(offsetof(struct op_write_file, path) == 20, "write_file.path");
_Static_assert(offsetof(struct op_write_file, text) == 24, "write_file.text");
_Static_assert(offsetof(struct op_write_file, flags) == 28, "write_file.flags");
_Static_assert(offsetof(struct op_write_file, mode) == 32, "write_file.mode");
_Static_assert(sizeof(struct op_write_file) == 40, "write_file");

struct op_write_bytes {
	struct op_head head;
	slot_ref root;
	str_ref path;
	struct blob_ref bytes;
	uint32_t flags;
	uint32_t mode;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_write_bytes, root) == 16, "write_bytes.root");
_Static_assert(offsetof(struct op_write_bytes, path) == 20, "write_bytes.path");
_Static_assert(offsetof(struct op_write_bytes, bytes) == 24, "write_bytes.bytes");
_Static_assert(offsetof(struct op_write_bytes, flags) == 32, "write_bytes.flags");
_Static_assert(offsetof(struct op_write_bytes, mode) == 36, "write_bytes.mode");
_Static_assert(sizeof(struct op_write_bytes) == 40, "write_bytes");

struct op_copy_text {
	struct op_head head;
	str_ref from;
	str_ref to;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_copy_text, from) == 16, "copy_text.from");
_Static_assert(offsetof(struct op_copy_text, to) == 20, "copy_text.to");
_Static_assert(sizeof(struct op_copy_text) == 24, "copy_text");

struct op_rename {
	struct op_head head;
	slot_ref root;
	str_ref from;
	str_ref to;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_rename, root) == 16, "rename.root");
_Static_assert(offsetof(struct op_rename, from) == 20, "rename.from");
_Static_assert(offsetof(struct op_rename, to) == 24, "rename.to");
_Static_assert(sizeof(struct op_rename) == 32, "rename");

struct op_attach_device_program {
	struct op_head head;
	str_ref cgroup;
	struct blob_ref program;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_attach_device_program, cgroup) == 16, "attach_device_program.cgroup");
_Static_assert(offsetof(struct op_attach_device_program, program) == 20, "attach_device_program.program");
_Static_assert(sizeof(struct op_attach_device_program) == 32, "attach_device_program");

struct op_flock {
	struct op_head head;
	slot_ref slot;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_flock, slot) == 16, "flock.slot");
_Static_assert(sizeof(struct op_flock) == 24, "flock");

struct op_remove_directory {
	struct op_head head;
	slot_ref root;
	str_ref path;
	uint32_t timeout_ms;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_remove_directory, root) == 16, "remove_directory.root");
_Static_assert(offsetof(struct op_remove_directory, path) == 20, "remove_directory.path");
_Static_assert(offsetof(struct op_remove_directory, timeout_ms) == 24, "remove_directory.timeoutMs");
_Static_assert(sizeof(struct op_remove_directory) == 32, "remove_directory");

struct op_print_state {
	struct op_head head;
	slot_ref root;
	uint32_t pid;
	uint64_t start_time;
	str_ref freezer;
	str_ref word;
	str_ref barrier;
	str_ref created;
	str_ref running;
	str_ref paused;
	str_ref stopped;
} __attribute__((aligned(8)));
_Static_assert(offsetof(struct op_print_state, root) == 16, "print_state.root");
_Static_assert(offsetof(struct op_print_state, pid) == 20, "print_state.pid");
_Static_assert(offsetof(struct op_print_state, start_time) == 24, "print_state.startTime");
_Static_assert(offsetof(struct op_print_state, freezer) == 32, "print_state.freezer");
_Static_assert(offsetof(struct op_print_state, word) == 36, "print_state.word");
_Static_assert(offsetof(struct op_print_state, barrier) == 40, "print_state.barrier");
_Static_assert(offsetof(struct op_print_state, created) == 44, "print_state.created");
_Static_assert(offsetof(struct op_print_state, running) == 48, "print_state.running");
_Static_assert(offsetof(struct op_print_state, paused) == 52, "print_state.paused");
_Static_assert(offsetof(struct op_print_state, stopped) == 56, "print_state.stopped");
_Static_assert(sizeof(struct op_print_state) == 64, "print_state");

/* Every operation. */
#define PLAN_OPS(X) \
	X(open, OPEN) \
	X(close, CLOSE) \
	X(write_slot, WRITE_SLOT) \
	X(send_descriptor, SEND_DESCRIPTOR) \
	X(make_mountpoint, MAKE_MOUNTPOINT) \
	X(mknod, MKNOD) \
	X(symlink, SYMLINK) \
	X(unlink, UNLINK) \
	X(chown, CHOWN) \
	X(fsmount, FSMOUNT) \
	X(open_tree, OPEN_TREE) \
	X(mount_setattr, MOUNT_SETATTR) \
	X(move_mount, MOVE_MOUNT) \
	X(parent_private, PARENT_PRIVATE) \
	X(pivot_root, PIVOT_ROOT) \
	X(move_root, MOVE_ROOT) \
	X(chroot, CHROOT) \
	X(umount, UMOUNT) \
	X(mask_path, MASK_PATH) \
	X(readonly_path, READONLY_PATH) \
	X(bind_mount, BIND_MOUNT) \
	X(mount_filesystem, MOUNT_FILESYSTEM) \
	X(remount, REMOUNT) \
	X(propagate, PROPAGATE) \
	X(cover_path, COVER_PATH) \
	X(protect_path, PROTECT_PATH) \
	X(tmpcopyup, TMPCOPYUP) \
	X(set_label, SET_LABEL) \
	X(inherit_mode, INHERIT_MODE) \
	X(require_fstype, REQUIRE_FSTYPE) \
	X(require_other, REQUIRE_OTHER) \
	X(require_device, REQUIRE_DEVICE) \
	X(unshare, UNSHARE) \
	X(make_userns, MAKE_USERNS) \
	X(parent_userns, PARENT_USERNS) \
	X(setns, SETNS) \
	X(clone, CLONE) \
	X(sync, SYNC) \
	X(end_conversation, END_CONVERSATION) \
	X(open_proc, OPEN_PROC) \
	X(write_proc, WRITE_PROC) \
	X(check_proc, CHECK_PROC) \
	X(setsid, SETSID) \
	X(prctl, PRCTL) \
	X(umask, UMASK) \
	X(sethostname, SETHOSTNAME) \
	X(setdomainname, SETDOMAINNAME) \
	X(link_up, LINK_UP) \
	X(netlink_socket, NETLINK_SOCKET) \
	X(absent_link, ABSENT_LINK) \
	X(netlink, NETLINK) \
	X(prlimit, PRLIMIT) \
	X(join_keyring, JOIN_KEYRING) \
	X(personality, PERSONALITY) \
	X(sched_setattr, SCHED_SETATTR) \
	X(ioprio_set, IOPRIO_SET) \
	X(set_mempolicy, SET_MEMPOLICY) \
	X(sched_setaffinity, SCHED_SETAFFINITY) \
	X(drop_bounding, DROP_BOUNDING) \
	X(setgroups, SETGROUPS) \
	X(setresgid, SETRESGID) \
	X(setresuid, SETRESUID) \
	X(capset, CAPSET) \
	X(seccomp, SECCOMP) \
	X(record_calls, RECORD_CALLS) \
	X(chdir, CHDIR) \
	X(check_cwd, CHECK_CWD) \
	X(reopen_null, REOPEN_NULL) \
	X(stdio_owner, STDIO_OWNER) \
	X(open_pty, OPEN_PTY) \
	X(set_stdio, SET_STDIO) \
	X(controlling_terminal, CONTROLLING_TERMINAL) \
	X(set_home, SET_HOME) \
	X(find_program, FIND_PROGRAM) \
	X(run_hook, RUN_HOOK) \
	X(barrier, BARRIER) \
	X(close_range, CLOSE_RANGE) \
	X(execve, EXECVE) \
	X(identify_process, IDENTIFY_PROCESS) \
	X(pidfd_signal, PIDFD_SIGNAL) \
	X(wait_exit, WAIT_EXIT) \
	X(release_barrier, RELEASE_BARRIER) \
	X(require_thawed, REQUIRE_THAWED) \
	X(require_frozen, REQUIRE_FROZEN) \
	X(set_frozen, SET_FROZEN) \
	X(print_pids, PRINT_PIDS) \
	X(require_entry, REQUIRE_ENTRY) \
	X(make_directory, MAKE_DIRECTORY) \
	X(write_file, WRITE_FILE) \
	X(write_bytes, WRITE_BYTES) \
	X(copy_text, COPY_TEXT) \
	X(rename, RENAME) \
	X(attach_device_program, ATTACH_DEVICE_PROGRAM) \
	X(flock, FLOCK) \
	X(remove_directory, REMOVE_DIRECTORY) \
	X(print_state, PRINT_STATE)

/* Every field that the check of a plan looks at. */
#define PLAN_FIELDS(X) \
	X(open, OPEN, slot, SLOT_FILLED) \
	X(open, OPEN, root, SLOT_OR_NONE) \
	X(open, OPEN, path, STR) \
	X(close, CLOSE, slot, SLOT) \
	X(write_slot, WRITE_SLOT, slot, SLOT) \
	X(write_slot, WRITE_SLOT, text, STR) \
	X(send_descriptor, SEND_DESCRIPTOR, socket, SLOT_OR_NONE) \
	X(send_descriptor, SEND_DESCRIPTOR, slot, SLOT) \
	X(send_descriptor, SEND_DESCRIPTOR, text, STR) \
	X(make_mountpoint, MAKE_MOUNTPOINT, slot, SLOT_FILLED) \
	X(make_mountpoint, MAKE_MOUNTPOINT, root, SLOT) \
	X(make_mountpoint, MAKE_MOUNTPOINT, path, STR) \
	X(make_mountpoint, MAKE_MOUNTPOINT, like, SLOT_OR_NONE) \
	X(mknod, MKNOD, root, SLOT) \
	X(mknod, MKNOD, path, STR) \
	X(symlink, SYMLINK, root, SLOT) \
	X(symlink, SYMLINK, path, STR) \
	X(symlink, SYMLINK, target, STR) \
	X(unlink, UNLINK, root, SLOT) \
	X(unlink, UNLINK, path, STR) \
	X(chown, CHOWN, slot, SLOT) \
	X(fsmount, FSMOUNT, slot, SLOT_FILLED) \
	X(fsmount, FSMOUNT, fstype, STR) \
	X(fsmount, FSMOUNT, options, STRV) \
	X(open_tree, OPEN_TREE, slot, SLOT_FILLED) \
	X(open_tree, OPEN_TREE, root, SLOT_OR_NONE) \
	X(open_tree, OPEN_TREE, path, STR) \
	X(mount_setattr, MOUNT_SETATTR, slot, SLOT) \
	X(mount_setattr, MOUNT_SETATTR, userns, SLOT_OR_NONE) \
	X(move_mount, MOVE_MOUNT, mount, SLOT) \
	X(move_mount, MOVE_MOUNT, target, SLOT) \
	X(parent_private, PARENT_PRIVATE, root, SLOT) \
	X(pivot_root, PIVOT_ROOT, root, SLOT) \
	X(move_root, MOVE_ROOT, root, SLOT) \
	X(chroot, CHROOT, root, SLOT) \
	X(umount, UMOUNT, root, SLOT) \
	X(umount, UMOUNT, path, STR) \
	X(mask_path, MASK_PATH, root, SLOT) \
	X(mask_path, MASK_PATH, path, STR) \
	X(mask_path, MASK_PATH, null, SLOT) \
	X(mask_path, MASK_PATH, directory, SLOT) \
	X(readonly_path, READONLY_PATH, root, SLOT) \
	X(readonly_path, READONLY_PATH, path, STR) \
	X(bind_mount, BIND_MOUNT, slot, SLOT_FILLED) \
	X(bind_mount, BIND_MOUNT, source, SLOT) \
	X(bind_mount, BIND_MOUNT, target, SLOT) \
	X(bind_mount, BIND_MOUNT, root, SLOT) \
	X(bind_mount, BIND_MOUNT, path, STR) \
	X(bind_mount, BIND_MOUNT, proc, SLOT) \
	X(mount_filesystem, MOUNT_FILESYSTEM, slot, SLOT_FILLED) \
	X(mount_filesystem, MOUNT_FILESYSTEM, target, SLOT) \
	X(mount_filesystem, MOUNT_FILESYSTEM, root, SLOT) \
	X(mount_filesystem, MOUNT_FILESYSTEM, path, STR) \
	X(mount_filesystem, MOUNT_FILESYSTEM, proc, SLOT) \
	X(mount_filesystem, MOUNT_FILESYSTEM, fstype, STR) \
	X(mount_filesystem, MOUNT_FILESYSTEM, source, STR) \
	X(mount_filesystem, MOUNT_FILESYSTEM, data, STR) \
	X(remount, REMOUNT, slot, SLOT) \
	X(remount, REMOUNT, proc, SLOT) \
	X(propagate, PROPAGATE, slot, SLOT) \
	X(propagate, PROPAGATE, proc, SLOT) \
	X(cover_path, COVER_PATH, root, SLOT) \
	X(cover_path, COVER_PATH, path, STR) \
	X(cover_path, COVER_PATH, null, SLOT) \
	X(cover_path, COVER_PATH, proc, SLOT) \
	X(protect_path, PROTECT_PATH, root, SLOT) \
	X(protect_path, PROTECT_PATH, path, STR) \
	X(protect_path, PROTECT_PATH, proc, SLOT) \
	X(tmpcopyup, TMPCOPYUP, mount, SLOT) \
	X(tmpcopyup, TMPCOPYUP, source, SLOT) \
	X(set_label, SET_LABEL, slot, SLOT) \
	X(set_label, SET_LABEL, label, STR) \
	X(inherit_mode, INHERIT_MODE, mount, SLOT) \
	X(inherit_mode, INHERIT_MODE, target, SLOT) \
	X(require_fstype, REQUIRE_FSTYPE, slot, SLOT) \
	X(require_other, REQUIRE_OTHER, slot, SLOT) \
	X(require_other, REQUIRE_OTHER, root, SLOT) \
	X(require_device, REQUIRE_DEVICE, slot, SLOT) \
	X(make_userns, MAKE_USERNS, slot, SLOT_FILLED) \
	X(make_userns, MAKE_USERNS, uid_map, STR) \
	X(make_userns, MAKE_USERNS, gid_map, STR) \
	X(parent_userns, PARENT_USERNS, slot, SLOT_FILLED) \
	X(parent_userns, PARENT_USERNS, namespace, SLOT) \
	X(setns, SETNS, slot, SLOT) \
	X(clone, CLONE, cgroup, SLOT_OR_NONE) \
	X(open_proc, OPEN_PROC, slot, SLOT_FILLED) \
	X(write_proc, WRITE_PROC, proc, SLOT) \
	X(write_proc, WRITE_PROC, path, STR) \
	X(write_proc, WRITE_PROC, text, STR) \
	X(check_proc, CHECK_PROC, proc, SLOT) \
	X(check_proc, CHECK_PROC, path, STR) \
	X(check_proc, CHECK_PROC, text, STR) \
	X(sethostname, SETHOSTNAME, name, STR) \
	X(setdomainname, SETDOMAINNAME, name, STR) \
	X(link_up, LINK_UP, name, STR) \
	X(netlink_socket, NETLINK_SOCKET, slot, SLOT_FILLED) \
	X(absent_link, ABSENT_LINK, socket, SLOT) \
	X(absent_link, ABSENT_LINK, name, STR) \
	X(netlink, NETLINK, socket, SLOT) \
	X(netlink, NETLINK, device, STR) \
	X(netlink, NETLINK, message, BLOB) \
	X(netlink, NETLINK, netns, SLOT_OR_NONE) \
	X(join_keyring, JOIN_KEYRING, name, STR) \
	X(sched_setattr, SCHED_SETATTR, attr, BLOB) \
	X(set_mempolicy, SET_MEMPOLICY, nodes, BLOB) \
	X(sched_setaffinity, SCHED_SETAFFINITY, mask, BLOB) \
	X(setgroups, SETGROUPS, gids, BLOB) \
	X(seccomp, SECCOMP, filter, BLOB) \
	X(record_calls, RECORD_CALLS, listener, SLOT) \
	X(record_calls, RECORD_CALLS, out, SLOT) \
	X(chdir, CHDIR, path, STR) \
	X(reopen_null, REOPEN_NULL, null, SLOT) \
	X(open_pty, OPEN_PTY, root, SLOT) \
	X(open_pty, OPEN_PTY, path, STR) \
	X(open_pty, OPEN_PTY, master, SLOT_FILLED) \
	X(open_pty, OPEN_PTY, peer, SLOT_FILLED) \
	X(set_stdio, SET_STDIO, slot, SLOT) \
	X(find_program, FIND_PROGRAM, name, STR) \
	X(find_program, FIND_PROGRAM, search_path, STR) \
	X(run_hook, RUN_HOOK, path, STR) \
	X(run_hook, RUN_HOOK, argv, STRV) \
	X(run_hook, RUN_HOOK, envp, STRV) \
	X(run_hook, RUN_HOOK, directory, STR_OR_NONE) \
	X(run_hook, RUN_HOOK, state_head, STR) \
	X(run_hook, RUN_HOOK, state_tail, STR) \
	X(barrier, BARRIER, slot, SLOT) \
	X(close_range, CLOSE_RANGE, keep, SLOT_OR_NONE) \
	X(execve, EXECVE, argv, STRV) \
	X(execve, EXECVE, envp, STRV) \
	X(execve, EXECVE, failures, STRV) \
	X(identify_process, IDENTIFY_PROCESS, slot, SLOT_FILLED) \
	X(pidfd_signal, PIDFD_SIGNAL, slot, SLOT) \
	X(wait_exit, WAIT_EXIT, slot, SLOT) \
	X(release_barrier, RELEASE_BARRIER, root, SLOT) \
	X(release_barrier, RELEASE_BARRIER, path, STR) \
	X(release_barrier, RELEASE_BARRIER, process, SLOT) \
	X(require_thawed, REQUIRE_THAWED, path, STR) \
	X(require_thawed, REQUIRE_THAWED, word, STR) \
	X(require_frozen, REQUIRE_FROZEN, path, STR) \
	X(require_frozen, REQUIRE_FROZEN, word, STR) \
	X(set_frozen, SET_FROZEN, path, STR) \
	X(set_frozen, SET_FROZEN, text, STR) \
	X(set_frozen, SET_FROZEN, state, STR) \
	X(set_frozen, SET_FROZEN, word, STR_OR_NONE) \
	X(set_frozen, SET_FROZEN, undo, STR_OR_NONE) \
	X(print_pids, PRINT_PIDS, directory, STR) \
	X(require_entry, REQUIRE_ENTRY, root, SLOT) \
	X(require_entry, REQUIRE_ENTRY, path, STR) \
	X(make_directory, MAKE_DIRECTORY, root, SLOT_OR_NONE) \
	X(make_directory, MAKE_DIRECTORY, path, STR) \
	X(write_file, WRITE_FILE, root, SLOT_OR_NONE) \
	X(write_file, WRITE_FILE, path, STR) \
	X(write_file, WRITE_FILE, text, STR) \
	X(write_bytes, WRITE_BYTES, root, SLOT) \
	X(write_bytes, WRITE_BYTES, path, STR) \
	X(write_bytes, WRITE_BYTES, bytes, BLOB) \
	X(copy_text, COPY_TEXT, from, STR) \
	X(copy_text, COPY_TEXT, to, STR) \
	X(rename, RENAME, root, SLOT) \
	X(rename, RENAME, from, STR) \
	X(rename, RENAME, to, STR) \
	X(attach_device_program, ATTACH_DEVICE_PROGRAM, cgroup, STR) \
	X(attach_device_program, ATTACH_DEVICE_PROGRAM, program, BLOB) \
	X(flock, FLOCK, slot, SLOT) \
	X(remove_directory, REMOVE_DIRECTORY, root, SLOT_OR_NONE) \
	X(remove_directory, REMOVE_DIRECTORY, path, STR) \
	X(print_state, PRINT_STATE, root, SLOT) \
	X(print_state, PRINT_STATE, freezer, STR_OR_NONE) \
	X(print_state, PRINT_STATE, word, STR) \
	X(print_state, PRINT_STATE, barrier, STR) \
	X(print_state, PRINT_STATE, created, STR) \
	X(print_state, PRINT_STATE, running, STR) \
	X(print_state, PRINT_STATE, paused, STR) \
	X(print_state, PRINT_STATE, stopped, STR)

/* What the runtime's own process may carry out. */
#define PLAN_VERB_OPS(X) \
	X(open, OPEN) \
	X(close, CLOSE) \
	X(netlink_socket, NETLINK_SOCKET) \
	X(netlink, NETLINK) \
	X(unlink, UNLINK) \
	X(identify_process, IDENTIFY_PROCESS) \
	X(pidfd_signal, PIDFD_SIGNAL) \
	X(wait_exit, WAIT_EXIT) \
	X(release_barrier, RELEASE_BARRIER) \
	X(run_hook, RUN_HOOK) \
	X(require_thawed, REQUIRE_THAWED) \
	X(require_entry, REQUIRE_ENTRY) \
	X(remove_directory, REMOVE_DIRECTORY) \
	X(print_state, PRINT_STATE)

/* What a kept plan may hold. */
#define PLAN_KEPT_OPS(X) \
	X(unlink, UNLINK) \
	X(identify_process, IDENTIFY_PROCESS) \
	X(pidfd_signal, PIDFD_SIGNAL) \
	X(wait_exit, WAIT_EXIT) \
	X(release_barrier, RELEASE_BARRIER) \
	X(require_thawed, REQUIRE_THAWED) \
	X(require_frozen, REQUIRE_FROZEN) \
	X(set_frozen, SET_FROZEN) \
	X(print_pids, PRINT_PIDS) \
	X(require_entry, REQUIRE_ENTRY) \
	X(remove_directory, REMOVE_DIRECTORY) \
	X(print_state, PRINT_STATE)

/* The host's side of a kept creation. */
#define PLAN_CREATION_OPS(X) \
	X(open, OPEN) \
	X(unlink, UNLINK) \
	X(make_directory, MAKE_DIRECTORY) \
	X(write_file, WRITE_FILE) \
	X(write_bytes, WRITE_BYTES) \
	X(copy_text, COPY_TEXT) \
	X(rename, RENAME) \
	X(attach_device_program, ATTACH_DEVICE_PROGRAM) \
	X(flock, FLOCK) \
	X(require_thawed, REQUIRE_THAWED) \
	X(remove_directory, REMOVE_DIRECTORY)

enum kept_verb {
	KEPT_STATE = 0,
	KEPT_START = 1,
	KEPT_KILL = 2,
	KEPT_DELETE = 3,
	KEPT_DELETE_FORCE = 4,
	KEPT_PAUSE = 5,
	KEPT_RESUME = 6,
	KEPT_PS_JSON = 7,
};
