/* The foreground: signals go on to the container, bytes go between its terminal and ours, and the
 * children that come to a subreaper are reaped, until the container's process has ended. */
#include "relay.h"
#include "plan.h"
#include <asm/siginfo.h>
#include <asm/termbits.h>

#define SIGNALS 32
/* No exit code. */
#define RELAY_WOKEN 256


/* Handlers run on any thread of the engine, so all they do is: send the signal on, or note it, and
 * wake the relay through its eventfd. Signals that come before the container are kept for it. */
static volatile int relay_pidfd = -1, relay_wake = -1;
static volatile uint32_t relay_pending, relay_resized;

static void on_signal(int signal)
{
	uint64_t one = 1;

	if (signal == SIGWINCH)
		relay_resized = 1;
	else if (signal != SIGCHLD && relay_pidfd >= 0)
		SYS(pidfd_send_signal, relay_pidfd, signal, NULL, 0);
	else if (signal != SIGCHLD)
		__atomic_fetch_or(&relay_pending, 1u << signal, __ATOMIC_SEQ_CST);
	SYS(write, relay_wake, &one, sizeof(one));
}

#if defined(__x86_64__)
void restore_signal(void);
__asm__(".text\n.type restore_signal, @function\nrestore_signal:\n\tmov $15, %eax\n\tsyscall\n");
#endif

/* Faults are the engine's own, and KILL and STOP cannot be caught. URG is never meant for anybody. */
static int is_forwarded(int signal)
{
	switch (signal) {
	case SIGKILL: case SIGSTOP: case SIGURG: case SIGSEGV: case SIGBUS: case SIGILL: case SIGFPE:
	case SIGTRAP: case SIGPIPE:
		return 0;
	}
	return 1;
}

/* To be called before the container is made, so that no signal is lost. */
long dunc_catch_signals(void)
{
	struct sigaction_k action = {
		.handler = on_signal,
#if defined(__x86_64__)
		.flags = 0x14000000, /* SA_RESTART | SA_RESTORER */
		.restorer = restore_signal,
#else
		.flags = 0x10000000,
#endif
	};
	long rc = SYS(eventfd2, 0, O_CLOEXEC | O_NONBLOCK);

	if (rc < 0)
		return rc;
	relay_wake = (int)rc;
	rc = 0;
	for (int signal = 1; signal < SIGNALS && !rc; signal++)
		if (is_forwarded(signal))
			rc = SYS(rt_sigaction, signal, &action, NULL, 8);
	return rc;
}

static int find_terminal(void)
{
	struct termios settings;
	const int order[3] = { 2, 1, 0 };

	for (int i = 0; i < 3; i++)
		if (!SYS(ioctl, order[i], TCGETS, &settings))
			return order[i];
	return -1;
}

static void copy_size(int from, int to)
{
	struct { uint16_t rows, columns, x, y; } size;

	if (from >= 0 && !SYS(ioctl, from, TIOCGWINSZ, &size))
		SYS(ioctl, to, TIOCSWINSZ, &size);
}

