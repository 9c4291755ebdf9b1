/* Network devices, by rtnetlink(7). A socket belongs to the namespace it was made in, wherever its user goes. */
#include "plan.h"
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

enum { SOCKET_NETLINK = 16, SOCKET_RAW = 3, ROUTE_PROTOCOL = 0 };

long netlink_open(void)
{
	return SYS(socket, SOCKET_NETLINK, SOCKET_RAW | O_CLOEXEC, ROUTE_PROTOCOL);
}

/* One request and the whole answer to it: 0, the kernel's -errno, or with room the bytes of its messages. What goes
 * beyond a datagram's room is cut off by the kernel: -EMSGSIZE. */
long netlink_ask(int socket, const void *request, size_t size, unsigned char *answer, size_t room)
{
	_Alignas(8) unsigned char small[2048];
	unsigned char *to = answer ? answer : small;
	size_t space = answer ? room : sizeof(small), used = 0;
	long n = SYS(sendto, socket, request, size, 0, NULL, 0);

	if (n != (long)size)
		return n < 0 ? n : -EIO;
	for (int rounds = 0; rounds < 65536; rounds++) {
		n = SYS(recvfrom, socket, to + used, space - used, 0, NULL, NULL);
		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n ? n : -EIO;
		for (size_t at = 0; at < (size_t)n;) {
			struct nlmsghdr head;
			int32_t error;

			if ((size_t)n - at < sizeof(head))
				return -EMSGSIZE;
			memcpy(&head, to + used + at, sizeof(head));
			if (head.nlmsg_type == NLMSG_DONE)
				return answer ? (long)(used + at) : 0;
			if (head.nlmsg_type == NLMSG_ERROR) {
				if ((size_t)n - at < sizeof(head) + sizeof(error))
					return -EMSGSIZE;
				memcpy(&error, to + used + at + sizeof(head), sizeof(error));
				return error || !answer ? error : (long)(used + at);
			}
			if (head.nlmsg_len < sizeof(head) || (answer && head.nlmsg_len > (size_t)n - at))
				return -EMSGSIZE;
			at += NLMSG_ALIGN(head.nlmsg_len);
		}
		used += answer ? NLMSG_ALIGN((size_t)n) : 0;
		if (used >= space)
			return -EMSGSIZE;
	}
	return -EIO;
}

static long link_index(int socket, const char *name)
{
	struct { char name[16]; int32_t index; char rest[20]; } request = { .index = 0 };
	long rc;

	if (text_append(request.name, sizeof(request.name), 0, name) >= sizeof(request.name))
		return -ENODEV;
	rc = SYS(ioctl, socket, SIOCGIFINDEX, &request);
	return rc < 0 ? rc : request.index;
}

long op_netlink_socket(struct run *run, const struct op_netlink_socket *op)
{
	return slot_fill(run, op->slot, netlink_open());
}

long op_absent_link(struct run *run, const struct op_absent_link *op)
{
	long index = link_index(run->slots[op->socket], op_str(run, op->name));

	return index == -ENODEV ? 0 : index < 0 ? index : -EEXIST;
}

/* The device's index has the same place in ifinfomsg and ifaddrmsg. Only here are the index and the number of the
 * namespace's descriptor known. */
long op_netlink(struct run *run, const struct op_netlink *op)
{
	struct { struct nlmsghdr head; unsigned char rest[1024]; } message;
	struct { struct rtattr head; int32_t fd; } netns = { { sizeof(netns), IFLA_NET_NS_FD }, -1 };
	size_t size = op->message.size;
	long index = link_index(run->slots[op->socket], op_str(run, op->device));
	int32_t number = (int32_t)index;

	if (index < 0)
		return index;
	if (size < sizeof(message.head) + sizeof(struct ifaddrmsg) || size > sizeof(message) - sizeof(netns))
		return -EMSGSIZE;
	memcpy(&message, run->plan.bytes + op->message.at, size);
	memcpy(message.rest + 4, &number, sizeof(number));
	if (op->netns != SLOT_NONE) {
		netns.fd = run->slots[op->netns];
		memcpy((unsigned char *)&message + size, &netns, sizeof(netns));
		size += sizeof(netns);
		message.head.nlmsg_len = (uint32_t)size;
	}
	return netlink_ask(run->slots[op->socket], &message, size, NULL, 0);
}
