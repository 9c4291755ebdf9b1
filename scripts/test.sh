#!/bin/sh
# Sets up by itself, runs the checks and tests, and ends with the line "N passed, N failed, N skipped".
#
#   scripts/test.sh                      everything
#   scripts/test.sh unit tidy            these groups: fmt lint check gen tidy c build unit e2e
#   scripts/test.sh static               fmt lint check gen tidy c
#   scripts/test.sh unit src/spec        a group's tests of some files or folders
#   scripts/test.sh e2e 'kills the'      a group's tests whose names hold a text
#
# DUNC_VM=1: end-to-end tests of cgroup v2 and of systemd in the guest of scripts/vm as well (some 10 minutes).
# DUNC=FILE: the executable that the end-to-end tests run; dist/dunc when unset.
# DUNC_ROUTE, DUNC_TOOLS: see scripts/toolchain.sh.
set -u
cd "$(dirname "$0")/.." || exit 1
exec </dev/null

STATIC='fmt lint check gen tidy c'
ALL="$STATIC build unit e2e"
groups='' paths='' filter=''
for word in "$@"; do
	case " $ALL static " in
	*" $word "*)
		[ "$word" != static ] || word=$STATIC
		groups="$groups $word"
		;;
	*) if [ -e "$word" ]; then paths="$paths $word"; else filter=$word; fi ;;
	esac
done
groups=${groups:-$ALL}

passed=0 failed=0 skipped=0 matched=0
failures=''
log=$(mktemp)
trap 'rm -f "$log" "$log.code" "$log.trace"' EXIT
export NO_COLOR=1

# check NAME COMMAND...: one check, whose output matters only when it fails.
check() {
	name=$1
	shift
	if "$@" >"$log" 2>&1; then
		passed=$((passed + 1))
		echo "ok      $name"
		# What a check says about its own limits is not lost with its success.
		sed -n 's/^note: /        /p' "$log"
	else
		failed=$((failed + 1))
		failures="$failures
  $name"
		echo "FAILED  $name"
		cat "$log"
	fi
}

# skip COUNT NAME REASON
skip() {
	skipped=$((skipped + $1))
	matched=$((matched + $1))
	echo "skipped $2: $3"
}

