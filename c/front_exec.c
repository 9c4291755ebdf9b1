/* `exec` of a process that was executed before: its plan was kept, and the init is spawned with it here.
 * The container is joined by the sealed init alone, never by this process. */
#include "front.h"
#include "relay.h"

#define KEY_SIZE 32768u

struct exec_flags {
	const char *pid_file, *console_socket, *process, *cwd, *user;
	int detach, tty;
	char **command;
};

struct key { char bytes[KEY_SIZE]; size_t size; int full; };

static void key_add(struct key *key, const char *text)
{
	size_t size = strlen(text) + 1;

	if (size > KEY_SIZE - key->size) {
		key->full = 1;
		return;
	}
	memcpy(key->bytes + key->size, text, size);
	key->size += size;
}

/* The value of a flag, or NULL: it is another one, or has none. An empty value is none: in the key it would look like a
 * flag that was not given. */
static const char *value_of(char ***argv, const char *name, const char *alias)
{
	const char *word = **argv;
	size_t size = strlen(name);

	if (!word)
		return NULL;
	if (strlen(word) > size && !memcmp(word, name, size) && word[size] == '=')
		return word[size + 1] ? word + size + 1 : NULL;
	if (!text_same(word, name) && !(alias && text_same(word, alias)))
		return NULL;
	word = *++*argv;
	return word && *word ? word : NULL;
}

/* The flags that a kept plan may stand for; every other one is the engine's. Environment goes into the key in its
 * order, the rest of the key is appended by make_key: src/container/exec_key.ts has the same form. */
static int read_flags(char **argv, struct exec_flags *ret, struct key *key)
{
	const char *value;

	for (; *argv && (*argv)[0] == '-'; argv++) {
		if (text_same(*argv, "--detach") || text_same(*argv, "-d"))
			ret->detach = 1;
		else if (text_same(*argv, "--tty") || text_same(*argv, "-t"))
			ret->tty = 1;
		else if ((value = value_of(&argv, "--pid-file", NULL)))
			ret->pid_file = value;
		else if ((value = value_of(&argv, "--console-socket", NULL)))
			ret->console_socket = value;
		else if ((value = value_of(&argv, "--process", "-p")))
			ret->process = value;
		else if ((value = value_of(&argv, "--cwd", NULL)))
			ret->cwd = value;
		else if ((value = value_of(&argv, "--user", "-u")))
			ret->user = value;
		else if ((value = value_of(&argv, "--env", "-e")))
			key_add(key, value);
		else
			return 0;
		if (!*argv)
			return 0;
	}
	/* The id, which the caller has, then the command. */
	ret->command = *argv ? argv + 1 : argv;
	return *argv && !(ret->console_socket && !*ret->console_socket);
}

