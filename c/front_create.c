/* `create` and `run` from a bundle that was used before: the whole creation was kept, and is carried out again with
 * another id. Everything that it depends on is compared first; whatever fails is taken back, and the engine does it. */
#include "front.h"
#include "relay.h"

#define CONFIG_SIZE 262144u
#define LAYOUT_SIZE 262144u
#define PATH_SIZE 4096u

/* A creation that is being carried out. Slots of its host side: 0 the root folder, 1 the container's, 2 its lock. */
struct creation {
	struct kept_creation *kept;
	struct fillings fillings;
	struct run run;
};

/* Written by the build: 128 bits over the whole program. What a creation was made of goes through more of it than the
 * plans of verbs do: the rules of config.json, the limits, the filter. */
__attribute__((section(".payload"), used)) static const volatile uint64_t program_id[2] = {
	0x5566778899aabbccull, 0x66778899aabbccddull
};

static int parts_ok(const struct kept_creation *kept)
{
	const struct blob_ref *blob = &kept->config;
	const uint32_t size = kept->head.size;

	for (; blob <= &kept->last; blob++)
		if (blob->at % 8 || blob->at < sizeof(*kept) || blob->at > size || blob->size > size - blob->at)
			return 0;
	/* The last byte of the file is NUL, so that no string runs out of it. */
	return ((const char *)kept)[size - 1] == '\0' && kept->bundle < size && kept->rootfs < size &&
	       kept->verbs.size >= sizeof(struct kept_verbs);
}

/* ---- what must be the same --------------------------------------------------------------------------------------- */

/* The bundle's folder as the engine writes it; a path with empty, "." or ".." components is the engine's to clean. */
static int bundle_path(const char *named, char *ret)
{
	size_t at = 0;

	if (!named || named[0] != '/') {
		long n = SYS(getcwd, ret, PATH_SIZE);

		if (n < 2 || ret[0] != '/')
			return 0;
		at = (size_t)n - 1;
		if (named)
			at = text_append(ret, PATH_SIZE, at, "/");
	}
	if (named)
		at = text_append(ret, PATH_SIZE, at, named);
	if (at >= PATH_SIZE || at < 2)
		return 0;
	for (size_t i = 0; i < at; i++)
		if (ret[i] == '/' && (!ret[i + 1] || ret[i + 1] == '/' || ret[i + 1] == '.'))
			return 0;
	return 1;
}

