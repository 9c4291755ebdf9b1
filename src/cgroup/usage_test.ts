import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { StatsData } from "./stats_data.ts";
import { statsV1 } from "./stats_v1.ts";
import { statsV2 } from "./stats_v2.ts";
import { type Reading, type Usage, usageJson, usageOf } from "./usage.ts";
import { usagePrometheus } from "./usage_prometheus.ts";
import { bytesText, usageTable } from "./usage_table.ts";

const V2: Record<string, string> = {
  "cpu.stat": "usage_usec 2500000\nuser_usec 1\nsystem_usec 2\nthrottled_usec 1500\n",
  "memory.stat": "inactive_file 100\n",
  "memory.current": "1124\n",
  "memory.max": "4096\n",
  "pids.current": "3\n",
  "pids.max": "max\n",
  "io.stat": "8:0 rbytes=4096 wbytes=1\n8:16 rbytes=1 wbytes=1\n",
  "cpu.pressure": "some avg10=12.34 avg60=0.00 avg300=0.00 total=1500000\n",
};

function reading(data: StatsData, atMs = 0, id = "one"): Reading {
  return { id, atMs, data, oomKills: 2n };
}

function v2(changes: Record<string, string> = {}): StatsData {
  return statsV2((_, file) => ({ ...V2, ...changes })[file], []);
}

Deno.test("usageOf() measures CPU between two readings, in percent of one CPU", () => {
  const before = reading(v2({ "cpu.stat": "usage_usec 1000000\n" }), 500);
  const usage = usageOf(reading(v2(), 1500), before);
  assertEquals([usage.cpuPercent, usage.cpuTotalNs, usage.throttledNs], [150, 2_500_000_000n, 1_500_000n]);
  assertEquals(usageOf(reading(v2()), undefined).cpuPercent, undefined);
});

Deno.test("usageOf() of a container that was made again under its name is not below zero", () => {
  const before = reading(v2(), 0);
  assertEquals(usageOf(reading(v2({ "cpu.stat": "usage_usec 1\n" }), 1000), before).cpuPercent, 0);
});

Deno.test("usageOf() leaves inactive page cache out of memory, and adds the devices up", () => {
  const usage = usageOf(reading(v2()), undefined);
  assertEquals([usage.memory, usage.memoryCharged, usage.memoryLimit], [1024n, 1124n, 4096n]);
  assertEquals([usage.readBytes, usage.writtenBytes], [4097n, 2n]);
  assertEquals([usage.pids, usage.pidsLimit, usage.oomKills], [3n, undefined, 2n]);
});

Deno.test("usageOf() takes what no limit is on v1 and on v2 for none", () => {
  const v1 = (limit: string) =>
    statsV1((_, file) => ({ "memory.limit_in_bytes": limit, "pids.max": "7\n" })[file], []);
  assertEquals(usageOf(reading(v1("9223372036854771712\n")), undefined).memoryLimit, undefined);
  assertEquals(usageOf(reading(v1("4096\n")), undefined).memoryLimit, 4096n);
  assertEquals(usageOf(reading(v1("4096\n")), undefined).pidsLimit, 7n);
  assertEquals(usageOf(reading(v2({ "memory.max": "max\n" })), undefined).memoryLimit, undefined);
});

Deno.test("usageOf() finds v1's hierarchical page cache and its bytes by device", () => {
  const files: Record<string, string> = {
    "memory.stat": "inactive_file 1\ntotal_inactive_file 50\n",
    "memory.usage_in_bytes": "60\n",
    "blkio.throttle.io_serviced_recursive": "8:0 Read 1\n",
    "blkio.throttle.io_service_bytes_recursive": "8:0 Read 512\n8:0 Write 9\n8:0 Total 521\nTotal 521\n",
  };
  const usage = usageOf(reading(statsV1((_, file) => files[file], [])), undefined);
  assertEquals([usage.memory, usage.readBytes, usage.writtenBytes], [10n, 512n, 9n]);
});

