/**
 * The one definition of the wire format between TypeScript and C.
 *
 * The types below, the encoder (`encode.ts`), the printed form (`format.ts`) and `c/plan.gen.h` all come out of
 * this table. A field's value travels little-endian:
 *
 * | type    | bytes | value                                                                     |
 * |---------|-------|---------------------------------------------------------------------------|
 * | `u32`   | 4     | unsigned number                                                           |
 * | `u64`   | 8     | unsigned bigint                                                           |
 * | `str`   | 4     | offset of a NUL-terminated string, counted from the plan's first byte     |
 * | `str?`  | 4     | the same, or 0 for none                                                   |
 * | `strv`  | 4     | offset of u64 string offsets, ended by a 0; C turns them into pointers    |
 * | `blob`  | 8     | offset and length of bytes, 8-aligned                                     |
 * | `slot`  | 4     | index of a descriptor slot that holds a descriptor by then                |
 * | `slot?` | 4     | the same, or SLOT_NONE                                                    |
 * | `slot=` | 4     | index of the slot this operation fills                                    |
 */
export type FieldType = "u32" | "u64" | "str" | "str?" | "strv" | "blob" | "slot" | "slot?" | "slot=";

export const OPS = {
  // Descriptors. `root` none means a path of the host's own tree: allowed before `clone` only (check.ts).
  open: { slot: "slot=", root: "slot?", path: "str", flags: "u32", resolve: "u32" },
  close: { slot: "slot" },
  write_slot: { slot: "slot", text: "str" },
  send_descriptor: { socket: "slot?", slot: "slot", text: "str" },

  // Things made inside a root: component by component, O_EXCL, never through a link that leaves the root.
  // `like`: a directory or a file, as the descriptor in that slot is; otherwise `type`.
  make_mountpoint: { slot: "slot=", root: "slot", path: "str", like: "slot?", type: "u32", mode: "u32" },
  mknod: { root: "slot", path: "str", mode: "u32", major: "u32", minor: "u32", uid: "u32", gid: "u32" },
  symlink: { root: "slot", path: "str", target: "str" },
  unlink: { root: "slot", path: "str" },
  chown: { slot: "slot", uid: "u32", gid: "u32" },

  // Mounts: always made detached, changed detached, attached by descriptor.
  fsmount: { slot: "slot=", fstype: "str", options: "strv", attr: "u32" },
  open_tree: { slot: "slot=", root: "slot?", path: "str", recursive: "u32", resolve: "u32" },
  mount_setattr: {
    slot: "slot",
    recursive: "u32",
    set: "u64",
    clear: "u64",
    propagation: "u32",
    userns: "slot?",
  },
  move_mount: { mount: "slot", target: "slot" },
  parent_private: { root: "slot" },
  pivot_root: { root: "slot" },
  move_root: { root: "slot" },
  chroot: { root: "slot" },
  umount: { root: "slot", path: "str" },
  mask_path: { root: "slot", path: "str", null: "slot", directory: "slot" },
  readonly_path: { root: "slot", path: "str" },
  // The same by mount(2), where the kernel has no other way (classic.ts): `root` and `path` name the target once more.
  bind_mount: {
    slot: "slot=",
    source: "slot",
    target: "slot",
    root: "slot",
    path: "str",
    proc: "slot",
    recursive: "u32",
  },
  mount_filesystem: {
    slot: "slot=",
    target: "slot",
    root: "slot",
    path: "str",
    proc: "slot",
    fstype: "str",
    source: "str",
    data: "str",
    flags: "u64",
  },
  remount: { slot: "slot", proc: "slot", clear: "u64", set: "u64" },
  propagate: { slot: "slot", proc: "slot", flags: "u64" },
  cover_path: { root: "slot", path: "str", null: "slot", proc: "slot" },
  protect_path: { root: "slot", path: "str", proc: "slot" },
  tmpcopyup: { mount: "slot", source: "slot" },
  set_label: { slot: "slot", label: "str" },
  inherit_mode: { mount: "slot", target: "slot" },
  // `negate` 1: any file system but this one.
  require_fstype: { slot: "slot", magic: "u64", negate: "u32" },
  // Not the very mount and directory that `root` is: ELOOP.
  require_other: { slot: "slot", root: "slot" },
  require_device: { slot: "slot", major: "u32", minor: "u32" },

  // Namespaces and processes.
  unshare: { flags: "u64" },
  // A user namespace with these maps and no process in it: for id-mapped mounts.
  make_userns: { slot: "slot=", uidMap: "str", gidMap: "str" },
  // The user namespace around one (ioctl_ns(2), NS_GET_PARENT).
  parent_userns: { slot: "slot=", namespace: "slot" },
  setns: { slot: "slot", flags: "u32" },
  // `listener` 1: the first stage stays until the seccomp listener is handed over (c/ops_listener.c).
  clone: { flags: "u64", cgroup: "slot?", listener: "u32" },
  sync: { word: "u32" },
  end_conversation: {},

  // The private procfs and what is written through it.
  open_proc: { slot: "slot=", subset: "u32" },
  write_proc: { proc: "slot", path: "str", text: "str" },
  check_proc: { proc: "slot", path: "str", text: "str" },

  // The process that becomes the container.
  setsid: {},
  prctl: { option: "u32", arg2: "u64", arg3: "u64" },
  umask: { mask: "u32" },
  sethostname: { name: "str" },
  setdomainname: { name: "str" },
  link_up: { name: "str" },
  // Network devices. A socket stays in the namespace that it was made in; `device` is looked up there.
  netlink_socket: { slot: "slot=" },
  absent_link: { socket: "slot", name: "str" },
  // `message`: a request of rtnetlink, the device's index to be put at byte 20 and, with `netns`, IFLA_NET_NS_FD after it.
  netlink: { socket: "slot", device: "str", message: "blob", netns: "slot?" },
  prlimit: { resource: "u32", soft: "u64", hard: "u64" },
  join_keyring: { name: "str", permissions: "u32", permissionsMask: "u32" },
  personality: { persona: "u32" },
  sched_setattr: { attr: "blob" },
  ioprio_set: { priority: "u32" },
  set_mempolicy: { mode: "u32", nodes: "blob", maxNode: "u32" },
  sched_setaffinity: { mask: "blob" },
  drop_bounding: { keep: "u64" },
  setgroups: { gids: "blob" },
  setresgid: { gid: "u32" },
  setresuid: { uid: "u32" },
  capset: { effective: "u64", permitted: "u64", inheritable: "u64" },
  // `listener` 1: hand it over, by writes whose fourth argument is `mark`.
  seccomp: { flags: "u32", filter: "blob", listener: "u32", mark: "u64" },
  // Each call that comes to `listener` happens; to `out` goes its architecture and number, the first time.
  record_calls: { listener: "slot", out: "slot" },
  // `again` 1: only when the last chdir failed.
  chdir: { path: "str", again: "u32" },
  check_cwd: {},

  // Standard streams and terminals.
  reopen_null: { null: "slot" },
  stdio_owner: { uid: "u32" },
  open_pty: { root: "slot", path: "str", master: "slot=", peer: "slot=", rows: "u32", columns: "u32" },
  set_stdio: { slot: "slot" },
  controlling_terminal: {},

  // The end of the road.
  set_home: { uid: "u32" },
  find_program: { name: "str", searchPath: "str" },
  // `pid` 0: the one that the process has in its own pid namespace.
  run_hook: {
    path: "str",
    argv: "strv",
    envp: "strv",
    directory: "str?",
    pid: "u32",
    stateHead: "str",
    stateTail: "str",
    timeoutMs: "u64",
  },
  barrier: { slot: "slot" },
  // The conversation, while it runs, what hands a listener over, and the descriptor in `keep` stay.
  close_range: { first: "u32", keep: "slot?" },
  execve: { argv: "strv", envp: "strv", home: "u32", failures: "strv" },

  // Verbs on a container that exists; carried out by libdunc.so in the runtime's own process.
  identify_process: { slot: "slot=", pid: "u32", startTime: "u64" },
  pidfd_signal: { slot: "slot", signal: "u32" },
  wait_exit: { slot: "slot", timeoutMs: "u32" },
  release_barrier: { root: "slot", path: "str", process: "slot" },
  // Frozen is what the file says when it holds `word`: EAGAIN.
  require_thawed: { path: "str", word: "str" },
  require_frozen: { path: "str", word: "str" },
  // Write `text`, and wait until `state` holds `word`; with `again` it is written each time. `undo` when that fails.
  set_frozen: {
    path: "str",
    text: "str",
    state: "str",
    word: "str?",
    again: "u32",
    undo: "str?",
    timeoutMs: "u32",
  },
  // EAGAIN where there are groups below: their processes are the container's too.
  print_pids: { directory: "str" },
  require_entry: { root: "slot", path: "str" },
  // What a creation makes on the host. `root` none: an absolute path.
  make_directory: { root: "slot?", path: "str", mode: "u32" },
  write_file: { root: "slot?", path: "str", text: "str", flags: "u32", mode: "u32" },
  write_bytes: { root: "slot", path: "str", bytes: "blob", flags: "u32", mode: "u32" },
  // The text of one file of a few bytes into another: a cpuset's, from the group above.
  copy_text: { from: "str", to: "str" },
  rename: { root: "slot", from: "str", to: "str" },
  // In place of what the group of cgroup v2 had.
  attach_device_program: { cgroup: "str", program: "blob" },
  flock: { slot: "slot" },
  // `root` none: an absolute path. EBUSY is tried again until the time is up.
  remove_directory: { root: "slot?", path: "str", timeoutMs: "u32" },
  // One text for each status; `freezer` and `word` as in require_thawed.
  print_state: {
    root: "slot",
    pid: "u32",
    startTime: "u64",
    freezer: "str?",
    word: "str",
    barrier: "str",
    created: "str",
    running: "str",
    paused: "str",
    stopped: "str",
  },
} as const satisfies Record<string, Record<string, FieldType>>;

