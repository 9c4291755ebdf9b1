/* The first stage of dist/dunc: [ this static program | padding | what `deno compile` wrote ].
 *
 * It carries out verbs whose plans were kept when the container was made, without starting the engine;
 * everything else, and every doubt before the first side effect, starts the engine, which has the words.
 * It never joins a container: its /proc/PID/exe would be the host's dunc (CVE-2019-5736). */
#include "front.h"
#include <linux/auxvec.h>

static const char *after_equals(const char *text, const char *flag)
{
	size_t size = strlen(flag);

	return !memcmp(text, flag, size < strlen(text) + 1 ? size : strlen(text) + 1) && text[size] == '=' ?
	       text + size + 1 : NULL;
}

static int has_equals(const char *text)
{
	while (*text && *text != '=')
		text++;
	return *text == '=';
}

/* `--flag VALUE` or `--flag=VALUE`; moves `*at` to the last word taken. */
static int takes(char **argv, int *at, const char *flag, const char **ret_value)
{
	const char *value = after_equals(argv[*at], flag);

	if (!value && text_same(argv[*at], flag))
		value = argv[++*at];
	if (!value)
		return 0;
	*ret_value = value;
	return 1;
}

#define NO_SIGNAL 255u

/* Numbers, and names as kill(1) has them. NO_SIGNAL: the engine knows better. */
static uint32_t parse_signal(const char *text)
{
	static const char names[] = "HUP\0INT\0QUIT\0ILL\0TRAP\0ABRT\0BUS\0FPE\0KILL\0USR1\0SEGV\0USR2\0PIPE\0ALRM\0TERM\0";
	uint32_t number = 0;

	if (text[0] == '-' && text[1] >= '0' && text[1] <= '9')
		text++;
	if (text[0] >= '0' && text[0] <= '9') {
		for (const char *c = text; *c; c++)
			if (*c < '0' || *c > '9')
				return NO_SIGNAL;
		return strlen(text) < 3 && text_number(text) <= 64 ? (uint32_t)text_number(text) : NO_SIGNAL;
	}
	if (!memcmp(text, "SIG", strlen(text) < 3 ? strlen(text) + 1 : 3))
		text += 3;
	for (const char *name = names; *name; name += strlen(name) + 1) {
		number++;
		if (text_same(name, text))
			return number;
	}
	return NO_SIGNAL;
}

static int parse_verb(char **argv, int argc, int at, struct request *ret)
{
	const char *verb = argv[at++];
	int force = 0;

	ret->signal = NO_SIGNAL;
	if (text_same(verb, "exec")) {
		ret->kind = FRONT_EXEC;
		ret->exec_argv = argv + at;
		return 1;
	}
	if (text_same(verb, "state"))
		ret->verb = KEPT_STATE;
	else if (text_same(verb, "start"))
		ret->verb = KEPT_START;
	else if (text_same(verb, "kill"))
		ret->verb = KEPT_KILL;
	else if (text_same(verb, "delete"))
		ret->verb = KEPT_DELETE;
	else
		return 0;
	for (; at < argc; at++) {
		if (ret->verb == KEPT_DELETE && (text_same(argv[at], "--force") || text_same(argv[at], "-f")))
			force = 1;
		else if (!ret->id && argv[at][0] != '-')
			ret->id = argv[at];
		else if (ret->id && ret->verb == KEPT_KILL && ret->signal == NO_SIGNAL)
			ret->signal = parse_signal(argv[at]);
		else
			return 0;
		if (ret->verb == KEPT_KILL && ret->id && argv[at] != ret->id && ret->signal == NO_SIGNAL)
			return 0;
	}
	if (force)
		ret->verb = KEPT_DELETE_FORCE;
	if (ret->signal == NO_SIGNAL)
		ret->signal = SIGTERM;
	return ret->id != NULL;
}

static int parse_request(int argc, char **argv, struct request *ret)
{
	const char *format = "text";

	for (int at = 1; at < argc; at++) {
		if (argv[at][0] != '-')
			return parse_verb(argv, argc, at, ret);
		if (!takes(argv, &at, "--root", &ret->root) && !takes(argv, &at, "--log", &ret->log) &&
		    !takes(argv, &at, "--log-format", &format))
			return 0;
		if (!text_same(format, "text") && !text_same(format, "json"))
			return 0;
	}
	return 0;
}

/* Ours, and nobody else may write: otherwise a root with --root in another user's folder would carry
 * out that user's plan. */
static int is_private(int fd, uint32_t type, struct stat *ret)
{
	if (SYS(fstat, fd, ret))
		return 0;
	return (ret->st_mode & S_IFMT) == type && ret->st_uid == (uint32_t)SYS(geteuid) && !(ret->st_mode & 022);
}

long front_open_private(int root, const char *path, uint64_t flags, uint32_t type, struct stat *ret)
{
	const uint64_t resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | (root == AT_FDCWD ? 0 : RESOLVE_BENEATH);
	long fd = open_in_root(root, path, flags | O_NOFOLLOW, 0, resolve);

	if (fd < 0 || is_private((int)fd, type, ret))
		return fd;
	SYS(close, fd);
	return -EPERM;
}

