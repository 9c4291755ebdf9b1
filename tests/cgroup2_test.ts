import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { containerTest } from "./bench/bench.ts";
import { onCgroup2 } from "./support/cgroup2.ts";

containerTest(
  "cgroup v2: the container is born in its group, and sees it as the root of its cgroup namespace",
  async (bench) => {
    bench.configure((config) => {
      config.linux!.namespaces!.push({ type: "cgroup" });
      config.process!.args = [
        "sh",
        "-c",
        "grep ^0:: /proc/self/cgroup; grep -c cgroup2 /proc/self/mounts; ls /sys/fs/cgroup",
      ];
    });
    const { code, stdout, stderr } = await onCgroup2(bench, `$D run ${bench.id()}`);
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /^0::\/\n1\n/);
    assertStringIncludes(stdout, "cgroup.procs");
  },
);

containerTest("cgroup v2: devices are held by a program with v1's verdicts", async (bench) => {
  bench.configure((config) => {
    const process = config.process!;
    process.args = [
      "sh",
      "-c",
      "mknod /tmp/b b 8 0; cat /tmp/b; mknod /tmp/null c 1 3; echo x > /tmp/null && echo written",
    ];
    for (const set of ["bounding", "effective", "permitted"] as const) {
      process.capabilities![set] = [...process.capabilities![set]!, "CAP_MKNOD"];
    }
    config.root!.readonly = false;
  });
  const { stdout, stderr } = await onCgroup2(bench, `$D run ${bench.id()}`);
  assertEquals(stdout, "written\n", stderr);
  assertStringIncludes(stderr, "'/tmp/b': Operation not permitted");
});

containerTest("cgroup v2: pause, exec, events, kill and delete", async (bench) => {
  bench.configure((config) => config.process!.args = ["sleep", "100"]);
  const id = bench.id();
  const { code, stdout, stderr } = await onCgroup2(
    bench,
    `set -e
    $D run -d ${id}
    $D exec ${id} grep ^0:: /proc/self/cgroup
    $D exec ${id} grep ^0:: /proc/self/cgroup
    $D pause ${id}; $D state ${id} | grep status; cat /sys/fs/cgroup/${id}/cgroup.freeze
    $D resume ${id}; $D state ${id} | grep status
    $D events --stats ${id} | cut -c1-30
    $D ps --format json ${id} | wc -l
    $D delete --force ${id}
    ls -d /sys/fs/cgroup/${id} 2>/dev/null || echo gone`,
  );
  assertEquals(code, 0, stderr);
  assertEquals(stdout.split("\n").map((line) => line.trim()), [
    `0::/${id}`,
    `0::/${id}`,
    '"status": "paused",',
    "1",
    '"status": "running",',
    `{"type":"stats","id":"${id}","`.slice(0, 30),
    "1",
    "gone",
    "",
  ]);
});

containerTest(
  "cgroup v2: a limit whose controller is missing names the field and the file",
  async (bench) => {
    bench.configure((config) => {
      config.process!.args = ["true"];
      config.linux!.resources!.pids = { limit: 10 };
    });
    const { code, stderr } = await onCgroup2(bench, `$D run ${bench.id()}`);
    assertEquals(code, 1);
    assertMatch(stderr, /linux\.resources\.pids\.limit.*pids\.max/);
  },
);
