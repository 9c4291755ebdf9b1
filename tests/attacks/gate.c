/* Runs a program under a kernel that lacks system calls, or stops before the Nth one of a container's init.
 *
 *   gate [-u ID] [-e CALL]... [-w CALL]... [-o LOG] [-n N -x SCRIPT] PROGRAM ARGS...
 *
 * -u: the program runs as this user and group; gate itself is called by root.
 * -e: the call answers ENOSYS, to the program and everything below it.
 * -w: the call is watched: counted when dunc-init makes it, and written to LOG as "CALL DIRECTORY PATH".
 * -n, -x: before the Nth watched call happens, `sh -c SCRIPT` runs; PID is the caller. The race is won every time.
 *
 * The exit code is the program's, 128 + N after a signal N. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* `directory` and `path`: which argument is what; -1 for none. */
struct call { const char *name; int number, directory, path; };
static const struct call CALLS[] = {
	{ "openat2", SYS_openat2, 0, 1 }, { "openat", SYS_openat, 0, 1 },
	{ "mkdirat", SYS_mkdirat, 0, 1 }, { "mknodat", SYS_mknodat, 0, 1 },
	{ "symlinkat", SYS_symlinkat, 1, 2 }, { "unlinkat", SYS_unlinkat, 0, 1 },
	{ "chdir", SYS_chdir, -1, 0 }, { "execve", SYS_execve, -1, 0 },
	{ "move_mount", SYS_move_mount, 2, -1 }, { "mount_setattr", SYS_mount_setattr, 0, 1 },
	{ "open_tree", SYS_open_tree, 0, 1 }, { "fsopen", SYS_fsopen, -1, 0 },
	{ "fsconfig", SYS_fsconfig, -1, -1 }, { "fsmount", SYS_fsmount, -1, -1 },
	{ "mount", SYS_mount, -1, 1 }, { "pivot_root", SYS_pivot_root, -1, 0 },
	{ "setns", SYS_setns, -1, -1 }, { "clone3", SYS_clone3, -1, -1 },
	{ "pidfd_open", SYS_pidfd_open, -1, -1 }, { "close_range", SYS_close_range, -1, -1 },
	{ "fchmodat2", 452, -1, -1 }, { "statx", SYS_statx, 0, 1 }, { "faccessat2", SYS_faccessat2, 0, 1 },
};
enum { CALL_COUNT = sizeof(CALLS) / sizeof(*CALLS) };

static const char *script, *log_path;
static long stop_at = -1, count;
static uid_t user;
static FILE *log_file;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "gate: %s: %s\n", what, strerror(errno));
	exit(125);
}

static const struct call *call_named(const char *name)
{
	for (int i = 0; i < CALL_COUNT; i++)
		if (!strcmp(CALLS[i].name, name))
			return &CALLS[i];
	fprintf(stderr, "gate: no call %s\n", name);
	exit(125);
}

/* A line per call; the last line lets everything else through. */
static struct sock_filter filter[2 * CALL_COUNT + 2];
static unsigned short filter_size;

