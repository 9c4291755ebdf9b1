/* A seccomp agent for the tests: takes listeners at a unix socket (seccomp_unotify(2)), and answers every call that
 * is handed to it in one way.
 *
 *   seccomp_agent SOCKET errno N | value N | continue | hangup
 *
 * One line for each thing that happens: "ready", the document of a connection, "call NUMBER". */
#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int fail(const char *what)
{
	perror(what);
	return 1;
}

/* The document of one connection on a line, and its descriptor; -1: there is none. */
static int take(int connection)
{
	char text[65536], control[256];
	struct iovec part = { text, sizeof(text) };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *head = n < 0 ? NULL : CMSG_FIRSTHDR(&message);
	int listener = -1;

	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
		memcpy(&listener, CMSG_DATA(head), sizeof(listener));
	printf("%.*s\n", n < 0 ? 0 : (int)n, text);
	close(connection);
	return listener;
}

/* 0: the call was answered, or its process is gone. */
static int answer(int listener, const char *how, long long number)
{
	struct seccomp_notif call;
	struct seccomp_notif_resp reply;

	memset(&call, 0, sizeof(call));
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call))
		return errno == ENOENT || errno == EINTR ? 0 : -1;
	printf("call %d\n", call.data.nr);
	memset(&reply, 0, sizeof(reply));
	reply.id = call.id;
	if (!strcmp(how, "continue"))
		reply.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else if (!strcmp(how, "errno"))
		reply.error = -(int)number;
	else
		reply.val = number;
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply) && errno != ENOENT ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct pollfd polls[64] = { { .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), .events = POLLIN } };
	int count = 1;

	if (argc < 3 || strlen(argv[1]) >= sizeof(address.sun_path))
		return 64;
	setvbuf(stdout, NULL, _IOLBF, 0);
	strcpy(address.sun_path, argv[1]);
	if (bind(polls[0].fd, (struct sockaddr *)&address, sizeof(address)) || listen(polls[0].fd, 8))
		return fail("listen");
	puts("ready");
	while (poll(polls, count, -1) >= 0 || errno == EINTR) {
		for (int i = 1; i < count; i++) {
			if (polls[i].revents & POLLIN && answer(polls[i].fd, argv[2], argc > 3 ? atoll(argv[3]) : 0))
				return fail("answer");
			/* Nobody stands under the filter any more. */
			if (polls[i].revents & POLLHUP) {
				close(polls[i].fd);
				polls[i].fd = -1;
			}
		}
		if (polls[0].revents & POLLIN) {
			int listener = take(accept(polls[0].fd, NULL, NULL));

			if (!strcmp(argv[2], "hangup") || count == 64)
				close(listener);
			else
				polls[count++] = (struct pollfd){ .fd = listener, .events = POLLIN };
		}
	}
	return fail("poll");
}
