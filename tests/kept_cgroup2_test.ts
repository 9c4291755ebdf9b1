import { assertEquals } from "@std/assert";
import { containerTest } from "./bench/bench.ts";
import { onCgroup2 } from "./support/cgroup2.ts";

containerTest(
  "cgroup v2: a creation that was kept has the same group and holds the same devices",
  async (bench) => {
    bench.configure((config) => {
      const process = config.process!;
      process.args = ["sh", "-c", "grep ^0:: /proc/self/cgroup; mknod /tmp/b b 8 0; cat /tmp/b; rm /tmp/b"];
      for (const set of ["bounding", "effective", "permitted"] as const) {
        process.capabilities![set] = [...process.capabilities![set]!, "CAP_MKNOD"];
      }
      config.root!.readonly = false;
    });
    const [one, two] = [bench.id(), bench.id()];
    const { stdout, stderr } = await onCgroup2(
      bench,
      `touch trace; $D run ${one}; DUNC_TRACE=trace $D run ${two}; grep engine trace; find /sys/fs/cgroup -name '${one}' -o -name '${two}'`,
    );
    const denied = "cat: can't open '/tmp/b': Operation not permitted\n";
    assertEquals(stderr, denied + denied);
    const [first, second] = stdout.split("\n");
    assertEquals(second, first!.replace(one, two));
    assertEquals(stdout.split("\n").length, 3, `no engine, and no group is left: ${stdout}`);
  },
);