Deno.test("usageTable() writes a line a container below titles, in columns", () => {
  const usage = usageOf(reading(v2(), 1000), reading(v2({ "cpu.stat": "usage_usec 2400000\n" }), 0));
  const [titles, first, second, end] = usageTable([usage, { ...usage, id: "a-longer-name-than-that" }], true)
    .split("\n");
  assertMatch(titles!, /^ID +CPU % +MEMORY \/ LIMIT +MEM % +PIDS +READ \/ WRITTEN +PRESSURE CPU MEM IO$/);
  assertMatch(
    first!,
    /^one +10\.0% +1\.0KiB \/ 4\.0KiB +25\.0% +3 \/ max +4\.0KiB \/ 2B +12\.3 - -$/,
  );
  assertEquals([titles!.length, second!.length, end], [first!.length, first!.length, ""]);
  assertEquals(usageTable([usage], false).split("\n").length, 2);
});

Deno.test("usageTable() shows a dash for what there is not", () => {
  const usage = usageOf(reading(statsV2(() => undefined, [])), undefined);
  assertMatch(usageTable([usage], false), /^one +- +0B \/ max +- +0 \/ max +0B \/ 0B +- - -\n$/);
});

Deno.test("bytesText() keeps to four digits and a unit", () => {
  const texts = [0n, 1023n, 1024n, 1536n, 1048575n, 1n << 20n, 5n << 30n, 1n << 63n].map(bytesText);
  assertEquals(texts, ["0B", "1023B", "1.0KiB", "1.5KiB", "1.0MiB", "1.0MiB", "5.0GiB", "8.0EiB"]);
});

Deno.test("usageJson() is one line with whole numbers of any size, and no key for what there is not", () => {
  const time = new Date(0);
  const usage: Usage = { ...usageOf(reading(v2()), undefined), cpuTotalNs: 9007199254740993n };
  assertEquals(
    usageJson(usage, time),
    `{"time":"1970-01-01T00:00:00.000Z","id":"one","cpu":{"total_ns":9007199254740993,"throttled_ns":1500000},` +
      `"memory":{"usage":1024,"charged":1124,"limit":4096},"pids":{"current":3},` +
      `"io":{"read_bytes":4097,"written_bytes":2},"oom_kills":2,` +
      `"pressure":{"cpu":{"some":{"avg10":12.34,"avg60":0,"avg300":0,"total":1500000}}}}`,
  );
  const bare = usageJson(usageOf(reading(statsV2(() => undefined, [])), undefined), time);
  assertEquals(bare.includes("pressure"), false);
  assertStringIncludes(usageJson({ ...usage, cpuPercent: 33.33333 }, time), `"percent":33.33,`);
});

Deno.test("usagePrometheus() writes each metric once, with all its containers below", () => {
  const usage = usageOf(reading(v2()), undefined);
  const text = usagePrometheus([usage, { ...usage, id: "two", memoryLimit: undefined }]);
  for (const line of text.trimEnd().split("\n")) {
    assertMatch(
      line,
      /^# (HELP|TYPE) dunc_container_\w+ .+$|^dunc_container_\w+\{id="\w+"(,\w+="\w+")*\} \d+(\.\d+)?$/,
    );
  }
  const types = text.split("\n").filter((line) => line.startsWith("# TYPE"));
  assertEquals(new Set(types).size, types.length);
  assertStringIncludes(
    text,
    "# HELP dunc_container_cpu_usage_seconds_total CPU time used.\n" +
      "# TYPE dunc_container_cpu_usage_seconds_total counter\n" +
      'dunc_container_cpu_usage_seconds_total{id="one"} 2.500000000\n' +
      'dunc_container_cpu_usage_seconds_total{id="two"} 2.500000000\n',
  );
  assertStringIncludes(
    text,
    'dunc_container_pressure_stalled_seconds_total{id="one",resource="cpu",kind="some"} 1.500000\n',
  );
  assertEquals(text.match(/^dunc_container_memory_limit_bytes\{/gm)?.length, 1);
  assertEquals(usagePrometheus([]), "");
});
