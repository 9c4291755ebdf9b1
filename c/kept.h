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
