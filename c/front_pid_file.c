/* Pid files of the first stage. See front.h. */
#include "front.h"
#include "sys.h"

int front_make_pid_file(struct front_pid_file *file, const char *path)
{
	size_t slash = strlen(path), at;

	while (slash > 0 && path[slash - 1] != '/')
		slash--;
	if (slash + 2 >= sizeof(file->temporary))
		return 0;
	memcpy(file->temporary, path, slash);
	file->temporary[slash] = '.';
	file->temporary[slash + 1] = '\0';
	at = text_append(file->temporary, sizeof(file->temporary), slash + 1, path + slash);
	if (at >= sizeof(file->temporary))
		return 0;
	file->fd = SYS(openat, AT_FDCWD, file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (file->fd < 0)
		return 0;
	file->path = path;
	return 1;
}

void front_drop_pid_file(const struct front_pid_file *file)
{
	if (!file->path)
		return;
	SYS(close, file->fd);
	SYS(unlinkat, AT_FDCWD, file->temporary, 0);
}

int front_write_pid_file(const struct front_pid_file *file, int32_t pid)
{
	char text[24];

	if (!file->path)
		return 1;
	text_append_number(text, sizeof(text), 0, (uint64_t)pid);
	if (SYS(write, file->fd, text, strlen(text)) == (long)strlen(text) &&
	    !SYS(renameat2, AT_FDCWD, file->temporary, AT_FDCWD, file->path, 0)) {
		SYS(close, file->fd);
		return 1;
	}
	front_drop_pid_file(file);
	return 0;
}