static void add_rule(int number, uint32_t action)
{
	filter[filter_size++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1);
	filter[filter_size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
}

static int load_filter(int watched)
{
	struct sock_fprog program = { .filter = filter };

	filter[filter_size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = filter_size;
	long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, watched ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0,
			  &program);
	if (fd < 0)
		fail("seccomp");
	return watched ? (int)fd : -1;
}

static int is_init(uint32_t pid)
{
	char name[64], exe[256];

	snprintf(name, sizeof(name), "/proc/%u/exe", pid);
	ssize_t n = readlink(name, exe, sizeof(exe) - 1);

	if (n < 0)
		return 0;
	exe[n] = '\0';
	return strstr(exe, "memfd:dunc-init") != NULL;
}

static void read_path(uint32_t pid, uint64_t at, char *path, size_t size)
{
	struct iovec to = { path, size - 1 }, from = { (void *)at, size - 1 };
	ssize_t n;

	/* A string near the end of its page is shorter than the buffer. */
	do {
		n = process_vm_readv((pid_t)pid, &to, 1, &from, 1, 0);
		from.iov_len /= 2;
	} while (n < 0 && from.iov_len);
	path[n < 0 ? 0 : n] = '\0';
}

static void write_log(const struct seccomp_notif *request, const struct call *call)
{
	char path[1024] = "", link[64], directory[1024] = "-";

	if (!log_file)
		return;
	if (call->path >= 0)
		read_path(request->pid, request->data.args[call->path], path, sizeof(path));
	if (call->directory >= 0) {
		int fd = (int)request->data.args[call->directory];

		snprintf(link, sizeof(link), fd < 0 ? "/proc/%u/cwd" : "/proc/%u/fd/%d", request->pid, fd);
		ssize_t n = readlink(link, directory, sizeof(directory) - 1);
		if (n >= 0)
			directory[n] = '\0';
	}
	fprintf(log_file, "%s\t%s\t%s\n", call->name, directory, path);
	fflush(log_file);
}

static void run_script(uint32_t pid)
{
	char text[16];
	pid_t child = fork();

	if (child < 0)
		fail("fork");
	if (!child) {
		snprintf(text, sizeof(text), "%u", pid);
		setenv("PID", text, 1);
		execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(127);
	}
	waitpid(child, NULL, 0);
}

static void answer(int listener)
{
	struct seccomp_notif request = { 0 };
	struct seccomp_notif_resp response = { .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request))
		return;
	if (is_init(request.pid)) {
		for (int i = 0; i < CALL_COUNT; i++)
			if (CALLS[i].number == request.data.nr)
				write_log(&request, &CALLS[i]);
		if (++count == stop_at)
			run_script(request.pid);
	}
	response.id = request.id;
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

/* The supervisor: answers until the program has ended. A listener that came over the socket is the child's. */
static int supervise(pid_t child, int listener)
{
	int status;

	for (;;) {
		struct pollfd poll_fd = { .fd = listener, .events = POLLIN };

		if (poll(&poll_fd, 1, 20) > 0 && poll_fd.revents & POLLIN)
			answer(listener);
		else if (waitpid(child, &status, WNOHANG) == child)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
}

static _Noreturn void execute(char **argv)
{
	if (user && (setgroups(0, NULL) || setresgid(user, user, user) || setresuid(user, user, user)))
		fail("become the user");
	execvp(argv[0], argv);
	fail(argv[0]);
}

/* The child gets the filter; the parent, which has none, gets the child's listener by its number. */
static int watch(char **argv)
{
	int pair[2], listener, fd;
	char byte;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		fail("socketpair");
	pid_t child = fork();
	if (child < 0)
		fail("fork");
	if (!child) {
		close(pair[0]);
		listener = load_filter(1);
		if (write(pair[1], &listener, sizeof(listener)) != sizeof(listener) || read(pair[1], &byte, 1) != 1)
			_exit(125);
		close(listener);
		execute(argv);
	}
	close(pair[1]);
	if (read(pair[0], &listener, sizeof(listener)) != sizeof(listener))
		fail("the child");
	fd = (int)syscall(SYS_pidfd_open, child, 0);
	listener = (int)syscall(SYS_pidfd_getfd, fd, listener, 0);
	if (listener < 0)
		fail("pidfd_getfd");
	if (log_path && !(log_file = fopen(log_path, "we")))
		fail(log_path);
	/* Signals for the program are the program's. */
	for (int s = 1; s < 32; s++)
		if (s != SIGCHLD)
			signal(s, SIG_IGN);
	if (write(pair[0], "", 1) != 1)
		fail("the child");
	close(pair[0]);
	return supervise(child, listener);
}

int main(int argc, char **argv)
{
	int option, watched = 0;

	filter[filter_size++] =
		(struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	while ((option = getopt(argc, argv, "+u:e:w:o:n:x:")) != -1) {
		switch (option) {
		case 'u': user = (uid_t)atol(optarg); break;
		case 'e': add_rule(call_named(optarg)->number, SECCOMP_RET_ERRNO | ENOSYS); break;
		case 'w': add_rule(call_named(optarg)->number, SECCOMP_RET_USER_NOTIF); watched = 1; break;
		case 'o': log_path = optarg; break;
		case 'n': stop_at = atol(optarg); break;
		case 'x': script = optarg; break;
		default: return 125;
		}
	}
	if (optind >= argc)
		return 125;
	if (watched)
		return watch(argv + optind);
	load_filter(0);
	execute(argv + optind);
}
