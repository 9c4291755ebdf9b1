/* Hooks. The init runs those of createContainer and startContainer inside the container; the runtime runs
 * the others in its own process, by a fork that makes nothing but system calls. */
#include "plan.h"

#define KEEP 960u /* bytes of each output stream that go into the report */

/* `failed` tells what kept a hook from starting: execve(2) closes it. */
struct pipes { int in[2], out[2], err[2], failed[2]; };

static long open_pipes(struct pipes *pipes)
{
	long rc;

	memset(pipes, 0xff, sizeof(*pipes));
	rc = SYS(pipe2, pipes->in, O_CLOEXEC);

	if (!rc)
		rc = SYS(pipe2, pipes->out, O_CLOEXEC);
	if (!rc)
		rc = SYS(pipe2, pipes->err, O_CLOEXEC);
	return rc ? rc : SYS(pipe2, pipes->failed, O_CLOEXEC);
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		SYS(close, *fd);
	*fd = -1;
}

static void close_pipes(struct pipes *pipes)
{
	int *pair[] = { pipes->in, pipes->out, pipes->err, pipes->failed };

	for (int i = 0; i < 8; i++)
		close_end(&pair[i / 2][i % 2]);
}

/* On the host what a hook has started outlives it. One that may run out of time leads a group of its own, to be killed
 * with all of it. Inside, everything ends with the container, and a filter may be in force. */
static int leads_group(struct run *run, const struct op_run_hook *op)
{
	return op->timeout_ms && (op->pid || !*op_str(run, op->state_tail));
}

static void become_hook(struct run *run, const struct op_run_hook *op, const struct pipes *pipes, char **argv,
			char **envp)
{
	const char *directory = op_str(run, op->directory), *path = op_str(run, op->path);
	struct sigaction_k action = { 0 };
	int failure;
	long rc = directory ? SYS(chdir, directory) : 0;

	if (leads_group(run, op))
		SYS(setpgid, 0, 0);
	for (int signal = 1; signal <= 64; signal++)
		if (signal != SIGKILL && signal != SIGSTOP)
			SYS(rt_sigaction, signal, &action, NULL, 8);
	if (!rc && SYS(dup3, pipes->in[0], 0, 0) == 0 && SYS(dup3, pipes->out[1], 1, 0) == 1 &&
	    SYS(dup3, pipes->err[1], 2, 0) == 2 && !SYS(close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC))
		rc = SYS(execve, path, argv, envp);
	failure = rc ? (int)rc : -EIO;
	SYS(write, pipes->failed[1], &failure, sizeof(failure));
	SYS(exit_group, 127);
}

/* What is still to be written to a hook's stdin. Without a tail the head is the whole document. */
struct input { const char *parts[3]; int next, fd; size_t at; };

/* Write what there is room for, so that a hook that does not read keeps its time-out. A hook that closes its stdin
 * early is none of our business. */
static void feed(struct input *input)
{
	while (input->next < (input->parts[2][0] ? 3 : 1)) {
		const char *part = input->parts[input->next];
		size_t left = strlen(part) - input->at;
		long n = SYS(write, input->fd, part + input->at, left);

		if (n == -EAGAIN)
			return;
		if (n < 0)
			break;
		input->at = (size_t)n < left ? input->at + (size_t)n : 0;
		input->next += !input->at;
	}
	SYS(close, input->fd);
	input->fd = -1;
}

struct output { char text[KEEP + 1]; size_t size; };

/* Read what is there; what does not fit is read and forgotten, so that the hook never blocks on us. The report
 * ends at a NUL: one in the output is shown as a blank. */
static int drain(int fd, struct output *output)
{
	char rest[512];
	size_t room = KEEP - output->size;
	long n = room ? SYS(read, fd, output->text + output->size, room) : SYS(read, fd, rest, sizeof(rest));

	if (n > 0 && room) {
		for (char *at = output->text + output->size; at < output->text + output->size + n; at++)
			*at = *at ? *at : ' ';
		output->size += (size_t)n;
	}
	output->text[output->size] = '\0';
	return n > 0;
}

static int64_t now_ms(void)
{
	struct timespec_k now = { 0, 0 };

	SYS(clock_gettime, 1 /* CLOCK_MONOTONIC */, &now);
	return now.seconds * 1000 + now.nanoseconds / 1000000;
}

/* Until the hook has ended and both outputs are dry, or the time is up: -ETIME. */
static long watch(const struct pipes *pipes, int pidfd, uint64_t timeout_ms, struct input *input,
		  struct output output[2])
{
	struct pollfd_k polls[4] = { { pidfd, POLLIN, 0 }, { pipes->out[0], POLLIN, 0 }, { pipes->err[0], POLLIN, 0 } };
	int64_t end = now_ms() + (int64_t)timeout_ms;