/* env…, "", cwd, user, terminal, then the command or the bytes of the process document. */
static int make_key(const struct exec_flags *flags, struct key *key)
{
	struct stat st;
	size_t size;
	long fd;
	int ok;

	key_add(key, "");
	key_add(key, flags->cwd ? flags->cwd : "");
	key_add(key, flags->user ? flags->user : "");
	/* Where its terminal goes, if it has one: another plan, or none at all. */
	const char terminal[] = { flags->tty ? 't' : '-', flags->console_socket ? 'c' : '-', flags->detach ? 'd' : '-', 0 };

	key_add(key, terminal);
	if (!flags->process) {
		for (char **word = flags->command; *word; word++)
			key_add(key, *word);
		return !key->full && *flags->command && **flags->command;
	}
	key_add(key, "");
	fd = SYS(openat, AT_FDCWD, flags->process, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	ok = !SYS(fstat, fd, &st) && (st.st_mode & S_IFMT) == S_IFREG &&
	     front_read_all((int)fd, key->bytes + key->size, KEY_SIZE - key->size, &size);
	SYS(close, fd);
	key->size += ok ? size : 0;
	return ok && !key->full && !*flags->command;
}

static const char *string_at(const struct kept_exec *kept, uint32_t at)
{
	return at >= sizeof(*kept) && at < kept->head.size ? (const char *)kept + at : NULL;
}

static int blob_ok(const struct kept_exec *kept, struct blob_ref blob)
{
	return blob.at % 8 == 0 && blob.at >= sizeof(*kept) && blob.at <= kept->head.size &&
	       blob.size <= kept->head.size - blob.at;
}

/* The plan was made of config.json as it was then; runc reads it again for every exec. */
static int same_config(const struct kept_exec *kept)
{
	const char *path = string_at(kept, kept->config);
	struct stat st;

	if (!kept->config)
		return 1;
	if (!path || SYS(newfstatat, AT_FDCWD, path, &st, 0))
		return 0;
	return st.st_dev == kept->config_identity[0] && st.st_ino == kept->config_identity[1] &&
	       (uint64_t)st.st_size == kept->config_identity[2] &&
	       (uint64_t)st.st_mtime * 1000000000ull + st.st_mtime_nsec == kept->config_identity[3] &&
	       (uint64_t)st.st_ctime * 1000000000ull + st.st_ctime_nsec == kept->config_identity[4];
}

static struct kept_exec *find_kept(const struct request *request, const struct place *place, const struct key *key)
{
	static _Alignas(16) char bytes[KEPT_SIZE];
	struct kept_exec *kept = (void *)bytes;
	char name[] = "exec-0";
	size_t size = 0;

	name[5] = (char)('0' + front_hash(key->bytes, key->size) % KEPT_EXECS);
	if (!front_read_file(place->folder, name, bytes, sizeof(bytes), &size) || size < sizeof(*kept))
		return NULL;
	if (!front_kept_ok(&kept->head, KEPT_EXEC_MAGIC, size, place, request->id))
		return NULL;
	if (!blob_ok(kept, kept->key) || !blob_ok(kept, kept->plan) || kept->key.size != key->size ||
	    memcmp(bytes + kept->key.at, key->bytes, key->size))
		return NULL;
	return same_config(kept) ? kept : NULL;
}

/* A plan of one or two verb operations, carried out by their own functions. */
static long find_process(const struct kept_exec *kept)
{
	static struct run run;
	const struct op_identify_process op = { .slot = 0, .pid = kept->pid, .start_time = kept->start_time };
	long rc;

	run.slots[0] = -1;
	rc = op_identify_process(&run, &op);
	return rc ? rc : run.slots[0];
}

static int is_thawed(const struct kept_exec *kept)
{
	static struct run run;
	struct op_require_thawed op = { .path = kept->freezer, .word = kept->word };

	if (!kept->freezer)
		return 1;
	if (!string_at(kept, kept->freezer) || !string_at(kept, kept->word))
		return 0;
	run.plan.bytes = (void *)kept;
	run.plan.size = kept->head.size;
	return !op_require_thawed(&run, &op);
}

/* -1: nobody listens there. */
static int connect_socket(const char *path)
{
	struct { uint16_t family; char path[108]; } address = { SOCKET_UNIX, { 0 } };
	size_t size = strlen(path);
	long fd = SYS(socket, SOCKET_UNIX, 1 /* SOCK_STREAM */ | O_CLOEXEC, 0);

	if (size < sizeof(address.path))
		memcpy(address.path, path, size);
	if (fd >= 0 && size < sizeof(address.path) && !SYS(connect, fd, &address, sizeof(address.family) + size + 1))
		return (int)fd;
	if (fd >= 0)
		SYS(close, fd);
	return -1;
}

static void launch(const struct exec_flags *flags, struct kept_exec *kept, int32_t process)
{
	struct front_plan plan = { (unsigned char *)kept + kept->plan.at, kept->plan.size };
	static struct front_pid_file pid_file;
	int32_t given[2] = { process, flags->console_socket ? connect_socket(flags->console_socket) : -1 };
	struct front_child child;

	if (flags->console_socket && given[1] < 0)
		return;

	if (!flags->detach) {
		SYS(prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
		if (dunc_catch_signals())
			return;
	}
	if (flags->pid_file && !front_make_pid_file(&pid_file, flags->pid_file))
		return;
	if (!front_spawn(&plan, given, flags->console_socket ? 2 : 1, NULL, NULL, &child)) {
		if (given[1] >= 0)
			SYS(close, given[1]);
		return front_drop_pid_file(&pid_file);
	}
	if (!front_write_pid_file(&pid_file, child.pid)) {
		front_end(&child);
		front_die("exec failed: write --pid-file: is there room for it?\n", 255);
	}
	SYS(exit_group, flags->detach ? 0 : dunc_relay(child.pidfd, child.pid, child.master, -1));
}

void front_exec(const struct request *request, const struct place *place)
{
	static struct key key;
	struct exec_flags flags = { 0 };
	struct kept_exec *kept;
	long process;

	if (!read_flags(request->exec_argv, &flags, &key) || !make_key(&flags, &key))
		return;
	kept = find_kept(request, place, &key);
	if (!kept || !is_thawed(kept))
		return;
	process = find_process(kept);
	if (process >= 0)
		launch(&flags, kept, (int32_t)process);
}
