/* The first stage of dist/dunc: [ this static program | padding | what `deno compile` wrote ].
 *
 * It carries out verbs whose plans were kept when the container was made, without starting the engine;
 * everything else, and every doubt before the first side effect, starts the engine, which has the words.
 * It never joins a container: its /proc/PID/exe would be the host's dunc (CVE-2019-5736). */
#include "front.h"
#include <linux/auxvec.h>

static void set_signal(struct plan *plan, uint32_t signal)
{
	const struct plan_head *head = (const void *)plan->bytes;
	uint32_t at = sizeof(*head);

	for (uint32_t i = 0; i < head->op_count; i++) {
		struct op_head *op = (void *)(plan->bytes + at);

		if (op->code == OP_PIDFD_SIGNAL)
			((struct op_pidfd_signal *)(void *)op)->signal = signal;
		at += op->size;
	}
}

/* The plan of the verb, checked whole; then carried out. 1: done. */
static int carry_out(struct kept_verbs *kept, const struct request *request, const struct place *place)
{
	static struct run run;
	uint32_t at = kept->plans[request->verb].at, size = kept->plans[request->verb].size;

	if (!size || at % 8 || at < sizeof(*kept) || at > kept->head.size || size > kept->head.size - at)
		return 0;
	run.plan.bytes = (unsigned char *)kept + at;
	run.plan.size = size;
	run.socket = -1;
	memset(run.slots, 0xff, sizeof(run.slots));
	if (plan_check(&run.plan, ROOM_KEPT) || ((const struct plan_head *)(void *)run.plan.bytes)->given != 2)
		return 0;
	run.slots[0] = place->folder;
	run.slots[1] = place->root;
	if (request->verb == KEPT_KILL)
		set_signal(&run.plan, request->signal);
	return !plan_run(&run);
}

/* Under the container's lock: the name must still lead to the folder that was opened. */
static int still_there(const struct place *place, const char *id)
{
	struct stat named, opened;

	return !SYS(newfstatat, place->root, id, &named, AT_SYMLINK_NOFOLLOW) && !SYS(fstat, place->folder, &opened) &&
	       named.st_ino == opened.st_ino && named.st_dev == opened.st_dev && opened.st_nlink > 0;
}

static int try_verb(const struct request *request, const struct place *place)
{
	static _Alignas(16) char bytes[KEPT_SIZE];
	struct kept_verbs *kept = (void *)bytes;
	struct stat st;
	size_t size = 0;
	long lock = -1;
	int done;

	if (request->verb != KEPT_STATE && request->verb != KEPT_KILL && request->verb != KEPT_PS_JSON) {
		lock = front_open_private(place->folder, "lock", O_RDWR, S_IFREG, &st);
		if (lock < 0 || SYS(flock, lock, 2 /* LOCK_EX */))
			return 0;
	}
	done = still_there(place, request->id) && front_read_file(place->folder, "plans", bytes, sizeof(bytes), &size) &&
	       size >= sizeof(*kept) && front_kept_ok(&kept->head, KEPT_MAGIC, size, place, request->id) &&
	       carry_out(kept, request, place);
	/* The engine takes the lock itself. */
	if (lock >= 0)
		SYS(close, lock);
	return done;
}

static int try_place(const struct request *request, const struct place *place)
{
	if (request->kind == FRONT_VERB)
		return try_verb(request, place);
	if (still_there(place, request->id))
		front_exec(request, place);
	return 0;
}

static int is_plain_id(const char *id)
{
	for (const char *c = id; *c; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '_' ||
		      *c == '+' || *c == '.' || *c == '-'))
			return 0;
	return *id && !text_same(id, ".") && !text_same(id, "..") && strlen(id) < KEPT_ID;
}

/* The engine makes the log's file whether or not it has something to write: so does this. */
static int log_opens(const char *path)
{
	long fd = path ? SYS(openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;

	if (fd >= 0)
		SYS(close, fd);
	return !path || fd >= 0;
}

/* As defaultRoot() of src/cli/runtime.ts has it for root and for an ordinary user. NULL: the engine finds out. */
static const char *default_root(const char *runtime_directory, char *buffer, size_t size)
{
	size_t at;

	if (!SYS(geteuid))
		return "/run/dunc";
	if (!runtime_directory || !*runtime_directory)
		return NULL;
	at = text_append(buffer, size, 0, runtime_directory);
	return text_append(buffer, size, at, "/dunc") == size ? NULL : buffer;
}

static int try_request(struct request *request, const char *runtime_directory)
{
	char own[4096];
	const char *path = request->root ? request->root : default_root(runtime_directory, own, sizeof(own));
	struct place place;
	struct stat st;
	long fd;
	int done = 0;

	if (!path || !request->id || !is_plain_id(request->id))
		return 0;
	place.root = (int)(fd = front_open_private(AT_FDCWD, path, O_PATH | O_DIRECTORY, S_IFDIR, &st));
	if (fd < 0)
		return 0;
	if (request->kind == FRONT_CREATE || request->kind == FRONT_RUN) {
		if (log_opens(request->log))
			front_create(request, place.root);
		SYS(close, place.root);
		return 0;
	}
	place.folder = (int)(fd = front_open_private(place.root, request->id, O_PATH | O_DIRECTORY, S_IFDIR, &st));
	if (fd >= 0 && (st.st_mode & 07777) == 0700) {
		done = log_opens(request->log) && try_place(request, &place);
	}
	if (place.folder >= 0)
		SYS(close, place.folder);
	SYS(close, place.root);
	return done;
}

/* Asked for, or descriptors of socket activation are to be handed on. */
static int wants_engine(char **envp)
{
	for (; *envp; envp++)
		if (text_same(*envp, "DUNC_ENGINE=always") || front_after_equals(*envp, "LISTEN_FDS") ||
		    front_after_equals(*envp, "NOTIFY_SOCKET"))
			return 1;
	return 0;
}

static const char *environment(char **envp, const char *name)
{
	for (; *envp; envp++)
		if (front_after_equals(*envp, name))
			return front_after_equals(*envp, name);
	return NULL;
}

/* DUNC_TRACE=FILE: a line `call` for each start of dunc and a line `engine` for each start of the engine, for people who
 * want to know which calls need it. */
static void trace(char **envp, const char *line)
{
	const char *path = environment(envp, "DUNC_TRACE");
	long fd = path ? SYS(openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;

	if (fd < 0)
		return;
	SYS(write, fd, line, strlen(line));
	SYS(close, fd);
}

static uint64_t auxiliary(const Elf64_auxv_t *auxv, uint64_t type)
{
	for (; auxv->a_type != AT_NULL; auxv++)
		if (auxv->a_type == type)
			return auxv->a_un.a_val;
	return 0;
}

__attribute__((used)) static _Noreturn void start(long *stack)
{
	int argc = (int)stack[0];
	char **argv = (char **)(stack + 1), **envp = argv + argc + 1, **end = envp;
	struct request request = { 0 };

	while (*end)
		end++;
	Elf64_auxv_t *auxv = (void *)(end + 1);

	if (auxiliary(auxv, AT_SECURE))
		front_die("dunc: refuses to run setuid or with file capabilities\n", 1);
	trace(envp, "call\n");
	if (argc > 2 && !wants_engine(envp) && front_parse_request(argc, argv, &request) &&
	    try_request(&request, environment(envp, "XDG_RUNTIME_DIR")))
		SYS(exit_group, 0);
	trace(envp, "engine\n");
	front_start_engine(stack, auxv);
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall start\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x0, sp\n\tand sp, x0, #-16\n\tbl start\n");
#endif
