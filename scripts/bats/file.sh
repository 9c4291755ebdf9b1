#!/bin/sh
# One bats file inside mount and pid namespaces of its own, as their first process: FILE TAP SECONDS.
# $RUNC is the runtime, $TMPDIR the folder of all that the tests make.
file=$1 tap=$2 limit=$3

# Its own /sys/fs/cgroup mounts are the host's; /proc is that of the namespace.
cd "$(dirname "$file")" || exit 1
timeout --foreground --kill-after=10 "$limit" bats --no-tempdir-cleanup --tap "$file" >"$tap" 2>"$tap.err"
code=$?
[ "$code" -lt 124 ] || echo "# ended after $limit s" >>"$tap"

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
