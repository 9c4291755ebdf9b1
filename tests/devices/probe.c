/*
 * What the kernel lets a process of some control groups do with devices.
 *
 *   probe FOLDER FILE...    joins by writing "0" to each FILE, then answers the questions on its standard input,
 *                           one a line: TYPE MAJOR MINOR ACCESS, ACCESS being r, w, rw or m
 *
 * Prints 1 for a device that may be made (m) or opened (r, w, rw), whether or not there is one, 0 for EPERM. Nodes are
 * made in FOLDER before the groups are joined.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MOST 4096

struct question {
	char type, access[3];
	unsigned int major, minor;
};

static struct question questions[MOST];

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

static dev_t device_of(const struct question *q)
{
	return makedev(q->major, q->minor);
}

static mode_t mode_of(const struct question *q)
{
	return (q->type == 'b' ? S_IFBLK : S_IFCHR) | 0666;
}

static const char *name_of(const struct question *q)
{
	static char name[64];

	snprintf(name, sizeof(name), "%c%u.%u", q->type, q->major, q->minor);
	return name;
}

static void join(const char *path)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, "0", 1) != 1)
		fail(path);
	close(fd);
}

static int may(const struct question *q)
{
	int fd;

	if (strcmp(q->access, "m") == 0) {
		int made = mknod("made", mode_of(q), device_of(q));

		if (made == 0)
			unlink("made");
		else if (errno != EPERM)
			fail("mknod");
		return made == 0;
	}
	fd = open(name_of(q), (strcmp(q->access, "r") == 0 ? O_RDONLY : strcmp(q->access, "w") == 0 ? O_WRONLY : O_RDWR) |
				      O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd >= 0 || errno != EPERM;
}

int main(int count, char **words)
{
	int number = 0;

	if (count < 2 || chdir(words[1]))
		fail("chdir");
	while (number < MOST) {
		struct question *q = &questions[number];

		if (scanf(" %c %u %u %2s", &q->type, &q->major, &q->minor, q->access) != 4)
			break;
		if (mknod(name_of(q), mode_of(q), device_of(q)) && errno != EEXIST)
			fail("mknod");
		number++;
	}
	for (int i = 2; i < count; i++)
		join(words[i]);
	for (int i = 0; i < number; i++)
		putchar(may(&questions[i]) ? '1' : '0');
	return 0;
}
