/* The parts of the first stage. */
#pragma once
#include "kept.h"
#include <linux/elf.h>

/* What the command line asks for, as far as the first stage knows it. */
struct request {
	const char *root, *log, *id;
	enum front_verb { FRONT_VERB, FRONT_EXEC } kind;
	enum kept_verb verb;
	uint32_t signal;
	char **exec_argv; /* FRONT_EXEC: what follows `exec` */
};

/* A container's folder, opened and found to be ours alone. */
struct place { int root, folder; };

/* Open below `root` (or AT_FDCWD) through no link; it must be of that type, ours, and nobody else's to write. */
long front_open_private(int root, const char *path, uint64_t flags, uint32_t type, struct stat *ret);
/* Read a private file of mode 0600 whole, with a NUL behind it. */
int front_read_file(int root, const char *path, char *buffer, size_t size, size_t *ret_size);
int front_read_all(int fd, char *buffer, size_t size, size_t *ret_size);
uint32_t front_hash(const void *bytes, size_t size);
/* Everything about a kept file that can be told before its plan is looked at. */
int front_kept_ok(struct kept_head *head, uint64_t magic, size_t size, const struct place *place, const char *id);

/* `exec` by a kept plan. Exits when it is done; returns when the engine is to do it. */
void front_exec(const struct request *request, const struct place *place);

_Noreturn void front_die(const char *text, int code);

/* The auxiliary vector's entries: linux/elf.h has no type for them. */
typedef struct { uint64_t a_type; union { uint64_t a_val; } a_un; } Elf64_auxv_t;

/* Map the engine, which lies behind this program in the same file, as execve would, and jump to its
 * dynamic loader with the stack that the kernel gave us. */
_Noreturn void front_start_engine(long *stack, Elf64_auxv_t *auxv);