# tests NAME SECONDS FILE...: test files, counted by Deno's own last line.
tests() {
	name=$1 seconds=$2
	shift 2
	[ $# -gt 0 ] || return 0
	{
		timeout -k 10 "$seconds" scripts/deno test --allow-all --no-check ${filter:+"--filter=$filter"} "$@" 2>&1
		echo $? >"$log.code"
	} | tee "$log"
	code=$(cat "$log.code")
	line=$(grep -E '^(ok|FAILED) \| [0-9]+ passed' "$log" | tail -n 1)
	group_failed=$(count failed)
	passed=$((passed + $(count passed)))
	skipped=$((skipped + $(count ignored)))
	matched=$((matched + $(count passed) + $(count failed) + $(count ignored)))
	# It may fail without a test that did: killed, or out of time.
	if [ "$code" != 0 ] && [ "$group_failed" = 0 ]; then
		group_failed=1
		[ "$code" != 124 ] || echo "$name: not finished in $seconds s"
	fi
	# Something that a filter leaves out is no mistake, an empty file is.
	if [ "$code" = 0 ] && [ "$(count passed)$(count ignored)$(count 'filtered out')" = 000 ]; then
		echo "$name: no test was run"
		group_failed=1
	fi
	failed=$((failed + group_failed))
	[ "$group_failed" = 0 ] || failures="$failures
  $name: $group_failed"
}

# count WORD: the number before it in Deno's line, 0 when it does not stand there.
count() {
	number=$(echo "$line" | sed -nE "s/.*\| ([0-9]+) $1.*/\1/p")
	echo "${number:-0}"
}

# find_tests FOLDER...: the test files below, or those of the paths that were named.
find_tests() {
	find "$@" -name '*_test.ts' 2>/dev/null | sort | if [ -n "$paths" ]; then
		while read -r file; do
			for path in $paths; do
				case $file in ${path%/} | ${path%/}/*) echo "$file" ;; esac
			done
		done
	else cat; fi
}

wanted() { case " $groups " in *" $1 "*) return 0 ;; *) return 1 ;; esac; }

generated_files() {
	for generator in scripts/gen_*.ts; do
		scripts/deno run -A "$generator" --check || return 1
	done
}

shell_syntax() {
	for file in scripts/*.sh scripts/bats/*.sh scripts/vm scripts/vm.d/init scripts/vm.d/guest scripts/deno .ci/run; do
		sh -n "$file" || return 1
	done
}

scripts/toolchain.sh "${DUNC_SETUP:-test}" || exit 1
[ "${DUNC_VM:-}" != 1 ] || scripts/toolchain.sh vm || exit 1

if wanted fmt; then check "format" scripts/deno fmt --check; fi
if wanted lint; then
	check "lint" scripts/deno lint
	check "shell syntax" shell_syntax
fi
if wanted check; then check "types" scripts/deno check --quiet .; fi
if wanted gen; then check "generated files" generated_files; fi
if wanted tidy; then check "tidy" scripts/deno run -R scripts/tidy.ts; fi
if wanted c; then
	check "C of this machine" scripts/deno run -A scripts/build.ts --c
	if [ "$(uname -m)" = x86_64 ]; then
		if command -v aarch64-linux-gnu-gcc >/dev/null; then
			check "C of aarch64" scripts/deno run -A scripts/build.ts --target=aarch64
		else
			skip 1 "C of aarch64" "aarch64-linux-gnu-gcc is not installed"
		fi
	fi
fi
# The unit tests of ffi/ and cgroup/ load what it makes.
if wanted build || wanted unit || wanted e2e; then
	check "build" scripts/deno run -A scripts/build.ts --engine=deno
fi
if wanted unit; then
	# shellcheck disable=SC2046  # file names of ours hold no space
	set -- $(find_tests src ffi scripts)
	echo "------- unit tests"
	tests "unit tests" 600 "$@"
fi
if wanted e2e; then
	# shellcheck disable=SC2046
	set -- $(find_tests tests)
	export DUNC="${DUNC:-$PWD/dist/dunc}"
	if [ $# -eq 0 ]; then
		[ -n "$paths" ] || check "end-to-end tests" sh -c 'echo "there is none below tests/"; false'
	elif ! [ -x "$DUNC" ]; then
		skip $# "the $# files of end-to-end tests" "$DUNC was not built"
	elif reason=$(scripts/can_contain.sh); then
		guest='not in the guest of scripts/vm (DUNC_VM=1)'
		[ "${DUNC_VM:-}" != 1 ] || guest='in the guest of scripts/vm'
		echo "------- end-to-end tests: on this machine, on cgroup v2 in a private mount namespace, $guest"
		# A process for each file: who reaps a container's orphans (PR_SET_CHILD_SUBREAPER), and what a failed test
		# has left open, are a process's own.
		export DUNC_TRACE="$log.trace"
		: >"$DUNC_TRACE"
		for file in "$@"; do
			case $file in tests/guest_test.ts) tests "$file" 3600 "$file" ;; *) tests "$file" 600 "$file" ;; esac
		done
		calls=$(grep -c call "$DUNC_TRACE") engine=$(grep -c engine "$DUNC_TRACE")
		echo "dunc was called $calls times; the first stage alone answered $((calls - engine))"
		# Once more with the engine for everything: both stages must say the same. What is about the first one stays out.
		if [ "${DUNC_FULL:-}" = 1 ]; then
			echo "------- end-to-end tests, with DUNC_ENGINE=always"
			for file in "$@"; do
				case $file in
				*/front*_test.ts | */kept*_test.ts | */plan_fuzz_test.ts | */seccomp_oracle_test.ts) ;;
				*) DUNC_ENGINE=always tests "$file (engine)" 900 "$file" ;;
				esac
			done
		fi
	else
		skip $# "the $# files of end-to-end tests" "$reason"
	fi
fi

if [ "$matched" = 0 ] && [ -n "$paths$filter" ]; then
	check "a test of $paths $filter" sh -c 'echo "there is none"; false'
fi
[ -z "$failures" ] || printf '\nfailed:%s\n' "$failures"
echo
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
