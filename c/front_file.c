/* Kept files: whose they are, whether they are whole, and whether they are of this build, boot and container. */
#include "front.h"

/* Ours, and nobody else may write: otherwise a root with --root in another user's folder would carry
 * out that user's plan. */
static int is_private(int fd, uint32_t type, struct stat *ret)
{
	if (SYS(fstat, fd, ret))
		return 0;
	return (ret->st_mode & S_IFMT) == type && ret->st_uid == (uint32_t)SYS(geteuid) && !(ret->st_mode & 022);
}

/* Where there is no openat2 (an emulator, a filter around us): a component at a time, none of them a link. */
static long open_walking(int root, const char *path, uint64_t flags)
{
	long at = root == AT_FDCWD && *path == '/' ? SYS(openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0) : root;

	for (;;) {
		char name[256];
		size_t size = 0;
		long next;

		while (*path == '/')
			path++;
		while (path[size] && path[size] != '/')
			size++;
		if (size >= sizeof(name) || (size == 2 && !memcmp(path, "..", 2)))
			next = -EXDEV;
		else {
			const int last = !path[size];

			memcpy(name, path, size);
			name[size] = '\0';
			next = SYS(openat, at, size ? name : ".", (last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC, 0);
			if (last)
				path = NULL;
		}
		if (at != root)
			SYS(close, at);
		if (next < 0 || !path)
			return next;
		path += size;
		at = next;
	}
}

long front_open_private(int root, const char *path, uint64_t flags, uint32_t type, struct stat *ret)
{
	const uint64_t resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | (root == AT_FDCWD ? 0 : RESOLVE_BENEATH);
	long fd = open_in_root(root, path, flags | O_NOFOLLOW, 0, resolve);

	if (fd == -ENOSYS)
		fd = open_walking(root, path, flags);
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

int front_head_ok(struct kept_head *head, uint64_t magic, const uint64_t build[2], size_t size)
{
	uint32_t found;

	if (size < sizeof(*head) || head->magic != magic || head->size != size)
		return 0;
	if (head->build[0] != build[0] || head->build[1] != build[1])
		return 0;
	found = head->checksum;
	head->checksum = 0;
	if (found != front_hash(head, size) || head->uid != (uint32_t)SYS(geteuid))
		return 0;
	if (head->incarnation[sizeof(head->incarnation) - 1] || head->boot[sizeof(head->boot) - 1] || head->id[KEPT_ID - 1])
		return 0;
	return same_boot(head->boot);
}

int front_kept_ok(struct kept_head *head, uint64_t magic, size_t size, const struct place *place, const char *id)
{
	const uint64_t build[2] = { BUILD_ID_LOW, BUILD_ID_HIGH };

	return front_head_ok(head, magic, build, size) && text_same(head->id, id) &&
	       same_incarnation(place->folder, head->incarnation);
}
