#!/bin/sh
# Sets up what building and testing dunc need, and says which route it took.
#
#   scripts/toolchain.sh [build|demo|test|bench|ci]      (build when left out)
#
# ordinary  Deno from PATH (2.9 or newer) or from Deno's own download host; `deno compile` fetches its base binary
#           (denort) itself; jsr:@std by deno.json.
# npm       Where Deno's hosts do not answer: Deno from its npm packages. npm carries no denort, so it is cut out of a
#           published executable that `deno compile` made (see "cut_denort"); @std from its npm copy by
#           scripts/npm/import_map.json. Debian packages for the rest on both routes.
#
# DUNC_ROUTE=ordinary|npm   takes that route without trying.
# DUNC_TOOLS=DIR            where everything goes; .tools in the repository when unset.
#
# Leaves in $DUNC_TOOLS: route, deno (check, test, bundle), deno-compile, denort (npm route), cache (DENO_DIR).
# A second call finds them and is done. Plain sh: a fresh machine has no Deno to run anything else.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
tools=${DUNC_TOOLS:-$root/.tools}
group=${1:-build}

DENO_VERSION=2.9.6
# Deno's npm packages hold the binaries of its releases unchanged, so one hash serves both routes.
case $(uname -m) in
x86_64)
	arch=x64 target=x86_64-unknown-linux-gnu
	deno_sha256=bceb5b6a6239b0b010418406d8c77a508f67cf4337d94288f1c19fe71304aab0
	;;
aarch64)
	arch=arm64 target=aarch64-unknown-linux-gnu
	deno_sha256=d08d392418df53f4e6e88a08909c0e1bccbf9adcead7232df72b6ad6075ec416
	;;
*)
	echo "toolchain: $(uname -m) is not supported: dunc is for x86_64 and aarch64" >&2
	exit 1
	;;
esac

# package@version|sha512 of the tarball, base64, as the registry's dist.integrity has it
TARBALLS='
@deno/linux-x64-glibc@2.9.6|3md4TKLCuzsLDmfOoC5KN7NAZaxSVkMgm64vg6foD00JBADCpYS2/5QqXfzgnP5ZQz3iLP9vBQJtEgc116OAoQ==
@deno/linux-x64-glibc@2.7.14|AU+e9UrCwnfA94Yr/UrAzp5ALCkJyihUPQ5jhrWn9DCSTr/ctI41TVs9P5fEsClRMIrKyJ/zTWJpuJxlzRNoTw==
@deno/linux-x64-glibc@2.7.11|TCRXqy4rHI+pKmWfjIz/qfDyfTz61qhxj+03kEJ3r0YzRGsXNoHyE7WiUawwUK2hbrBAu7hn3m5833VUYqRzOg==
@deno/linux-arm64-glibc@2.9.6|poqhoH9B3nYloigEMPT5t8HY+wBeiuea1An5Q7fqgJzP0SYmWsoS/oUnWO/pEiA4ofzIBy1Elt/in58xKtxEoQ==
@esbuild/linux-x64@0.25.5|uhj8N2obKTE6pSZ+aMUbqq+1nXxNjZIIjCjGLfsWvVpy7gKCOL6rsY1MhRh9zLtUtAI7vpgLMK6DxjO8Qm9lJw==
@esbuild/linux-arm64@0.25.5|Z9kfb1v6ZlGbWj8EJk9T6czVEjjq2ntSYLY2cw6pAZl4oKtfgQuS4HOq41M/BcoLPzrUbNd+R4BXFyH//nHxVg==
@semantic-flow/weave-linux-x64@0.9.0|rFIrlUdJSjrkBpRGmz8npzX9WayhRPYHkF2jRHxrRskldFvXyOdkqwRz2RL73FPJeHiKecAI2z+JZUC6M6VObQ==
@stdy/cli-linux-x64@0.22.2|kp5QdG26EC8gEzVXI0YgzmiiFHz7DFCNRLNfAWa2rDPHr/jUBnfkP8AlbTPmv0YNQpnKn1wzSWHFw88fn/OTog==
'