static int read_path(const char *path, char *buffer, size_t size, size_t *ret_size)
{
	long fd = SYS(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	int ok = fd >= 0 && front_read_all((int)fd, buffer, size, ret_size);

	if (fd >= 0)
		SYS(close, fd);
	return ok;
}

static int is_cgroup_line(const char *line, size_t size)
{
	static const char word[] = " - cgroup";

	for (size_t i = 0; i + sizeof(word) - 1 <= size; i++)
		if (!memcmp(line + i, word, sizeof(word) - 1))
			return 1;
	return 0;
}

/* /proc/self/cgroup and the cgroup lines of /proc/self/mountinfo, one behind the other. */
static int same_layout(const char *kept, size_t kept_size)
{
	static char text[LAYOUT_SIZE];
	size_t size = 0, at;

	if (!read_path("/proc/self/cgroup", text, sizeof(text), &size) || size > kept_size || memcmp(text, kept, size))
		return 0;
	at = size;
	if (!read_path("/proc/self/mountinfo", text, sizeof(text), &size))
		return 0;
	for (size_t start = 0, end; start < size; start = end) {
		for (end = start; end < size && text[end] != '\n'; end++)
			;
		end += end < size;
		if (!is_cgroup_line(text + start, end - start))
			continue;
		if (end - start > kept_size - at || memcmp(text + start, kept + at, end - start))
			return 0;
		at += end - start;
	}
	return at == kept_size;
}

static int same_rootfs(const struct kept_creation *kept)
{
	struct stat st;

	return !SYS(newfstatat, AT_FDCWD, (const char *)kept + kept->rootfs, &st, 0) &&
	       st.st_dev == kept->rootfs_device && st.st_ino == kept->rootfs_inode;
}

static struct kept_creation *read_kept(int root, uint32_t hash)
{
	static _Alignas(16) char bytes[KEPT_CREATION_SIZE];
	struct kept_creation *kept = (void *)bytes;
	char name[] = "00";
	const uint64_t build[2] = { program_id[0], program_id[1] };
	struct stat st;
	size_t size = 0;
	long folder = front_open_private(root, KEPT_CREATIONS_NAME, O_PATH | O_DIRECTORY, S_IFDIR, &st);
	int ok;

	if (folder < 0)
		return NULL;
	name[0] = (char)('0' + hash % KEPT_CREATIONS / 10);
	name[1] = (char)('0' + hash % KEPT_CREATIONS % 10);
	ok = (st.st_mode & 07777) == 0700 && front_read_file((int)folder, name, bytes, sizeof(bytes), &size);
	SYS(close, folder);
	return ok && size > sizeof(*kept) && front_head_ok(&kept->head, KEPT_CREATION_MAGIC, build, size) && parts_ok(kept) ?
	       kept : NULL;
}

/* The creation that was kept for this bundle and its config.json as they are now, on this host as it is now. */
static struct kept_creation *find_kept(const struct request *request, int root)
{
	static char config[CONFIG_SIZE];
	char bundle[PATH_SIZE], path[PATH_SIZE];
	const uint32_t barrier = request->kind == FRONT_CREATE ? KEPT_BARRIER : 0;
	struct kept_creation *kept;
	size_t size = 0;
	uint32_t hash;

	if (!bundle_path(request->bundle, bundle))
		return NULL;
	if (text_append(path, sizeof(path), text_append(path, sizeof(path), 0, bundle), "/config.json") == sizeof(path) ||
	    !read_path(path, config, sizeof(config), &size))
		return NULL;
	hash = front_hash(config, size) ^ front_hash(bundle, strlen(bundle)) ^ barrier;
	kept = read_kept(root, hash);
	if (!kept || (kept->flags & KEPT_BARRIER) != barrier || (kept->flags & KEPT_TERMINAL && request->detach) || !text_same(bundle, (const char *)kept + kept->bundle))
		return NULL;
	if (kept->config.size != size || memcmp((const char *)kept + kept->config.at, config, size))
		return NULL;
	if (strlen(request->id) > kept->id_limit || !same_rootfs(kept))
		return NULL;
	return same_layout((const char *)kept + kept->layout.at, kept->layout.size) ? kept : NULL;
}

/* ---- carrying it out --------------------------------------------------------------------------------------------- */

static long check_part(struct creation *creation, struct blob_ref part, enum op_room room)
{
	struct plan plan = { .bytes = (unsigned char *)creation->kept + part.at, .size = part.size };

	return plan_check(&plan, room);
}

static long run_part(struct creation *creation, struct blob_ref part, uint32_t skip, enum op_room room)
{
	struct run *run = &creation->run;

	run->plan = (struct plan){ .bytes = (unsigned char *)creation->kept + part.at, .size = part.size };
	run->socket = -1;
	run->op_index = OP_NONE;
	run->skip = skip;
	return plan_check(&run->plan, room) ? -EBADMSG : plan_run(run);
}

/* Everything that was made goes again, so that the engine begins at the beginning. */
static void take_back(struct creation *creation, uint32_t skip)
{
	run_part(creation, creation->kept->undo, skip, ROOM_CREATION);
	for (int slot = 1; slot <= 2; slot++)
		if (creation->run.slots[slot] >= 0)
			SYS(close, creation->run.slots[slot]);
}

/* 1: the host's side is made. A first operation that failed (the id is taken) has made nothing. */
static int prepare_host(struct creation *creation)
{
	const struct kept_creation *kept = creation->kept;
	const uint32_t *skips = (const void *)((const char *)kept + kept->undo_skip.at);
	long rc = run_part(creation, kept->before, 0, ROOM_CREATION);
	uint32_t failed = creation->run.op_index;

	if (rc && failed != OP_NONE && failed > 0 && failed < kept->undo_skip.size / sizeof(*skips))
		take_back(creation, skips[failed]);
	return !rc;
}

/* The process is there: its number goes into the record and into the plans of the later verbs. */
static long save_process(void *context, int32_t pid)
{
	struct creation *creation = context;
	struct fillings *fillings = &creation->fillings;
	struct kept_verbs *verbs = (void *)((char *)creation->kept + creation->kept->verbs.at);
	long rc = process_start_time((uint32_t)pid, &fillings->start);

	if (rc)
		return rc;
	text_append_number(fillings->pid, sizeof(fillings->pid), 0, (uint64_t)pid);
	text_append_number(fillings->start_time, sizeof(fillings->start_time), 0, fillings->start);
	if (!front_fill_holes(creation->kept, fillings, creation->kept->last))
		return -EBADMSG;
	verbs->head.checksum = 0;
	verbs->head.checksum = front_hash(verbs, creation->kept->verbs.size);
	return run_part(creation, creation->kept->after, 0, ROOM_CREATION);
}

static int has_ended(int pidfd)
{
	struct { int32_t fd; int16_t events, revents; } wait = { pidfd, POLLIN, 0 };
	struct timespec_k none = { 0, 0 };

	return SYS(ppoll, &wait, 1, &none, NULL, 0) != 0;
}

/* Take the container away with its own kept plan. What another command has taken away already is fine. */
static void remove_container(struct creation *creation)
{
	const struct kept_verbs *verbs = (void *)((char *)creation->kept + creation->kept->verbs.at);
	struct blob_ref part = { creation->kept->verbs.at + verbs->plans[KEPT_DELETE_FORCE].at,
				 verbs->plans[KEPT_DELETE_FORCE].size };
	int folder = creation->run.slots[1], root = creation->run.slots[0];
	long rc;

	memset(creation->run.slots, 0xff, sizeof(creation->run.slots));
	creation->run.slots[0] = folder;
	creation->run.slots[1] = root;
	rc = run_part(creation, part, 0, ROOM_KEPT);
	if (rc && rc != -ENOENT) {
		static const char text[] = "dunc: the container has ended and could not be taken away: "
					   "`dunc delete --force` says why\n";

		SYS(write, 2, text, sizeof(text) - 1);
	}
}

static void finish(struct creation *creation, const struct request *request, const struct front_child *child)
{
	long code;

	/* Other verbs may have the container now. */
	SYS(close, creation->run.slots[2]);
	if (request->kind == FRONT_CREATE || request->detach)
		SYS(exit_group, 0);
	code = dunc_relay(child->pidfd, child->pid, child->master, -1);
	if (!request->keep)
		remove_container(creation);
	SYS(exit_group, code);
}

static int all_parts_ok(struct creation *creation)
{
	const struct kept_creation *kept = creation->kept;
	const struct kept_verbs *verbs = (const void *)((const char *)kept + kept->verbs.at);
	const uint32_t at = verbs->plans[KEPT_DELETE_FORCE].at, size = verbs->plans[KEPT_DELETE_FORCE].size;

	return size && at % 8 == 0 && at <= kept->verbs.size && size <= kept->verbs.size - at &&
	       !check_part(creation, kept->before, ROOM_CREATION) && !check_part(creation, kept->undo, ROOM_CREATION) &&
	       !check_part(creation, kept->after, ROOM_CREATION) && !check_part(creation, kept->init, ROOM_INIT) &&
	       !check_part(creation, (struct blob_ref){ kept->verbs.at + at, size }, ROOM_KEPT);
}

void front_create(const struct request *request, int root)
{
	static struct creation creation;
	static struct front_pid_file pid_file;
	struct front_child child;
	struct front_plan init;

	creation.kept = find_kept(request, root);
	creation.fillings.id = request->id;
	memset(creation.run.slots, 0xff, sizeof(creation.run.slots));
	creation.run.slots[0] = root;
	if (!creation.kept || !front_fill(&creation.fillings))
		return;
	if (!front_fill_holes(creation.kept, &creation.fillings, creation.kept->first) || !all_parts_ok(&creation))
		return;
	if (request->kind == FRONT_RUN && !request->detach) {
		SYS(prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
		if (dunc_catch_signals())
			return;
	}
	if (!prepare_host(&creation))
		return;
	init = (struct front_plan){ (unsigned char *)creation.kept + creation.kept->init.at, creation.kept->init.size };
	if (!front_spawn(&init, NULL, 0, save_process, &creation, &child)) {
		take_back(&creation, 0);
		return;
	}
	if ((request->kind == FRONT_CREATE && has_ended(child.pidfd)) ||
	    (request->pid_file && (!front_make_pid_file(&pid_file, request->pid_file) ||
				   !front_write_pid_file(&pid_file, child.pid)))) {
		front_end(&child);
		take_back(&creation, 0);
		return;
	}
	finish(&creation, request, &child);
}