export type OpName = keyof typeof OPS;

type ValueOf<T extends FieldType> = T extends "u32" | "slot" | "slot=" ? number
  : T extends "slot?" ? number | null
  : T extends "u64" ? bigint
  : T extends "str" ? string
  : T extends "str?" ? string | null
  : T extends "strv" ? readonly string[]
  : Uint8Array;

/** One operation: `op` picks the row of OPS, the other keys are its fields. */
export type Op = {
  [K in OpName]:
    & { readonly op: K }
    & {
      readonly [F in keyof typeof OPS[K]]: typeof OPS[K][F] extends FieldType ? ValueOf<typeof OPS[K][F]>
        : never;
    };
}[OpName];

/**
 * The words of the conversation that runs beside the plan (`launch/conversation.ts` has the picture).
 * They are part of the table, so that both sides have them from here.
 */
export const WORDS = {
  /** The answer to each `sync`. */
  go: 1,
  /** An operation failed: index, errno and text are in the record. */
  failed: 2,
  /** Host-side hooks may run now: namespaces and mounts are there, the root is not pivoted. */
  hooks: 3,
  /** Everything but the last filter and the barrier is done. */
  ready: 4,
  /** The id maps are wanted. */
  maps: 5,
  /** A terminal's master is attached to this record. */
  console: 6,
  /** The seccomp listener is attached to this record, which the first stage sends. */
  listener: 7,
  /** Network devices are wanted in the sender's namespace. */
  devices: 8,
  /** Nothing is joined yet: somebody else may put the first stage into its cgroup. */
  cgroup: 9,
} as const;

