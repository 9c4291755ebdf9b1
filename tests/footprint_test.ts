/** What dunc touches on the host: its root folder, the container's cgroups, what the command line names, no more. */
import { assert, assertEquals } from "@std/assert";
import { call, start, until } from "./support/command.ts";
import { containerTest, runs } from "./support/containers.ts";

/** A system call of a trace that made, changed or removed a name: the call and the path, as far as it is a host's. */
interface Change {
  readonly call: string;
  readonly path: string;
}

/**
 * The changes of names in a trace of `strace -f -y`. Descriptors are written with their paths, so that a relative
 * name can be made a whole one. After the process has another root, paths are the container's.
 */
function changesIn(trace: string): Change[] {
  const changes: Change[] = [];
  const pivoted = new Set<string>();
  for (const line of trace.split("\n")) {
    const match = /^(\d+) +(\w+)\((.*)\) += (-?\d+)/.exec(line);
    if (match === null || Number(match[4]) < 0) continue;
    const [, pid, name, args] = match;
    if (name === "pivot_root") pivoted.add(pid!);
    if (pivoted.has(pid!)) continue;
    const writes = name!.startsWith("open") ? /O_(CREAT|TRUNC|WRONLY|RDWR)/.test(args!) : true;
    if (writes) changes.push({ call: name!, path: pathIn(args!) });
  }
  return changes;
}

/** The last path of a call's words (the new name of a rename, the link of a symlink), or its descriptor's. */
function pathIn(args: string): string {
  const [, directory, name] = [...args.matchAll(/(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"([^"]*)"/g)].at(-1) ?? [];
  if (name === undefined) return /<([^>]*)>/.exec(args)?.[1] ?? args;
  return name.startsWith("/") || directory === undefined ? name : `${directory}/${name}`;
}

const CALLS =
  "trace=openat,openat2,open,creat,mkdir,mkdirat,mknod,mknodat,symlink,symlinkat,link,linkat,rename," +
  "renameat,renameat2,unlink,unlinkat,rmdir,truncate,ftruncate,chmod,fchmodat,chown,fchownat,pivot_root";

containerTest("dunc writes nowhere but in its root folder, its cgroups, procfs and the bundle", async (c) => {
  const bundle = c.bundle((config) => runs(config, "sleep 0.1"));
  const id = c.id();
  const pidFile = `${c.folder}/pid`;
  const allowed = [
    ...[c.dunc.root, bundle.rootfs, pidFile, `${c.folder}/.pid`],
    ...["/sys/fs/cgroup", "/proc", "/dev/null", "/dev/tty", "memfd:", "/memfd:"],
    ...[Deno.env.get("DUNC_TRACE") ?? "/dev/null"],
  ];
  const traces: string[] = [];
  const traced = (...words: string[]) => {
    traces.push(`${c.folder}/trace${traces.length}`);
    return start(["strace", "-f", "-y", "-o", traces.at(-1)!, "-e", CALLS, ...c.dunc.command(...words)]);
  };
  // strace ends with the last process it follows: the container's.
  const creating = traced("create", "--bundle", bundle.path, "--pid-file", pidFile, id);
  await until("the container is created", () => exists(pidFile));
  const calls = [["state", id], ["list"], ["start", id], ["kill", id, "KILL"]];
  for (const words of calls) await traced(...words).ended;
  await creating.ended;
  await traced("delete", id).ended;
  await traced("run", "--bundle", bundle.path, c.id()).ended;
  const others: string[] = [];
  let seen = 0;
  for (const trace of traces) {
    const changes = changesIn(Deno.readTextFileSync(trace));
    seen += changes.filter(({ path }) => path.startsWith(c.dunc.root)).length;
    for (const { call, path } of changes) {
      if (!allowed.some((start) => path.startsWith(start))) others.push(`${call} ${path}`);
    }
  }
  assert(seen > 5, "the trace shows the state folder's changes");
  assertEquals([...new Set(others)], []);
}, ["root", "strace", "dunc"]);

containerTest(
  "all verbs work with an empty environment and everything but the root folder read-only",
  async (c) => {
    const bundle = c.bundle((config) => runs(config, "sleep 100"));
    for (const place of ["proc", "sys", "dev/pts", "dev/shm", "dev/mqueue"]) {
      Deno.mkdirSync(`${bundle.rootfs}/${place}`, { recursive: true });
    }
    Deno.mkdirSync(c.dunc.root, { mode: 0o700 });
    const id = c.id();
    const script = `set -e
    mount --bind "$1" "$1"
    mount -o remount,bind,ro /
    for place in /tmp /run /dev/shm /var/tmp; do mount -t tmpfs -o ro none "$place" || true; done`;
    // The folder of the test lies in /tmp: everything but it is read-only there too.
    const inside = `${script.replace("/tmp /run", "/run")}
    if touch /tmp/x 2>/dev/null || touch /root/x 2>/dev/null; then echo writable; exit 9; fi
    shift
    for verb in "create --bundle ${bundle.path}" start state "exec" "kill" "delete --force"; do
      set -- "$1" "$2" "$3"
      case $verb in exec) tail="true" ;; kill) tail="KILL" ;; *) tail="" ;; esac
      env -i "$@" $verb ${id} $tail >&2 || { echo "$verb failed"; exit 1; }
    done`;
    const outcome = await call(
      [
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        inside,
        "sh",
        c.dunc.root,
        ...c.dunc.command(),
      ],
    );
    assertEquals([outcome.code, outcome.stdout], [0, ""], outcome.stderr);
  },
  ["root", "dunc"],
);

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
