/* Kept plans: the file ROOT/ID/plans that the engine writes when a container is made, and the first
 * stage reads. src/plan/kept.ts has the same layout. */
#pragma once
#include "plan.h"

#define KEPT_MAGIC 0x7470656b636e7564ull /* "dunckept" */
#define KEPT_SIZE  65536u
#define KEPT_ID    128u
#define KEPT_COUNT 8u

/* Both are given by the build: 128 bits over all sources that the meaning of a plan depends on. */
#ifndef BUILD_ID_LOW
#define BUILD_ID_LOW 0ull
#define BUILD_ID_HIGH 0ull
#endif

struct kept_head {
	uint64_t magic, build[2];
	char incarnation[40]; /* hexadecimal, as state.json has it */
	char boot[40];        /* /proc/sys/kernel/random/boot_id */
	uint32_t uid, size, checksum, count;
	char id[KEPT_ID];
	struct { uint32_t at, size; } plans[KEPT_COUNT]; /* by enum kept_verb; size 0: not kept */
};
_Static_assert(sizeof(struct kept_head) == 312, "kept_head");