	for (;;) {
		int64_t left = end - now_ms();
		struct timespec_k wait = { left / 1000, left % 1000 * 1000000 };
		long n;

		if (timeout_ms && left <= 0)
			return -ETIME;
		if (input->fd >= 0)
			feed(input);
		polls[3] = (struct pollfd_k){ input->fd, POLLOUT, 0 };
		n = SYS(ppoll, polls, 4, timeout_ms ? &wait : NULL, NULL, 0);
		if (n < 0 && n != -EINTR)
			return n;
		for (int i = 1; n > 0 && i < 3; i++)
			if (polls[i].revents && !drain(polls[i].fd, &output[i - 1]))
				polls[i].fd = -1;
		/* Children of the hook may hold the pipes open for ever: the hook's own end is what counts. */
		if (n > 0 && polls[0].revents)
			break;
	}
	for (int i = 1; i < 3; i++) {
		struct timespec_k none = { 0, 0 };

		while (polls[i].fd >= 0 && SYS(ppoll, &polls[i], 1, &none, NULL, 0) > 0)
			if (!drain(polls[i].fd, &output[i - 1]))
				break;
	}
	return 0;
}

static long run_child(struct run *run, const struct op_run_hook *op, struct pipes *pipes,
		      struct output output[2], uint32_t *ret_status)
{
	char **argv = plan_strv(&run->plan, op->argv), **envp = plan_strv(&run->plan, op->envp);
	char number[24];
	struct input input = {
		.parts = { op_str(run, op->state_head), number, op_str(run, op->state_tail) }, .fd = pipes->in[1]
	};
	int pidfd = -1, failure;
	struct clone_args args = { .flags = CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&pidfd, .exit_signal = SIGCHLD };
	long pid, rc;

	if (!argv || !envp)
		return -EBADMSG;
	pid = SYS(clone3, &args, sizeof(args));
	if (pid < 0)
		return pid;
	if (!pid)
		become_hook(run, op, pipes, argv, envp);
	close_end(&pipes->in[0]);
	close_end(&pipes->out[1]);
	close_end(&pipes->err[1]);
	close_end(&pipes->failed[1]);
	/* The input has it now, and closes it. */
	pipes->in[1] = -1;
	SYS(fcntl, input.fd, F_SETFL, O_NONBLOCK);
	text_append_number(number, sizeof(number), 0, op->pid ? op->pid : (uint64_t)SYS(getpid));
	rc = watch(pipes, pidfd, op->timeout_ms, &input, output);
	if (input.fd >= 0)
		SYS(close, input.fd);
	if (rc)
		SYS(pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	/* It is not reaped yet, so the number is its own. */
	if (rc && leads_group(run, op))
		SYS(kill, -pid, SIGKILL);
	SYS(wait4, pid, ret_status, 0, NULL);
	if (!rc && SYS(read, pipes->failed[0], &failure, sizeof(failure)) == sizeof(failure))
		rc = failure;
	SYS(close, pidfd);
	return rc;
}

/* A failure is -ETIME, -ECANCELED or what kept the hook from starting; the report's text is
 * "STATUS STDOUT-SIZE STDOUT STDERR" with the wait status first, for the runtime to put into words. */
long op_run_hook(struct run *run, const struct op_run_hook *op)
{
	struct pipes pipes;
	struct output output[2] = { 0 };
	uint32_t status = 0;
	struct sigaction_k ignore = { .handler = (void (*)(int))1 }, old;
	long rc = open_pipes(&pipes);
	size_t at;

	/* A hook that closes its stdin must not end the init. */
	if (!rc) {
		SYS(rt_sigaction, SIGPIPE, &ignore, &old, 8);
		rc = run_child(run, op, &pipes, output, &status);
		SYS(rt_sigaction, SIGPIPE, &old, NULL, 8);
	}
	close_pipes(&pipes);
	if (!rc && status)
		rc = -ECANCELED;
	if (!rc)
		return 0;
	at = text_append_number(run->record.text, sizeof(run->record.text), 0, status);
	at = text_append(run->record.text, sizeof(run->record.text), at, " ");
	at = text_append_number(run->record.text, sizeof(run->record.text), at, output[0].size);
	at = text_append(run->record.text, sizeof(run->record.text), at, " ");
	at = text_append(run->record.text, sizeof(run->record.text), at, output[0].text);
	text_append(run->record.text, sizeof(run->record.text), at, output[1].text);
	return rc;
}
