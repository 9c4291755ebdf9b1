import { assert, assertEquals } from "@std/assert";
import { createCgroup } from "./apply.ts";
import { isV2 } from "./paths.ts";
import { readLayout } from "./read_layout.ts";
import { readStats } from "./stats.ts";
import { numberIn, pageSizeOf, pressureIn, type ReadFile } from "./stats_data.ts";
import { eventText } from "./stats_text.ts";
import { statsV1 } from "./stats_v1.ts";
import { statsV2 } from "./stats_v2.ts";
import { startInside, testUnless, whyNotV1, whyNotV2, withGroups } from "./testing.ts";

const files = (texts: Record<string, string>): ReadFile => (_, file) => texts[file];

const CPUSET_ZEROS = `"mem_hardwall":0,"mem_exclusive":0,"memory_migrate":0,"memory_spread_page":0,` +
  `"memory_spread_slab":0,"memory_pressure":0,"sched_load_balance":0,"sched_relax_domain_level":0}`;

Deno.test("eventText() of v1 statistics has runc's keys in runc's order and leaves out its zeros", () => {
  const read = files({
    "cpuacct.usage": "13938172\n",
    "cpuacct.usage_percpu": "4276922 9661250 \n",
    "cpuacct.usage_all": "cpu user system\n0 0 0\n1 7 4000000\n",
    "cpuacct.stat": "user 2\nsystem 1\n",
    "cpu.stat": "nr_periods 5\nnr_throttled 0\nthrottled_time 77\n",
    "cpuset.cpus": "0-1,4\n",
    "cpuset.mems": "0\n",
    "cpuset.sched_load_balance": "1\n",
    "cpuset.sched_relax_domain_level": "-1\n",
    "memory.stat": "rss 4096\ncache 10\n",
    "memory.limit_in_bytes": "9223372036854771712\n",
    "memory.usage_in_bytes": "3\n",
    "memory.failcnt": "4\n",
    "pids.current": "1\n",
    "pids.max": "max\n",
    "blkio.throttle.io_serviced_recursive": "8:0 Read 3\n8:0 Total 3\n0:1 5\nTotal 8\n",
    "blkio.throttle.io_service_bytes_recursive": "8:0 Write 4096\nTotal 4096\n",
    "hugetlb.2MB.rsvd.usage_in_bytes": "1\n",
    "hugetlb.2MB.usage_in_bytes": "2\n",
    "hugetlb.1GB.usage_in_bytes": "0\n",
    "hugetlb.1GB.failcnt": "9\n",
    "cpu.pressure": "some avg10=0.50 avg60=0.00 avg300=0.00 total=9\n",
  });
  assertEquals(
    eventText("stats", "one", statsV1(read, ["64KB", "2MB", "1GB"])),
    `{"type":"stats","id":"one","data":{"cpu":{"usage":{"total":13938172,"percpu":[4276922,9661250],` +
      `"percpu_kernel":[0,4000000],"percpu_user":[0,7],"kernel":10000000,"user":20000000},` +
      `"throttling":{"periods":5,"throttledTime":77},"psi":{"some":{"avg10":0.5,"avg60":0,"avg300":0,"total":9}}},` +
      `"cpuset":{"cpus":[0,1,4],"cpu_exclusive":0,"mems":[0],"mem_hardwall":0,"mem_exclusive":0,` +
      `"memory_migrate":0,"memory_spread_page":0,"memory_spread_slab":0,"memory_pressure":0,` +
      `"sched_load_balance":1,"sched_relax_domain_level":-1},` +
      `"memory":{"cache":10,"usage":{"limit":9223372036854771712,"usage":3,"failcnt":4},` +
      `"swap":{"limit":0,"failcnt":0},"kernel":{"limit":0,"failcnt":0},"kernelTCP":{"limit":0,"failcnt":0},` +
      `"raw":{"cache":10,"rss":4096}},"pids":{"current":1},` +
      `"blkio":{"ioServiceBytesRecursive":[{"major":8,"op":"Write","value":4096}],` +
      `"ioServicedRecursive":[{"major":8,"op":"Read","value":3},{"major":8,"op":"Total","value":3},` +
      `{"minor":1,"value":5}]},` +
      `"hugetlb":{"1GB":{"failcnt":9},"2MB":{"usage":1,"failcnt":0}},"intel_rdt":{},"network_interfaces":null}}`,
  );
});

