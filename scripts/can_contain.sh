#!/bin/sh
# Can containers be made here? Tries it. Exit code 0 and how: "directly" or "in a user namespace";
# or 1 and one line that names the permission that is missing.

# Status of CAP_SYS_ADMIN (bit 21) in this process's effective set: capabilities(7).
effective=$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
admin=$(((0x$effective >> 21) & 1))

# The namespaces of the default container, and a mount in them; the arguments are what makes it possible.
try() { unshare "$@" --mount --pid --fork --net --uts --ipc mount -t tmpfs none /mnt 2>&1 </dev/null; }

if ! command -v unshare >/dev/null 2>&1; then
	echo "cannot tell whether containers can be made: unshare (package util-linux) is not installed"
	exit 1
fi
if [ "$admin" = 1 ]; then
	reason=$(try --propagation private) && echo directly && exit 0
	echo "this process has CAP_SYS_ADMIN, but may not use it: $reason"
	exit 1
fi
reason=$(try --user --map-root-user) && echo "in a user namespace" && exit 0
sysctl=$(cat /proc/sys/user/max_user_namespaces 2>/dev/null || echo unknown)
echo "CAP_SYS_ADMIN is missing, and user namespaces are forbidden (user.max_user_namespaces = $sysctl): $reason"
exit 1
