/* Kept plans: the file ROOT/ID/plans that the engine writes when a container is made, and the first
 * stage reads. src/plan/kept.ts has the same layout. */
#pragma once
#include "plan.h"

#define KEPT_MAGIC      0x7470656b636e7564ull /* "dunckept" */
#define KEPT_EXEC_MAGIC 0x63657865636e7564ull /* "duncexec" */
#define KEPT_SIZE  65536u
#define KEPT_ID    128u
#define KEPT_COUNT 8u

/* Both are given by the build: 128 bits over all sources that the meaning of a plan depends on. */
#ifndef BUILD_ID_LOW
#define BUILD_ID_LOW 0ull
#define BUILD_ID_HIGH 0ull
#endif

/* What every kept file begins with, and is bound to. */
struct kept_head {
	uint64_t magic, build[2];
	char incarnation[40]; /* hexadecimal, as state.json has it */
	char boot[40];        /* /proc/sys/kernel/random/boot_id */
	uint32_t uid, size, checksum, reserved;
	char id[KEPT_ID];
};
_Static_assert(sizeof(struct kept_head) == 248, "kept_head");

/* ROOT/ID/plans: verbs that are carried out in the first stage's own process. */
struct kept_verbs {
	struct kept_head head;
	struct { uint32_t at, size; } plans[KEPT_COUNT]; /* by enum kept_verb; size 0: not kept */
};

/* ROOT/ID/exec-N: a process that was executed before, as a plan for the init. N is the key's hash. */
#define KEPT_EXECS 8u
struct kept_exec {
	struct kept_head head;
	uint64_t start_time; /* of the container's process */
	uint32_t pid;
	uint32_t config;     /* path of the config.json that the plan was made of; 0: it does not matter */
	/* as stat(2) showed that file: device, inode, size, mtime and ctime in nanoseconds */
	uint64_t config_identity[5];
	uint32_t freezer, word; /* as in require_thawed; 0: no cgroup */
	struct blob_ref key, plan;
};
_Static_assert(sizeof(struct kept_exec) == 328, "kept_exec");

/* ROOT/@creations/N: a creation that went well, to be carried out again for another id. N is the key's hash. What
 * differs from one container to the next stands in it as a run of placeholder bytes (enum kept_hole). */
#define KEPT_CREATION_MAGIC 0x656b616d636e7564ull /* "duncmake" */
#define KEPT_CREATION_SIZE  524288u
#define KEPT_CREATIONS      16u
#define KEPT_CREATIONS_NAME "@creations" /* no container can be called so */

enum kept_hole {
	/* Texts: a shorter one draws the rest of its string nearer. */
	HOLE_ID = 0, HOLE_CREATED = 1, HOLE_INCARNATION = 2, HOLE_PID = 3, HOLE_START_TIME = 4,
	/* Numbers of operations. */
	HOLE_PID_NUMBER = 5, HOLE_START_TIME_NUMBER = 6,
};

/* `create`, not `run`; and a terminal whose master comes to the runtime, which must not detach then. */
enum kept_flag { KEPT_BARRIER = 1, KEPT_TERMINAL = 2 };

struct kept_creation {
	struct kept_head head;          /* id and incarnation are empty */
	uint64_t rootfs_device, rootfs_inode;
	uint32_t flags;
	uint32_t bundle, rootfs;        /* strings: the folder of config.json, and root.path as it was followed */
	uint32_t id_limit;              /* bytes of the id's hole */
	struct blob_ref config, layout; /* what must be the same: config.json, and cgroups as /proc shows them */
	struct blob_ref before, undo;   /* plans of the host's side, up to the process; and back */
	struct blob_ref undo_skip;      /* u32 by operation of `before`: what undo passes over when that one failed */
	struct blob_ref init, after;    /* the container's plan; then what is written when its process is known */
	struct blob_ref verbs;          /* inside `after`: the file of kept plans */
	struct blob_ref first, last;    /* struct kept_patch, from the highest place to the lowest: at once, and at `after` */
};
_Static_assert(sizeof(struct kept_creation) == 360, "kept_creation");

struct kept_patch { uint32_t at, hole; };
