#!/bin/sh
# One bats file inside mount and pid namespaces of its own, as their first process: MODE FILE TAP SECONDS.
# $RUNC is the runtime, $TMPDIR the folder of all that the tests make. MODE is root, v2 or rootless-FEATURES.
mode=$1 file=$2 tap=$3 limit=$4
cd "$(dirname "$file")" || exit 1

# ---- an ordinary user ----------------------------------------------------------------------------------------------

# The user is known, and has ranges of ids, in this mount namespace only.
make_user() { # FEATURES
	features=$1
	mkdir "$TMPDIR/etc" "$TMPDIR/home"
	cp /etc/passwd /etc/group "$TMPDIR/etc"
	echo 'rootless:x:2000:2000::/home/rootless:/bin/sh' >>"$TMPDIR/etc/passwd"
	echo 'rootless:x:2000:' >>"$TMPDIR/etc/group"
	: >"$TMPDIR/etc/subuid"
	: >"$TMPDIR/etc/subgid"
	: >"$TMPDIR/etc/helper"
	export ROOTLESS_UIDMAP_START ROOTLESS_UIDMAP_LENGTH ROOTLESS_GIDMAP_START ROOTLESS_GIDMAP_LENGTH AUX_UID AUX_DIR
	case $features in
	*idmap*)
		ROOTLESS_UIDMAP_START=100000 ROOTLESS_UIDMAP_LENGTH=65536
		ROOTLESS_GIDMAP_START=200000 ROOTLESS_GIDMAP_LENGTH=65536
		echo "rootless:$ROOTLESS_UIDMAP_START:$ROOTLESS_UIDMAP_LENGTH" >"$TMPDIR/etc/subuid"
		echo "rootless:$ROOTLESS_GIDMAP_START:$ROOTLESS_GIDMAP_LENGTH" >"$TMPDIR/etc/subgid"
		# A folder of a user inside the container: the tests map 1000 there to the first of the range.
		AUX_UID=1024 AUX_DIR=$TMPDIR/aux
		mkdir "$AUX_DIR"
		chown $((ROOTLESS_UIDMAP_START - 1000 + AUX_UID)) "$AUX_DIR"
		chmod 700 "$AUX_DIR"
		;;
	*)
		# Files that nobody can execute: as if the helpers were not installed.
		mount --bind "$TMPDIR/etc/helper" /usr/bin/newuidmap
		mount --bind "$TMPDIR/etc/helper" /usr/bin/newgidmap
		;;
	esac
	for name in passwd group subuid subgid; do
		[ -e /etc/$name ] || : >/etc/$name
		mount --bind "$TMPDIR/etc/$name" /etc/$name
	done
	case $features in *cgroup*) give_cgroups ;; esac
	chown 2000:2000 "$TMPDIR" "$TMPDIR/home"
	chown 2000:2000 "$(tty)"
}

# The group that the tests put their containers into, writable for the user.
give_cgroups() {
	for mount in $(sed -n 's/^\S* \(\/sys\/fs\/cgroup\S*\) cgroup2\? .*/\1/p' /proc/mounts); do
		group=$mount/runc-cgroups-integration-test
		mkdir -p "$group"
		for entry in "$group" "$group/cgroup.procs" "$group/tasks" "$group/cgroup.subtree_control" "$group/cpuset.cpus" \
			"$group/cpuset.mems" "$group/cpu.rt_period_us" "$group/cpu.rt_runtime_us"; do
			[ ! -e "$entry" ] || chown 2000:2000 "$entry"
		done
		# cgroups(7), "Cgroup delegation containment": who moves a process must be able to write here too.
		if [ "$mount" = /sys/fs/cgroup ]; then
			# shellcheck disable=SC2013
			for controller in $(cat "$mount/cgroup.controllers"); do echo "+$controller" >"$mount/cgroup.subtree_control"; done
			chgrp 2000 "$mount/cgroup.procs"
			chmod g+w "$mount/cgroup.procs"
		fi
	done
}

as_user=''
case $mode in
v2)
	umount -R /sys/fs/cgroup
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	;;
rootless-*)
	ROOTLESS_FEATURES=${mode#rootless-}
	[ "$ROOTLESS_FEATURES" != none ] || ROOTLESS_FEATURES=''
	export ROOTLESS_FEATURES
	make_user "$ROOTLESS_FEATURES"
	unset XDG_RUNTIME_DIR
	export HOME="$TMPDIR/home" USER=rootless LOGNAME=rootless
	as_user='setpriv --reuid 2000 --regid 2000 --clear-groups'
	;;
esac

# ---- the tests -----------------------------------------------------------------------------------------------------

# An engine's start takes seconds in an emulated guest, and one test gives it one: there both runtimes get more tries.
if [ "${DUNC_GUEST:-}" = 1 ]; then
	sed 's/^\tlocal attempts=\$1$/\tlocal attempts=$(($1 * 10))/' helpers.bash >"$TMPDIR/helpers.bash"
	! cmp -s helpers.bash "$TMPDIR/helpers.bash" || {
		echo "helpers.bash: retry() is not as it was" >&2
		exit 1
	}
	mount --bind "$TMPDIR/helpers.bash" helpers.bash
fi

# shellcheck disable=SC2086  # words
timeout --foreground --kill-after=10 "$limit" $as_user bats --no-tempdir-cleanup --tap "$file" >"$tap" 2>"$tap.err"
code=$?
[ "$code" != 124 ] || echo "# ended after $limit s" >>"$tap"

# Containers that a test left. A frozen one would keep the namespace from ending.
for state in "$TMPDIR"/bats-run-*/runc.*/state; do
	[ -d "$state" ] || continue
	for id in $(ls "$state"); do
		timeout 20 "$RUNC" --root "$state" resume "$id" >/dev/null 2>&1
		timeout 20 "$RUNC" --root "$state" delete --force "$id" >/dev/null 2>&1
	done
done
find /sys/fs/cgroup -path '*runc-cgroups-integration-test*' -name 'freezer.state' |
	while read -r state; do echo THAWED >"$state"; done
exit "$code"
