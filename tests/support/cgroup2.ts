import type { Bench } from "../bench/bench.ts";
import { duncPath, runCommand } from "../bench/dunc.ts";

/**
 * Run a script where /sys/fs/cgroup is a fresh cgroup2 mount, in a mount namespace of its own: what cgroup v2 does
 * without controllers (they belong to v1 on the test machines). `$D` is dunc with the test's --root.
 */
export function onCgroup2(bench: Bench, script: string) {
  const D = `${duncPath()} --root ${bench.root}`;
  const whole = `mount -t cgroup2 none /sys/fs/cgroup || exit 99\n${script}`;
  return runCommand("unshare", ["--mount", "sh", "-c", whole], {
    cwd: bench.bundle,
    env: { D },
    timeoutMs: 60_000,
  });
}