Deno.test("eventText() of v2 statistics is in v1's words: nanoseconds, memory and swap together", () => {
  const read = files({
    "cpu.stat": "usage_usec 11\nuser_usec 4\nsystem_usec 7\nnr_periods 2\nnr_throttled 1\nthrottled_usec 5\n",
    "memory.stat": "file 10\nanon 5\n",
    "memory.current": "100\n",
    "memory.max": "1000\n",
    "memory.peak": "200\n",
    "memory.swap.current": "50\n",
    "memory.swap.max": "500\n",
    "memory.pressure":
      "some avg10=0.00 avg60=0.00 avg300=1.25 total=7\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=3\n",
    "pids.current": "3\n",
    "pids.max": "20\n",
    "io.stat": "8:0 rbytes=4096 wbytes=0 rios=1 wios=2 dbytes=9 dios=9\n254:1 \n",
    "hugetlb.2MB.current": "2097152\n",
    "hugetlb.2MB.events": "max 6\n",
  });
  assertEquals(
    eventText("stats", "two", statsV2(read, ["2MB", "1GB"])),
    `{"type":"stats","id":"two","data":{"cpu":{"usage":{"total":11000,"kernel":7000,"user":4000},` +
      `"throttling":{"periods":2,"throttledPeriods":1,"throttledTime":5000}},` +
      `"cpuset":{"cpu_exclusive":0,${CPUSET_ZEROS},` +
      `"memory":{"cache":10,"usage":{"limit":1000,"usage":100,"max":200,"failcnt":0},` +
      `"swap":{"limit":1500,"usage":150,"failcnt":0},"kernel":{"limit":0,"failcnt":0},` +
      `"kernelTCP":{"limit":0,"failcnt":0},"raw":{"anon":5,"file":10},` +
      `"psi":{"some":{"avg10":0,"avg60":0,"avg300":1.25,"total":7},"full":{"avg10":0,"avg60":0,"avg300":0,"total":3}}},` +
      `"pids":{"current":3,"limit":20},` +
      `"blkio":{"ioServiceBytesRecursive":[{"major":8,"op":"Read","value":4096},{"major":8,"op":"Write"}],` +
      `"ioServicedRecursive":[{"major":8,"op":"Read","value":1},{"major":8,"op":"Write","value":2}]},` +
      `"hugetlb":{"2MB":{"usage":2097152,"failcnt":6}},"intel_rdt":{},"network_interfaces":null}}`,
  );
});

Deno.test("statsV2() says 2^64 - 1 for no limit and counts processes where nothing counts them", () => {
  const stats = statsV2(
    files({
      "memory.stat": "file 0\n",
      "memory.max": "max\n",
      "memory.swap.max": "5\n",
      "cgroup.procs": "7\n9\n",
    }),
    [],
  );
  assertEquals(stats.memory.usage.limit, 18446744073709551615n);
  assertEquals(stats.memory.swap.limit, 18446744073709551615n);
  assertEquals(stats.pids, { current: 2n, limit: undefined });
  assertEquals(eventText("stats", "x", stats).includes(`"limit":18446744073709551615`), true);
});

Deno.test("statsV1() counts huge pages of the v2 tree where no v1 tree has them", () => {
  const unified = files({ "hugetlb.2MB.rsvd.current": "4194304\n", "hugetlb.2MB.events": "max 3\n" });
  const read: ReadFile = (controller, file) => controller === "" ? unified("", file) : undefined;
  assertEquals(statsV1(read, ["2MB", "1GB"]).hugetlb, { "2MB": { usage: 4194304n, failcnt: 3n } });
});

Deno.test("statsV1() and statsV2() of nothing still have every object", () => {
  for (const stats of [statsV1(files({}), []), statsV2(files({}), [])]) {
    const text = eventText("stats", "x", stats);
    for (const part of [`"throttling":{}`, `"hugetlb":{}`, `"blkio":{}`, `"intel_rdt":{}`]) {
      assert(text.includes(part));
    }
    assert(text.endsWith(`"network_interfaces":null}}`));
  }
});

Deno.test("eventText() of an oom has no data", () => {
  assertEquals(eventText("oom", "x"), `{"type":"oom","id":"x"}`);
});

Deno.test("numberIn(), pressureIn() and pageSizeOf() take what the kernel writes and nothing else", () => {
  assertEquals(["5\n", "max\n", "-1", "", "x"].map(numberIn), [5n, 18446744073709551615n, -1n, 0n, 0n]);
  assertEquals(pressureIn(""), undefined);
  assertEquals(pressureIn("some avg10=x"), undefined);
  assertEquals(
    ["hugepages-2048kB", "hugepages-1048576kB", "hugepages-64kB", "other"].map(pageSizeOf),
    ["2MB", "1GB", "64KB", undefined],
  );
});

// On a host with v1 trees these run on them, inside v2_namespace_test.ts on v2.
const layout = readLayout();
const reason = layout.mode === "v2" ? whyNotV2(layout) : whyNotV1(layout);

testUnless(
  reason,
  `readStats() counts the time and the processes of a running container [${layout.mode}]`,
  () =>
    withGroups(layout, async (paths) => {
      createCgroup({ layout, paths, writes: [], rootless: false, explicit: true });
      const process = startInside(paths, ["sh", "-c", "while :; do :; done"]);
      await new Promise((resolve) => setTimeout(resolve, 150));
      const stats = readStats(paths);
      assertEquals(stats.pids.current, 1n);
      assert(stats.cpu.usage.total! > 20_000_000n, `${stats.cpu.usage.total}`);
      if (!isV2(paths)) {
        assertEquals(stats.cpu.usage.percpu!.length, stats.cpu.usage.percpu_user!.length);
        assert(stats.memory.usage.usage! > 0n && stats.memory.raw!.rss !== undefined);
        assert(stats.cpuset.cpus!.length > 0);
      }
      await process.end();
      assertEquals(readStats({}).pids.current, undefined);
    }),
);
