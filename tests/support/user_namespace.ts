/**
 * A command line that runs another one as the root of a user namespace in which the ids 0 to 65535 are those outside:
 * what util-linux can map for root only through newuidmap, whose ranges root does not have. `prepare` is a script that
 * runs in it first. Root only; `fifo` is a path that is free.
 */
export function inUserNamespace(fifo: string, prepare: string, command: readonly string[]): string[] {
  return ["/bin/sh", "-c", OUTSIDE, "sh", fifo, prepare, ...command];
}

const OUTSIDE = `
fifo=$1 prepare=$2; shift 2
mkfifo "$fifo"
# A program that is executed before the map is there has no capabilities: one more is, afterwards.
inside='eval "$1"; shift; exec "$@"'
unshare --user sh -c 'read -r _ < "$1"; shift; exec sh -c "$@"' sh "$fifo" "$inside" sh "$prepare" "$@" &
child=$!
own=$(readlink /proc/self/ns/user)
while [ "$(readlink "/proc/$child/ns/user")" = "$own" ]; do sleep 0.01; done
echo 0 0 65536 > "/proc/$child/uid_map"
echo 0 0 65536 > "/proc/$child/gid_map"
echo go > "$fifo"
wait "$child"
code=$?
rm "$fifo"
exit "$code"
`;
