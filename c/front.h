/* The parts of the first stage. */
#pragma once
#include "kept.h"
#include <linux/elf.h>

/* What the command line asks for, as far as the first stage knows it. */
struct request {
	const char *root, *log, *id;
	enum front_verb { FRONT_VERB, FRONT_EXEC, FRONT_CREATE, FRONT_RUN } kind;
	enum kept_verb verb;
	uint32_t signal;
	char **exec_argv; /* FRONT_EXEC: what follows `exec` */
	const char *bundle, *pid_file; /* FRONT_CREATE, FRONT_RUN */
	int detach, keep;
};

/* Read a command line. 0: it is the engine's. */
int front_parse_request(int argc, char **argv, struct request *ret);
/* What stands behind `NAME=`, or NULL. */
const char *front_after_equals(const char *text, const char *name);

/* A container's folder, opened and found to be ours alone. */
struct place { int root, folder; };

/* Open below `root` (or AT_FDCWD) through no link; it must be of that type, ours, and nobody else's to write. */
long front_open_private(int root, const char *path, uint64_t flags, uint32_t type, struct stat *ret);
/* Read a private file of mode 0600 whole, with a NUL behind it. */
int front_read_file(int root, const char *path, char *buffer, size_t size, size_t *ret_size);
int front_read_all(int fd, char *buffer, size_t size, size_t *ret_size);
uint32_t front_hash(const void *bytes, size_t size);
/* Whether a kept file is whole, of this build, this boot and this user. */
int front_head_ok(struct kept_head *head, uint64_t magic, const uint64_t build[2], size_t size);
/* Everything about a kept file that can be told before its plan is looked at. */
int front_kept_ok(struct kept_head *head, uint64_t magic, size_t size, const struct place *place, const char *id);

/* Bytes of a kept file that are to be a plan for the init. */
struct front_plan { unsigned char *bytes; uint32_t size; };
/* The container's process, our child; the master of its terminal, or -1. */
struct front_child { int32_t pid; int pidfd, master; };
/* Called when everything but the last filter is done. 0, or -errno: then the process is ended. */
typedef long front_ready(void *context, int32_t pid);

/* Spawn the init with a plan and its given descriptors, and talk with it until the end. 1: the process is made.
 * 0: it failed somewhere, and nothing of it is left. */
int front_spawn(const struct front_plan *plan, const int32_t *given, uint32_t count, front_ready *ready, void *context,
		struct front_child *ret);
/* Kill the process, reap it, forget it. */
void front_end(const struct front_child *child);
/* A pid file is written under another name and then renamed, so that nobody reads half of it. */
struct front_pid_file { const char *path; char temporary[4096]; long fd; };
/* Made before the process is: where that fails, the engine has the words. Each gives 0 for a failure. */
int front_make_pid_file(struct front_pid_file *file, const char *path);
/* Nothing for a file that was not made. When it fails, the file is dropped. */
int front_write_pid_file(const struct front_pid_file *file, int32_t pid);
void front_drop_pid_file(const struct front_pid_file *file);

/* `create` and `run` by a kept creation, in the root folder. Exits when it is done; returns when the engine is to do
 * it, with everything taken back. */
void front_create(const struct request *request, int root);

/* What the holes of a kept creation are filled with. */
struct fillings { const char *id; char created[32], incarnation[40], pid[24], start_time[24]; uint64_t start; };
/* The time, and 128 random bits. 0: there are none. */
int front_fill(struct fillings *ret);
int front_fill_holes(struct kept_creation *kept, const struct fillings *fillings, struct blob_ref patches);

/* `exec` by a kept plan. Exits when it is done; returns when the engine is to do it. */
void front_exec(const struct request *request, const struct place *place);

_Noreturn void front_die(const char *text, int code);

/* The auxiliary vector's entries: linux/elf.h has no type for them. */
typedef struct { uint64_t a_type; union { uint64_t a_val; } a_un; } Elf64_auxv_t;

/* Map the engine, which lies behind this program in the same file, as execve would, and jump to its
 * dynamic loader with the stack that the kernel gave us. */
_Noreturn void front_start_engine(long *stack, Elf64_auxv_t *auxv);