/* As cfmakeraw(3), but for OPOST: our own terminal turns newlines, the container's no longer does. */
static void make_raw(struct termios *settings)
{
	settings->c_iflag &= (tcflag_t)~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	settings->c_lflag &= (tcflag_t)~(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	settings->c_cflag = (settings->c_cflag & (tcflag_t)~(CSIZE | PARENB)) | CS8;
	settings->c_cc[VMIN] = 1;
	settings->c_cc[VTIME] = 0;
}

struct pump { char bytes[16384]; size_t at, size; int from, to; };

static void pump_read(struct pump *pump)
{
	long n = SYS(read, pump->from, pump->bytes, sizeof(pump->bytes));

	pump->at = 0;
	pump->size = n > 0 ? (size_t)n : 0;
	if (n == 0 || (n < 0 && n != -EAGAIN && n != -EINTR))
		pump->from = -1;
}

static void pump_write(struct pump *pump)
{
	long n = SYS(write, pump->to, pump->bytes + pump->at, pump->size - pump->at);

	if (n > 0)
		pump->at += (size_t)n;
	else if (n != -EAGAIN && n != -EINTR)
		pump->at = pump->size; /* nobody reads any more: drop it */
}

static int pump_full(const struct pump *pump)
{
	return pump->at < pump->size;
}

/* Reap every child but the container's process, whose status is fetched by its pidfd. */
static void reap_others(int32_t pid)
{
	struct siginfo info;

	for (;;) {
		memset(&info, 0, sizeof(info));
		if (SYS(waitid, 0 /* P_ALL */, 0, &info, WAIT_EXITED | 1 | 0x01000000 /* WNOHANG|WNOWAIT */, NULL) ||
		    !info.si_pid || info.si_pid == pid)
			return;
		SYS(waitid, 1 /* P_PID */, info.si_pid, NULL, WAIT_EXITED | 1, NULL);
	}
}

/* 1: there is something to read from `other`, and nothing is held that has not been written. */
static int relay_loop(int pidfd, int32_t pid, int terminal, int other, struct pump *in, struct pump *out)
{
	uint64_t count;

	for (;;) {
		struct pollfd_k polls[5] = {
			{ pidfd, POLLIN, 0 },
			{ relay_wake, POLLIN, 0 },
			{ in->from < 0 && !pump_full(in) ? -1 : pump_full(in) ? in->to : in->from,
			  pump_full(in) ? POLLOUT : POLLIN, 0 },
			{ out->from, POLLIN, 0 },
			{ pump_full(in) ? -1 : other, POLLIN, 0 },
		};
		long n = SYS(ppoll, polls, 5, NULL, NULL, 0);

		if (n < 0 && n != -EINTR)
			return 0;
		if (n > 0 && polls[1].revents) {
			SYS(read, relay_wake, &count, sizeof(count));
			reap_others(pid);
		}
		if (relay_resized && out->from >= 0) {
			relay_resized = 0;
			copy_size(terminal, out->from);
		}
		if (n > 0 && polls[2].revents) {
			if (pump_full(in))
				pump_write(in);
			else
				pump_read(in);
		}
		if (n > 0 && polls[3].revents) {
			pump_read(out);
			while (pump_full(out))
				pump_write(out);
		}
		if (n > 0 && polls[0].revents)
			return 0;
		if (n > 0 && polls[4].revents && !pump_full(in))
			return 1;
	}
}

static void drain(struct pump *out)
{
	struct pollfd_k poll = { out->from, POLLIN, 0 };
	struct timespec_k none = { 0, 0 };

	while (out->from >= 0 && SYS(ppoll, &poll, 1, &none, NULL, 0) > 0) {
		pump_read(out);
		while (pump_full(out))
			pump_write(out);
		poll.fd = out->from;
	}
}

/* 0..255: the exit status, 128 + N for signal N. */
static long exit_code(int pidfd)
{
	struct siginfo info;
	long rc;

	do {
		memset(&info, 0, sizeof(info));
		rc = SYS(waitid, ID_PIDFD, pidfd, &info, WAIT_EXITED, NULL);
	} while (rc == -EINTR);
	if (rc)
		return rc;
	return info.si_code == CLD_EXITED ? info.si_status & 0xff : 128 + info.si_status;
}

/* Before the program runs: its terminal has our size, and leaves newlines to our own. */
void dunc_prepare_terminal(int master)
{
	struct termios settings;

	if (!SYS(ioctl, master, TCGETS, &settings)) {
		settings.c_oflag &= (tcflag_t)~ONLCR;
		SYS(ioctl, master, TCSETS, &settings);
	}
	copy_size(find_terminal(), master);
}

/* Until the process of `pidfd` has ended; `master` is its terminal, or -1. Its exit code, or -errno. RELAY_WOKEN: there
 * is something to read from `other` (-1 for none); to be called again. */
long dunc_relay(int pidfd, int32_t pid, int master, int other)
{
	static struct pump in, out;
	struct termios saved, settings;
	int terminal = find_terminal(), woken;
	long code;

	in = (struct pump){ .from = master < 0 ? -1 : 0, .to = master };
	out = (struct pump){ .from = master, .to = 1 };
	relay_pidfd = pidfd;
	for (int signal = 1; signal < SIGNALS; signal++)
		if (__atomic_fetch_and(&relay_pending, ~(1u << signal), __ATOMIC_SEQ_CST) & 1u << signal)
			SYS(pidfd_send_signal, pidfd, signal, NULL, 0);
	if (master >= 0)
		SYS(fcntl, master, F_SETFL, O_RDWR | O_NONBLOCK);
	if (master >= 0 && terminal >= 0 && !SYS(ioctl, terminal, TCGETS, &saved)) {
		settings = saved;
		make_raw(&settings);
		SYS(ioctl, terminal, TCSETS, &settings);
	}
	woken = relay_loop(pidfd, pid, terminal, other, &in, &out);
	drain(&out);
	if (master >= 0 && terminal >= 0)
		SYS(ioctl, terminal, TCSETS, &saved);
	relay_pidfd = -1;
	if (woken)
		return RELAY_WOKEN;
	code = exit_code(pidfd);
	reap_others(0);
	return code;
}
