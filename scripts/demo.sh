#!/bin/sh
# Shows dunc at work: installs what is missing, builds dist/dunc, makes a bundle of busybox and runs a container in it.
# Where containers cannot be made it says which permission is missing, and shows what would have been done.
#
# Everything goes below dist/demo and .tools; a second call takes seconds.
set -eu
cd "$(dirname "$0")/.."

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }

begin=$(date +%s)
step "1. What it needs"
scripts/toolchain.sh demo

step "2. Building dist/dunc"
scripts/deno run -A scripts/build.ts
if ! [ -x dist/dunc ]; then
	echo "demo: there is no dist/dunc on this machine and route (see above); the rest needs it" >&2
	exit 1
fi
dunc=$PWD/dist/dunc
"$dunc" --version

step "3. A bundle: busybox as the root filesystem, config.json of 'dunc spec'"
bundle=$PWD/dist/demo
rm -rf "$bundle"
mkdir -p "$bundle/rootfs/bin" "$bundle/rootfs/etc"
cp "$(command -v busybox)" "$bundle/rootfs/bin/busybox"
for applet in $("$bundle/rootfs/bin/busybox" --list); do
	[ "$applet" = busybox ] || ln -s busybox "$bundle/rootfs/bin/$applet"
done
echo 'root:x:0:0:root:/root:/bin/sh' >"$bundle/rootfs/etc/passwd"
echo 'root:x:0:' >"$bundle/rootfs/etc/group"
cat >"$bundle/rootfs/show" <<'SHOW'
#!/bin/sh
echo "hostname:     $(hostname)"
echo "processes:"
ps | sed 's/^/  /'
echo "interfaces:"
ip -oneline address | sed 's/^/  /'
# In the order of their numbers: capabilities(7).
names="chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service
	net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin
	sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override
	mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore"
effective=0x$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
bit=0 held=
for name in $names; do
	[ $(((effective >> bit) & 1)) = 0 ] || held="$held $name"
	bit=$((bit + 1))
done
echo "capabilities:${held:- none}"
echo "mounts:"
sed 's/^[^ ]* \([^ ]*\) \([^ ]*\).*/  \1 (\2)/' /proc/mounts
SHOW
chmod +x "$bundle/rootfs/show"

how=$(scripts/can_contain.sh) && can=1 || can=0
rootless='' root=''
if [ "$how" = "in a user namespace" ]; then
	# The default folder for states is root's, or wants a login session.
	rootless=--rootless root="--root $bundle/state"
fi
"$dunc" spec $rootless --bundle "$bundle"
cp "$bundle/config.json" "$bundle/config.shell.json"
# The demo's program instead of an interactive shell.
sed -i -e 's/"terminal": true/"terminal": false/' -e 's|"sh"$|"/show"|' "$bundle/config.json"
grep -q '"/show"' "$bundle/config.json" || {
	echo "demo: config.json of dunc spec has no \"sh\" to replace" >&2
	exit 1
}
echo "$bundle: $(cd "$bundle" && echo *)"

if [ "$can" = 1 ]; then
	step "4. dunc run demo ($how)"
	# shellcheck disable=SC2086  # no word or two
	"$dunc" $root run --bundle "$bundle" "demo-$$" </dev/null
	mv "$bundle/config.shell.json" "$bundle/config.json"
	step "Done in $(($(date +%s) - begin)) s. To try next:"
	cat <<-NEXT
		  cd $bundle && $dunc${root:+ $root} run c1
		        a shell in the container
		  $dunc${root:+ $root} list
		        what runs, from another terminal
		  cd $bundle && $dunc${root:+ $root} --debug run c2
		        each operation of the plan, with its place in config.json, then the shell
	NEXT
	exit 0
fi

step "4. No container can be made here"
echo "$how"
step "What 'dunc spec' wrote (the first lines of $bundle/config.json)"
head -n 20 "$bundle/config.json"
step "The plan that 'dunc --debug create' would carry out"
if "$dunc" --root "$bundle/state" --debug --log "$bundle/log" create --bundle "$bundle" demo 2>"$bundle/error"; then
	echo "demo: it was created after all; scripts/can_contain.sh is wrong" >&2
	"$dunc" --root "$bundle/state" delete --force demo
	exit 1
fi
sed -nE 's/^.*level=debug msg="( *[0-9]+  .*)"$/\1/p' "$bundle/log" | sed 's/\\"/"/g' >"$bundle/plan"
cat "$bundle/plan"
[ -s "$bundle/plan" ] || { echo "demo: no plan was printed:" >&2; cat "$bundle/error" "$bundle/log" >&2; exit 1; }
step "Why it stopped"
tail -n 1 "$bundle/error"
step "Done in $(($(date +%s) - begin)) s. To try next, where that permission is there: scripts/demo.sh"