int front_read_all(int fd, char *buffer, size_t size, size_t *ret_size)
{
	size_t at = 0;
	long n;

	do {
		n = SYS(read, fd, buffer + at, size - at);
		at += n > 0 ? (size_t)n : 0;
	} while (n > 0 || n == -EINTR);
	*ret_size = at;
	return !n && at < size;
}

int front_read_file(int root, const char *path, char *buffer, size_t size, size_t *ret_size)
{
	struct stat st;
	long fd = front_open_private(root, path, O_RDONLY, S_IFREG, &st);
	int ok;

	if (fd < 0)
		return 0;
	ok = st.st_nlink == 1 && (st.st_mode & 07777) == 0600 && front_read_all((int)fd, buffer, size - 1, ret_size);
	SYS(close, fd);
	if (ok)
		buffer[*ret_size] = '\0';
	return ok;
}

uint32_t front_hash(const void *bytes, size_t size)
{
	const unsigned char *at = bytes;
	uint32_t hash = 0x811c9dc5u;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ at[i]) * 0x01000193u;
	return hash;
}

static int same_boot(const char *boot)
{
	char text[64];
	size_t size = 0;
	long fd = SYS(openat, AT_FDCWD, "/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC, 0);
	int ok = fd >= 0 && front_read_all((int)fd, text, sizeof(text) - 1, &size);

	if (fd >= 0)
		SYS(close, fd);
	return ok && size == 37 && !memcmp(text, boot, 36) && boot[36] == '\0';
}

/* The record must name the same incarnation: a container that was deleted and made again has another. */
static int same_incarnation(int folder, const char *incarnation)
{
	static char text[KEPT_SIZE];
	const char key[] = "\"incarnation\":\"";
	size_t size = 0, length = strlen(incarnation);

	if (length != 32 || !front_read_file(folder, "state.json", text, sizeof(text), &size))
		return 0;
	for (size_t at = 0; at + sizeof(key) + length < size; at++)
		if (!memcmp(text + at, key, sizeof(key) - 1))
			return !memcmp(text + at + sizeof(key) - 1, incarnation, length);
	return 0;
}

int front_kept_ok(struct kept_head *head, uint64_t magic, size_t size, const struct place *place, const char *id)
{
	uint32_t found;

	if (size < sizeof(*head) || head->magic != magic || head->size != size)
		return 0;
	if (head->build[0] != BUILD_ID_LOW || head->build[1] != BUILD_ID_HIGH)
		return 0;
	found = head->checksum;
	head->checksum = 0;
	if (found != front_hash(head, size) || head->uid != (uint32_t)SYS(geteuid))
		return 0;
	if (head->incarnation[sizeof(head->incarnation) - 1] || head->boot[sizeof(head->boot) - 1] || head->id[KEPT_ID - 1])
		return 0;
	return text_same(head->id, id) && same_boot(head->boot) && same_incarnation(place->folder, head->incarnation);
}

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

	if (request->verb != KEPT_STATE && request->verb != KEPT_KILL) {
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

/* `exec` has its id behind flags that front_exec.c reads: the first word that is none. */
static const char *exec_id(char **argv)
{
	for (; *argv; argv++) {
		if ((*argv)[0] != '-')
			return *argv;
		if (!text_same(*argv, "-d") && !text_same(*argv, "--detach") && !argv[1])
			return NULL;
		/* Every other flag that is known here has a value. */
		if (!text_same(*argv, "-d") && !text_same(*argv, "--detach") && !has_equals(*argv))
			argv++;
	}
	return NULL;
}

static int try_request(struct request *request)
{
	const char *path = request->root ? request->root : "/run/dunc";
	struct place place;
	struct stat st;
	long fd, log = 0;
	int done = 0;

	if (request->kind == FRONT_EXEC)
		request->id = exec_id(request->exec_argv);
	/* An ordinary user's default folder is in its environment: the engine looks it up. */
	if ((!request->root && SYS(geteuid)) || !request->id || !is_plain_id(request->id))
		return 0;
	place.root = (int)(fd = front_open_private(AT_FDCWD, path, O_PATH | O_DIRECTORY, S_IFDIR, &st));
	if (fd < 0)
		return 0;
	place.folder = (int)(fd = front_open_private(place.root, request->id, O_PATH | O_DIRECTORY, S_IFDIR, &st));
	if (fd >= 0 && (st.st_mode & 07777) == 0700) {
		if (request->log)
			log = SYS(openat, AT_FDCWD, request->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		done = log >= 0 && try_place(request, &place);
	}
	if (log > 0)
		SYS(close, log);
	if (place.folder >= 0)
		SYS(close, place.folder);
	SYS(close, place.root);
	return done;
}

/* Asked for, or descriptors of socket activation are to be handed on. */
static int wants_engine(char **envp)
{
	for (; *envp; envp++)
		if (text_same(*envp, "DUNC_ENGINE=always") || after_equals(*envp, "LISTEN_FDS"))
			return 1;
	return 0;
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
	if (argc > 2 && !wants_engine(envp) && parse_request(argc, argv, &request) && try_request(&request))
		SYS(exit_group, 0);
	front_start_engine(stack, auxv);
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall start\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x0, sp\n\tand sp, x0, #-16\n\tbl start\n");
#endif