/** Operations that the runtime's own process may carry out (libdunc.so, later the first stage). */
export const VERB_OPS: readonly OpName[] = [
  "open",
  "close",
  "netlink_socket",
  "netlink",
  "unlink",
  "identify_process",
  "pidfd_signal",
  "wait_exit",
  "release_barrier",
  "run_hook",
  "require_thawed",
  "require_entry",
  "remove_directory",
  "print_state",
];

/** The part of them that a kept plan may hold: what the first stage carries out without the engine. */
export const KEPT_OPS: readonly OpName[] = [
  "unlink",
  "identify_process",
  "pidfd_signal",
  "wait_exit",
  "release_barrier",
  "require_thawed",
  "require_frozen",
  "set_frozen",
  "print_pids",
  "require_entry",
  "remove_directory",
  "print_state",
];

/** What the host's side of a kept creation is made of, its undoing included. */
export const CREATION_OPS: readonly OpName[] = [
  "open",
  "unlink",
  "make_directory",
  "write_file",
  "write_bytes",
  "copy_text",
  "rename",
  "attach_device_program",
  "flock",
  "require_thawed",
  "remove_directory",
];

/** Verbs of kept plans, by their number in the file. */
export const KEPT_VERBS = [
  "state",
  "start",
  "kill",
  "delete",
  "deleteForce",
  "pause",
  "resume",
  "psJson",
] as const;

export const MAGIC = 0x636e7564; // "dunc"
export const SLOT_NONE = 0xffffffff;
/** Most descriptor slots a plan may name. */
export const SLOT_LIMIT = 512;
/** Bytes of `struct plan_head`: magic, size, abi (u64), opCount, slotCount, given, ownWalk. */
export const HEADER_BYTES = 32;
/** Bytes of `struct op_head`: code, size, four tolerated errnos (u8 each), skip. */
export const OP_HEAD_BYTES = 16;

export const ALIGN_OF: Record<FieldType, 4 | 8> = {
  "u32": 4,
  "u64": 8,
  "str": 4,
  "str?": 4,
  "strv": 4,
  "blob": 4,
  "slot": 4,
  "slot?": 4,
  "slot=": 4,
};

export const WIDTH_OF: Record<FieldType, 4 | 8> = { ...ALIGN_OF, blob: 8 };

export interface FieldLayout {
  readonly field: string;
  readonly type: FieldType;
  /** Counted from the op's first byte. */
  readonly offset: number;
}

/** Where each field of an operation lies, and how many bytes the operation has (a multiple of 8). */
export function layoutOf(name: OpName): { readonly fields: readonly FieldLayout[]; readonly size: number } {
  let offset = OP_HEAD_BYTES;
  const fields: FieldLayout[] = [];
  const row: Record<string, FieldType> = OPS[name];
  for (const field in row) {
    const type = row[field]!;
    offset = Math.ceil(offset / ALIGN_OF[type]) * ALIGN_OF[type];
    fields.push({ field, type, offset });
    offset += WIDTH_OF[type];
  }
  return { fields, size: Math.ceil(offset / 8) * 8 };
}