# For `deno compile` on the npm route, first to last: Deno version|donor package|file in it|sha256 of the denort in it.
# Only exact pairs work: nothing else compares the version of the compiler with that of its base.
PAIRS_x64='
2.7.14|@semantic-flow/weave-linux-x64@0.9.0|bin/weave|44fa11ae44592891a07ecc3967cdb091ae316a947d60929415d26dedbb8f55b7
2.7.11|@stdy/cli-linux-x64@0.22.2|bin/steady|f12d5d3886d5ea138304fb8d67d7396cfbedf53656676132152cb89f3fa4d8e6
'
# npm has no Deno for aarch64 of a version that a donor was compiled with.
PAIRS_arm64=''

# groups|Debian package|how its presence is seen: a program, or a file
PACKAGES='
build demo test bench ci|gcc|gcc
build demo test bench ci|linux-libc-dev|/usr/include/linux/openat2.h
demo test bench ci|busybox-static|busybox
test bench ci|runc|runc
test ci|jq|jq
test ci|strace|strace
test ci|libc6-dev|/usr/include/stdio.h
test ci|libseccomp-dev|/usr/include/seccomp.h
test ci|uidmap|newuidmap
test ci|iproute2|ip
test ci|procps|ps
test ci|tmux|tmux
test ci|bsdutils|script
test ci|util-linux|nsenter
test ci|libcap2-bin|setcap
test ci|fish|fish
test ci|zsh|zsh
test ci|man-db|man
bench|crun|crun
vm|qemu-system-x86|qemu-system-x86_64
vm|qemu-system-common|/usr/lib/qemu/virtiofsd
vm|busybox-static|busybox
vm|debootstrap|debootstrap
ci|gcc-aarch64-linux-gnu|aarch64-linux-gnu-gcc
ci|linux-libc-dev-arm64-cross|/usr/aarch64-linux-gnu/include/asm/ioctls.h
ci|qemu-user-static|qemu-aarch64-static
ci|podman|podman
ci|containerd|ctr
ci|docker.io|dockerd
'

