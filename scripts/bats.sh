#!/bin/sh
# Runs runc's own bats tests against runc and against dist/dunc, file by file, and prints one table of both.
#
#   scripts/bats.sh                       all files
#   scripts/bats.sh exec kill.bats        these files
#   scripts/bats.sh --rootless FEATURES   as an ordinary user; FEATURES is none, idmap, cgroup or idmap+cgroup:
#                                         newuidmap with ranges of ids, and cgroups that the user may write to
#   scripts/bats.sh --v2                  on the v2 tree that a hybrid host has: freezer, hugetlb and no other controllers
#   scripts/vm run --timeout 3000 --memory 4096 scripts/bats.sh cgroups     in a guest with cgroup v2
#
# DUNC=FILE                    the executable; dist/dunc when unset.
# DUNC_BATS_RUNTIMES=dunc      runs one of the two only (the table then takes the other's results of the last run).
# DUNC_BATS_LIMIT=150          seconds that a file may take with one runtime.
# DUNC_BATS_LOCK=FILE          a lock that is held while files run, and let go now and then between files.
# DUNC_BATS=DIR                where the tests, root file systems and results lie; $DUNC_TOOLS/bats when unset.
#
# The tests come from Debian's source package of runc 1.1.5, unchanged; nothing of it is kept in this repository. Wants
# Debian 12, root, and its mirrors once. Not a part of scripts/test.sh. Exits with 1 when runc passes a test that dunc
# does not pass and that scripts/bats/exceptions.txt does not name.
set -eu
cd "$(dirname "$0")/.."
here=$PWD

VERSION=1.1.5+ds1-1+deb12u1
work=${DUNC_BATS:-${DUNC_TOOLS:-$here/.tools}/bats}
mkdir -p "$work"
work=$(cd "$work" && pwd -P)
source=$work/runc-${VERSION%%-*}
tests=$source/tests/integration

say() { echo "bats: $*" >&2; }
fail() {
	say "$*"
	exit 1
}

[ "$(id -u)" = 0 ] || fail "needs root"
command -v apt-get >/dev/null || fail "needs apt-get: the tests come from a Debian source package"
dunc=$(readlink -f "${DUNC:-dist/dunc}")
runc=/usr/sbin/runc

# ---- the tests and what they need ----------------------------------------------------------------------------------

# apt WORDS...: apt-get with sources of its own, which have the source packages and are nobody else's.
apt() {
	DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- \
		-o Dir::State::lists="$work/lists" -o DPkg::Lock::Timeout=300 -o APT::Sandbox::User=root \
		"$@" </dev/null >"$work/apt.log" 2>&1 || {
		tail -n 5 "$work/apt.log" >&2
		fail "apt-get $* failed"
	}
}

fetch() {
	say "fetching runc $VERSION and what its tests need"
	key=/usr/share/keyrings/debian-archive-keyring.gpg
	for suite in 'debian bookworm' 'debian-security bookworm-security'; do
		echo "deb [signed-by=$key] http://deb.debian.org/$suite main"
		echo "deb-src [signed-by=$key] http://deb.debian.org/$suite main"
	done >"$work/sources.list"
	mkdir -p "$work/lists/partial"
	apt update
	apt install -y --no-install-recommends \
		bats gawk jq debootstrap dpkg-dev gcc libc6-dev busybox-static runc bsdutils util-linux procps uidmap
	apt build-dep -y --no-install-recommends runc
	rm -rf "$source"
	(cd "$work" && apt source "runc=$VERSION")
}

# The helper programs, against Debian's Go libraries.
build_helpers() {
	say "building the helper programs"
	mkdir -p "$work/go/src/github.com/opencontainers"
	ln -sfn "$source" "$work/go/src/github.com/opencontainers/runc"
	for helper in recvtty sd-helper seccompagent; do
		(
			cd "$work/go/src/github.com/opencontainers/runc/contrib/cmd/$helper"
			GOPATH=$work/go:/usr/share/gocode GO111MODULE=off GOFLAGS='' GOCACHE=$work/go/cache \
				go build -tags seccomp -o "$helper" .
		)
	done
}

