/* Handing a seccomp listener over. Once the filter is loaded, any call of the container process may be one that
 * waits for the listener, whom nobody has yet. So the process makes calls of one kind only, which no filter may
 * hand to a listener (write), and the first stage, which shares its descriptors and stands under no filter, does
 * the rest:
 *
 *   first stage                             container process
 *   clone3 with CLONE_FILES
 *   writes done: its pidfd of the process ▶ reads done, and fills it
 *   waits for wake, or the process's end    … everything up to the filter …
 *                                           seccomp(2) makes the listener
 *                                         ◀ writes wake: the listener's number
 *   record with the listener ──▶ runtime    writes done: full, so it waits
 *   go                       ◀── runtime
 *   closes all, reads done                ▶ goes on
 *
 * A runtime that is gone ends the process: it waits in the kernel and would wait for ever. */
#include "plan.h"

/* The most that an eventfd counts to: a further write waits for a reader (eventfd(2)). */
#define FULL (UINT64_MAX - 1)

static long counter_write(int fd, uint64_t value, uint64_t mark)
{
	long n = SYS(write, fd, &value, sizeof(value), mark);

	return n < 0 ? n : n == sizeof(value) ? 0 : -EIO;
}

static long counter_read(int fd, uint64_t *ret)
{
	long n;

	do {
		n = SYS(read, fd, ret, sizeof(*ret));
	} while (n == -EINTR);
	return n < 0 ? n : n == sizeof(*ret) ? 0 : -EIO;
}

long listener_prepare(struct run *run)
{
	long wake = SYS(eventfd2, 0, O_CLOEXEC), done = SYS(eventfd2, 0, O_CLOEXEC);

	run->channel.wake = (int)wake;
	run->channel.done = (int)done;
	return wake < 0 ? wake : done < 0 ? done : 0;
}

/* Numbers travel as one more than they are: an eventfd tells of no 0. */
long listener_meet(struct run *run)
{
	uint64_t process = 0;
	long rc = counter_read(run->channel.done, &process);

	run->channel.process = (int)process - 1;
	return rc ? rc : counter_write(run->channel.done, FULL, 0);
}

/* 0: `ret` is the listener. -ESRCH: the process ended without one. */
static long wait_listener(struct run *run, int process, int *ret)
{
	struct pollfd_k polls[2] = { { run->channel.wake, POLLIN, 0 }, { process, POLLIN, 0 } };
	uint64_t number = 0;
	long n;

	do {
		n = SYS(ppoll, polls, 2, NULL, NULL, 0);
	} while (n == -EINTR);
	if (n < 0)
		return n;
	if (!(polls[0].revents & POLLIN))
		return -ESRCH;
	n = counter_read(run->channel.wake, &number);
	*ret = (int)number - 1;
	return n;
}

static long deliver(struct run *run, int listener)
{
	uint32_t word = 0;
	long n = record_send_descriptor(run, WORD_LISTENER, listener);

	if (n)
		return n;
	do {
		n = SYS(recvfrom, run->socket, &word, sizeof(word), 0, NULL, NULL);
	} while (n == -EINTR);
	return n < 0 ? n : n == sizeof(word) && word == WORD_GO ? 0 : -EPIPE;
}

/* In the table that both share. `done` is the process's to close: here its number could be another's already. */
static long close_all(struct run *run, int process, int listener)
{
	uint64_t count;

	SYS(close, listener);
	SYS(close, process);
	SYS(close, run->channel.wake);
	return counter_read(run->channel.done, &count);
}

int listener_hand_over(struct run *run, int process)
{
	int listener = -1;
	long rc = counter_write(run->channel.done, (uint64_t)process + 1, 0);

	if (!rc)
		rc = wait_listener(run, process, &listener);
	if (!rc)
		rc = deliver(run, listener);
	if (rc)
		SYS(pidfd_send_signal, process, SIGKILL, NULL, 0);
	return (rc ? rc : close_all(run, process, listener)) ? 1 : 0;
}

/* The two writes: nothing else may be called, not even to tell of a failure. */
void listener_announce(struct run *run, long listener, uint64_t mark)
{
	if (!counter_write(run->channel.wake, (uint64_t)listener + 1, mark) && !counter_write(run->channel.done, 1, mark)) {
		run->channel.wake = run->channel.process = -1;
		return;
	}
#if defined(DUNC_FUZZ)
	SYS(exit_group, 1);
#endif
	__builtin_trap();
}