say() { echo "toolchain: $*" >&2; }
fail() {
	say "$*"
	exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

# ---- Debian packages -----------------------------------------------------------------------------------------------

install_packages() {
	missing=$(echo "$PACKAGES" | while IFS='|' read -r groups package sign; do
		case " $groups " in *" $group "*) ;; *) continue ;; esac
		case $sign in
		/*) [ -e "$sign" ] || echo "$package" ;;
		*) has "$sign" || echo "$package" ;;
		esac
	done)
	[ -n "$missing" ] || return 0
	# shellcheck disable=SC2086  # a list of words
	apt_install $missing || {
		# A test that misses a program says so itself; without the compiler there is nothing to go on with.
		has gcc || fail "cannot go on without gcc"
	}
}

# apt_install PACKAGE...: 1 when they are not to be had, with the reason said.
apt_install() {
	if ! has apt-get; then
		say "missing, and there is no apt-get to install them with: $*"
		return 1
	fi
	if [ "$(id -u)" != 0 ]; then
		say "missing: $*. Install them as root: apt-get install $*"
		return 1
	fi
	export DEBIAN_FRONTEND=noninteractive
	say "installing $*"
	# Package lists may be absent (a fresh image) or older than the mirror: once more after an update.
	apt-get -qq install -y --no-install-recommends "$@" </dev/null >"$tools/apt.log" 2>&1 && return 0
	{
		apt-get -qq update && apt-get -qq install -y --no-install-recommends "$@"
	} </dev/null >"$tools/apt.log" 2>&1 && return 0
	say "apt-get could not install $*:"
	tail -n 5 "$tools/apt.log" >&2
	return 1
}

# ---- downloads -----------------------------------------------------------------------------------------------------

# answers URL: does it within two seconds?
answers() {
	if has curl; then
		curl -fsSL -m 2 -o /dev/null "$1" 2>/dev/null
	elif has wget; then
		wget -q -T 2 -t 1 -O /dev/null "$1" 2>/dev/null
	else
		return 1
	fi
}

download() { # URL FILE
	if has curl; then curl -fsSL --retry 2 -o "$2" "$1"; else wget -q -O "$2" "$1"; fi
}

# fetch_npm PACKAGE@VERSION FILE TO: one file of a package, its tarball checked against the table above.
fetch_npm() {
	pin=$(echo "$TARBALLS" | sed -n "s,^$1|,,p")
	work=$tools/work.$$
	rm -rf "$work"
	mkdir -p "$work"
	say "fetching $1"
	if ! (cd "$work" && npm pack --silent --ignore-scripts --cache "$work/cache" "$1" </dev/null) >"$work/log" 2>&1; then
		say "npm cannot fetch $1: $(tail -n 1 "$work/log")"
		rm -rf "$work"
		return 1
	fi
	if [ "$(sha512sum "$work"/*.tgz | cut -d ' ' -f 1)" != "$(echo "$pin" | base64 -d | od -An -v -tx1 | tr -d ' \n')" ]; then
		rm -rf "$work"
		fail "$1: the tarball is not the one that was pinned (sha512 differs)"
	fi
	# One by one: `set -e` is off in what an `if` or `||` calls.
	if ! { tar -xzf "$work"/*.tgz -C "$work" "package/$2" && chmod 755 "$work/package/$2" && mv "$work/package/$2" "$3"; }; then
		rm -rf "$work"
		fail "$1: cannot unpack $2 into $tools"
	fi
	rm -rf "$work"
}

sha256_of() { sha256sum "$1" | cut -d ' ' -f 1; }

# ---- the ordinary route --------------------------------------------------------------------------------------------

# path_deno: the Deno of PATH when it is new enough.
path_deno() {
	has deno || return 1
	deno eval 'const [a, b] = Deno.version.deno.split(".").map(Number); Deno.exit(a > 2 || (a === 2 && b >= 9) ? 0 : 1)' \
		>/dev/null 2>&1 || return 1
	command -v deno
}

set_up_ordinary() {
	if found=$(path_deno); then
		ln -sf "$found" "$tools/deno"
	else
		has curl || has wget || apt_install curl ca-certificates || fail "needs curl or wget"
		has unzip || has busybox || apt_install unzip || fail "needs unzip or busybox"
		say "fetching Deno $DENO_VERSION"
		download "https://dl.deno.land/release/v$DENO_VERSION/deno-$target.zip" "$tools/deno.zip" ||
			fail "cannot fetch Deno $DENO_VERSION from its download host"
		unzip=unzip
		has unzip || unzip='busybox unzip'
		$unzip -q -o "$tools/deno.zip" deno -d "$tools"
		rm "$tools/deno.zip"
		if [ "$(sha256_of "$tools/deno")" != "$deno_sha256" ]; then
			rm "$tools/deno"
			fail "Deno $DENO_VERSION is not the one that was pinned (sha256 differs)"
		fi
		chmod 755 "$tools/deno"
	fi
	ln -sf deno "$tools/deno-compile"
}

# ---- the npm route -------------------------------------------------------------------------------------------------

# An executable of `deno compile` up to 2.8 is denort, unchanged, then "d3n0l4nd" and its own data, whose length L is
# the last of the 16 bytes at the end: u32 magic, u32 hash, u64 L. denort ends with its ELF section header table.
cut_denort() { # DONOR TO
	size=$(stat -c %s "$1")
	magic=$(field "$1" $((size - 16)) 4)
	length=$(field "$1" $((size - 8)) 8)
	[ "$magic" = $((0x501e)) ] || return 1
	base=$((size - length))
	[ "$base" -gt 64 ] && [ "$base" -lt "$size" ] || return 1
	[ "$(tail -c +$((base + 1)) "$1" | head -c 8)" = d3n0l4nd ] || return 1
	# e_shoff + e_shentsize * e_shnum
	[ "$base" = $(($(field "$1" 40 8) + $(field "$1" 58 2) * $(field "$1" 60 2))) ] || return 1
	head -c "$base" "$1" >"$2"
	chmod 755 "$2"
}

field() { od -An -v -j "$2" -N "$3" -t "u$3" "$1" | tr -d ' '; } # FILE OFFSET BYTES, little endian

# set_up_pair VERSION DONOR FILE SHA256: a compiler and its base, tried together on a program of one line.
set_up_pair() {
	fetch_npm "@deno/linux-$arch-glibc@$1" deno "$tools/deno-compile" || return 1
	fetch_npm "$2" "$3" "$tools/donor" || return 1
	if ! cut_denort "$tools/donor" "$tools/denort" || [ "$(sha256_of "$tools/denort")" != "$4" ]; then
		say "$2 does not hold the denort that was pinned"
		return 1
	fi
	rm "$tools/donor"
	echo 'console.log("it runs")' >"$tools/probe.js"
	DENO_DIR=$tools/cache DENO_NO_UPDATE_CHECK=1 DENORT_BIN=$tools/denort \
		"$tools/deno-compile" compile -q --no-config --no-check --no-code-cache -o "$tools/probe" "$tools/probe.js" \
		</dev/null >"$tools/probe.log" 2>&1
	[ "$("$tools/probe" </dev/null 2>>"$tools/probe.log")" = "it runs" ] || {
		say "Deno $1 with the denort of $2 makes no program that runs: $(tail -n 1 "$tools/probe.log")"
		return 1
	}
	rm "$tools/probe" "$tools/probe.js" "$tools/probe.log"
	say "compiles with Deno $1 and the denort of $2"
}

set_up_npm() {
	has npm || apt_install npm || fail "needs npm: Deno's own hosts do not answer, and npm is not installed"
	fetch_npm "@deno/linux-$arch-glibc@$DENO_VERSION" deno "$tools/deno" || fail "no Deno"
	[ "$(sha256_of "$tools/deno")" = "$deno_sha256" ] || fail "Deno $DENO_VERSION differs from its pin"
	# `deno bundle` runs esbuild and would fetch it by version only: put there, it is pinned like the rest.
	mkdir -p "$tools/cache/dl/esbuild-0.25.5-1"
	fetch_npm "@esbuild/linux-$arch@0.25.5" bin/esbuild "$tools/cache/dl/esbuild-0.25.5-1/esbuild-linux-$arch" ||
		fail "no esbuild"
	eval "pairs=\$PAIRS_$arch"
	for pair in $pairs; do
		# shellcheck disable=SC2046  # four words
		set_up_pair $(echo "$pair" | tr '|' ' ') && return 0
	done
	rm -f "$tools/deno-compile" "$tools/denort" "$tools/donor"
	say "no denort for $arch on this route: dist/dunc.js is built, dist/dunc cannot be compiled"
}

# ---- which one -----------------------------------------------------------------------------------------------------

choose_route() {
	case ${DUNC_ROUTE:-} in
	ordinary | npm)
		route=$DUNC_ROUTE reason="DUNC_ROUTE says so"
		return
		;;
	'') ;;
	*) fail "DUNC_ROUTE is ordinary or npm, not '$DUNC_ROUTE'" ;;
	esac
	has curl || has wget || has npm || apt_install curl ca-certificates || true
	if ! answers https://jsr.io/@std/assert/meta.json; then
		route=npm reason="JSR does not answer"
	elif found=$(path_deno); then
		route=ordinary reason="JSR answers and $found is new enough"
	elif answers https://dl.deno.land/release-latest.txt; then
		route=ordinary reason="JSR and Deno's download host answer"
	else
		route=npm reason="Deno's download host does not answer"
	fi
}

mkdir -p "$tools"
# Two set-ups at once would overwrite each other's files.
if has flock; then
	exec 9>"$tools/lock"
	flock 9
fi

stamp="$DENO_VERSION $(echo "$TARBALLS$PAIRS_x64$PAIRS_arm64" | cksum | tr -d " ")"
if [ -f "$tools/route" ] && [ -x "$tools/deno" ]; then
	{ read -r route; read -r reason; read -r made; } <"$tools/route"
	if [ "$made" != "$stamp" ] || { [ -n "${DUNC_ROUTE:-}" ] && [ "$DUNC_ROUTE" != "$route" ]; }; then
		rm "$tools/route"
	fi
fi
if [ ! -f "$tools/route" ] || [ ! -x "$tools/deno" ]; then
	choose_route
	rm -f "$tools/deno" "$tools/deno-compile" "$tools/denort"
	"set_up_$route"
	printf '%s\n%s\n%s\n' "$route" "$reason" "$stamp" >"$tools/route.new"
	mv "$tools/route.new" "$tools/route"
fi
install_packages
case $route in
ordinary) say "ordinary route: Deno's own hosts and JSR ($reason)" ;;
npm) say "npm + Debian route: nothing from Deno's own hosts ($reason)" ;;
esac