# The two root file systems, where the tests look for them before they would download some. They are named .tar.xz;
# tar looks at what is in them, and unpacks these faster.
make_images() {
	say "making the root file systems"
	arch=$(go env GOARCH)
	rootfs=$work/busybox
	rm -rf "$rootfs"
	mkdir -p "$rootfs/bin" "$rootfs/etc" "$rootfs/home" "$rootfs/root" "$rootfs/tmp" "$rootfs/var/spool/mail" \
		"$rootfs/usr/sbin" "$rootfs/dev"
	chmod 1777 "$rootfs/tmp"
	cp "$(command -v busybox)" "$rootfs/bin/busybox"
	for applet in $(busybox --list); do
		[ "$applet" = busybox ] || ln "$rootfs/bin/busybox" "$rootfs/bin/$applet"
	done
	cat >"$rootfs/etc/passwd" <<-'END'
		root:x:0:0:root:/root:/bin/sh
		daemon:x:1:1:daemon:/usr/sbin:/bin/false
		nobody:x:65534:65534:nobody:/home:/bin/false
	END
	cat >"$rootfs/etc/group" <<-'END'
		root:x:0:
		daemon:x:1:
		tty:x:5:
		nogroup:x:65534:
	END
	tar -C "$rootfs" -cf "$tests/testdata/busybox-$arch.tar.xz" .
	rm -rf "$rootfs" "$work/debian"
	debootstrap --variant=minbase bookworm "$work/debian" http://deb.debian.org/debian </dev/null >"$work/debootstrap.log" 2>&1 ||
		fail "debootstrap failed: $(tail -n 1 "$work/debootstrap.log")"
	tar -C "$work/debian" --exclude './var/cache/*' --exclude './var/lib/apt/*' --exclude './usr/share/doc/*' \
		--exclude './usr/share/locale/*' -cf "$tests/testdata/debian-$arch.tar.xz" .
	rm -rf "$work/debian"
}

if [ "$(cat "$work/ready" 2>/dev/null)" != "$VERSION" ]; then
	fetch
	build_helpers
	make_images
	echo "$VERSION" >"$work/ready"
fi

# ---- running a file ------------------------------------------------------------------------------------------------

# What the suite may leave on the host: cgroups of its own names and the owner of /dev/null. Mounts and processes end
# with the namespaces that a file runs in.
clean_host() { # FILE
	find /sys/fs/cgroup -mindepth 2 -depth -type d 2>/dev/null | while read -r group; do
		case $group in
		*/runc-cgroups-integration-test | */runc-cgroups-integration-test/*) ;;
		*) grep -qwF -- "$(basename "$group")" "$1" || continue ;;
		esac
		# A process that is being ended still counts as one of its group's for a moment.
		for _ in 1 2 3 4 5; do
			! [ -d "$group" ] || rmdir "$group" 2>/dev/null || sleep 0.2
		done
		! [ -d "$group" ] || say "left behind: $group"
	done
	chown 0:0 /dev/null
	chmod 666 /dev/null
}

folder=''
tests_file=''
end_file() {
	[ -n "$folder" ] || return 0
	rm -rf --one-file-system "$folder"
	clean_host "$tests_file"
	folder=''
}
trap end_file EXIT
trap 'exit 130' INT TERM

# run_file NAME RUNTIME EXECUTABLE: leaves what bats says in $results/NAME.RUNTIME.tap
run_file() {
	tests_file=$tests/$1.bats
	folder=$(mktemp -d /tmp/bats.XXXXXX)
	chmod 755 "$folder"
	mkfifo "$folder/stdin"
	began=$(date +%s)
	# The tests want a terminal whose input stays open: a fifo that script itself holds the other end of.
	TMPDIR=$folder RUNC=$3 script -qec "unshare --mount --propagation private --pid --fork --mount-proc --kill-child \
		sh '$here/scripts/bats/file.sh' $mode '$tests/$1.bats' '$results/$1.$2.tap' '${DUNC_BATS_LIMIT:-150}'" \
		"$results/$1.$2.log" <>"$folder/stdin" >/dev/null || true
	end_file
	say "$1 with $2: $(grep -c '^ok' "$results/$1.$2.tap" || true) ok, $(grep -c '^not ok' "$results/$1.$2.tap" || true) not, $(($(date +%s) - began)) s"
}

# The tests want help and version of a program called runc.
ln -sfn "$dunc" "$work/runc"
names=''
mode=root
if [ "${1:-}" = --rootless ]; then
	case ${2:-} in
	none | idmap | cgroup | idmap+cgroup) mode=rootless-$2 ;;
	*) fail "--rootless wants none, idmap, cgroup or idmap+cgroup" ;;
	esac
	shift 2
elif [ "${1:-}" = --v2 ]; then
	mode=v2
	shift
fi
results=$work/results/$mode
mkdir -p "$results"
for word in "$@"; do
	word=$(basename "$word" .bats)
	[ -f "$tests/$word.bats" ] || fail "there is no file $word.bats in $tests"
	names="$names $word"
done
if [ -z "$names" ]; then
	for file in "$tests"/*.bats; do
		names="$names $(basename "$file" .bats)"
	done
fi

held=0
for name in $names; do
	if [ -n "${DUNC_BATS_LOCK:-}" ] && [ $(($(date +%s) - held)) -gt 90 ]; then
		exec 9>"$DUNC_BATS_LOCK"
		flock 9
		held=$(date +%s)
	fi
	for runtime in ${DUNC_BATS_RUNTIMES:-runc dunc}; do
		case $runtime in
		runc) run_file "$name" runc "$runc" 9>&- ;;
		dunc) run_file "$name" dunc "$work/runc" 9>&- ;;
		*) fail "DUNC_BATS_RUNTIMES: runc and dunc, not $runtime" ;;
		esac
	done
done
exec 9>&-

# shellcheck disable=SC2086  # a list of words
scripts/deno run -R="$results,scripts/bats" scripts/bats/print.ts "$results" $names
