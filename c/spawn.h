/* Starting the init (spawn.c). */
#pragma once
#include "plan.h"

struct spawn {
	int32_t init;   /* the init's memfd */
	uint32_t first; /* the number the socket gets; below it, from 3 on, is the container's */
	uint32_t count; /* descriptors that follow: socket, plan, given slots */
	int32_t ret_pidfd, ret_error;
	int32_t descriptors[SLOT_LIMIT + 2];
};

struct received { int32_t pid, descriptor; };

long dunc_sealed_memfd(const char *name, const void *bytes, uint32_t size, uint32_t executable);
long dunc_spawn(struct spawn *spawn);
long dunc_receive(int socket, void *buffer, uint32_t size, struct received *ret);
