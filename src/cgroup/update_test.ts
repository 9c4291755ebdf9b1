import { assertEquals, assertThrows } from "@std/assert";
import { ContainerError } from "../errors.ts";
import { createCgroup } from "./apply.ts";
import { limitWrites } from "./limits.ts";
import { readLayout } from "./read_layout.ts";
import type { Resources } from "./resources.ts";
import { restoringTexts } from "./restore.ts";
import { testUnless, whyNotV1, withGroups } from "./testing.ts";
import { mergeResources } from "./update.ts";
import { resourcesOfFlags } from "./update_flags.ts";
import { replaceLimits } from "./write.ts";

Deno.test("mergeResources() keeps the quota when only the period is named, and the other way round", () => {
  const stored: Resources = { cpu: { quota: 500n, period: 1000n, shares: 7n } };
  assertEquals(mergeResources(stored, { cpu: { period: 2000n } }), {
    stored: { cpu: { quota: 500n, period: 2000n, shares: 7n } },
    changed: { cpu: { quota: 500n, period: 2000n } },
  });
  assertEquals(mergeResources(stored, { cpu: { quota: -1n, period: 0n } }).changed, {
    cpu: { quota: -1n, period: 1000n },
  });
  assertEquals(mergeResources({}, { cpu: { quota: 9n } }).changed, { cpu: { quota: 9n } });
});

Deno.test("mergeResources() writes only what is named", () => {
  const stored: Resources = {
    cpu: { shares: 7n, quota: 5n, cpus: "0-1" },
    memory: { limit: 10n, swap: 20n },
    pids: { limit: 3n },
    devices: [{ allow: false, access: "rwm" }],
    hugepageLimits: [{ pageSize: "2MB", limit: 1n }],
  };
  const { stored: after, changed } = mergeResources(stored, {
    pids: { limit: 0n },
    cpu: { burst: 0n, cpus: "" },
    devices: [{ allow: true, access: "rwm" }],
    hugepageLimits: [{ pageSize: "2MB", limit: 2n }],
  });
  assertEquals(changed, { pids: { limit: 0n }, cpu: { burst: 0n } });
  assertEquals(after, { ...stored, pids: { limit: 0n }, cpu: { ...stored.cpu, burst: 0n } });
  assertEquals(mergeResources(stored, { memory: {}, cpu: {}, pids: {}, blockIO: {}, unified: {} }), {
    stored,
    changed: {},
  });
});

Deno.test("mergeResources() forgets the shares when the container becomes idle, unless they are named too", () => {
  const stored: Resources = { cpu: { shares: 7n } };
  assertEquals(mergeResources(stored, { cpu: { idle: 1 } }).stored, { cpu: { idle: 1 } });
  assertEquals(mergeResources(stored, { cpu: { idle: 0, shares: 9n } }).stored, {
    cpu: { idle: 0, shares: 9n },
  });
});

Deno.test("mergeResources() ties swap to memory, and forgets it when memory becomes unlimited", () => {
  const stored: Resources = { memory: { limit: 100n, swap: 150n, swappiness: 5 } };
  const changed = (memory: NonNullable<Resources["memory"]>) =>
    mergeResources(stored, { memory }).changed.memory;
  assertEquals(changed({ limit: 120n }), { limit: 120n, swap: 150n });
  assertEquals(changed({ swap: 130n }), { limit: 100n, swap: 130n });
  assertEquals(changed({ limit: -1n }), { limit: -1n });
  assertEquals(changed({ limit: -1n, swap: -1n }), { limit: -1n, swap: -1n });
  assertEquals(changed({ limit: 0n, swap: 0n, reservation: 50n, checkBeforeUpdate: true }), {
    reservation: 50n,
    checkBeforeUpdate: true,
  });
  assertEquals(mergeResources(stored, { memory: { limit: -1n, checkBeforeUpdate: true } }).stored, {
    memory: { limit: -1n, swappiness: 5 },
  });
});

Deno.test("mergeResources() puts a device in the place of the same device and replaces unified as a whole", () => {
  const stored: Resources = {
    blockIO: {
      weight: 10,
      throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1n }, { major: 8, minor: 16, rate: 2n }],
    },
    unified: { "a.b": "1", "c.d": "2" },
  };
  const named = [{ major: 8, minor: 16, rate: 3n }, { major: 9, minor: 0, rate: 4n }];
  const { stored: after, changed } = mergeResources(stored, {
    blockIO: { throttleReadBpsDevice: named },
    unified: { "a.b": "9" },
  });
  assertEquals(changed, { blockIO: { throttleReadBpsDevice: named }, unified: { "a.b": "9" } });
  assertEquals(after, {
    blockIO: { weight: 10, throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1n }, ...named] },
    unified: { "a.b": "9" },
  });
});

Deno.test("resourcesOfFlags() reads numbers exactly and sizes with their units", () => {
  assertEquals(
    resourcesOfFlags({
      "memory": "10M",
      "memory-reservation": "1.5g",
      "memory-swap": "-1",
      "cpu-share": "18446744073709551615",
      "cpu-quota": "-1",
      "cpu-idle": "1",
      "pids-limit": "-1",
      "blkio-weight": "500",
      "cpuset-cpus": "0-3",
      "cpuset-mems": "",
      "other": "x",
    }),
    {
      memory: { limit: 10485760n, reservation: 1610612736n, swap: -1n },
      cpu: { shares: 18446744073709551615n, quota: -1n, idle: 1, cpus: "0-3" },
      pids: { limit: -1n },
      blockIO: { weight: 500 },
    },
  );
  const bytes = (size: string) => resourcesOfFlags({ memory: size }).memory?.limit;
  assertEquals(["0", "7", "1b", "1k", "1KiB", "2 mb", "3T", "1P", "0.5k"].map(bytes), [
    0n,
    7n,
    1n,
    1024n,
    1024n,
    2097152n,
    3n << 40n,
    1n << 50n,
    512n,
  ]);
});

Deno.test("resourcesOfFlags() names the option whose value is none", () => {
  const bad: readonly [flag: string, value: string][] = [
    ["cpu-period", "-5"],
    ["cpu-quota", "1.5"],
    ["memory", "10X"],
    ["memory", "-2"],
    ["memory", "1.5"],
    ["memory-swap", "99999999P"],
    ["pids-limit", "many"],
    ["blkio-weight", "70000"],
    ["cpu-burst", "18446744073709551616"],
  ];
  for (const [flag, value] of bad) {
    assertThrows(() => resourcesOfFlags({ [flag]: value }), ContainerError, `invalid value for ${flag}: `);
  }
});

Deno.test("restoringTexts() takes back single values, and of device files the lines that were written", () => {
  assertEquals(restoringTexts("pids.max", "max\n", ["5"]), ["max"]);
  assertEquals(restoringTexts("cpuset.cpus", "\n", ["0"]), [""]);
  assertEquals(
    restoringTexts("io.max", "8:0 rbps=1 wbps=max riops=max wiops=max\n", ["8:0 rbps=2", "8:0 wbps=3"]),
    [
      "8:0 rbps=1 wbps=max riops=max wiops=max",
    ],
  );
  assertEquals(restoringTexts("io.max", "", ["8:16 wiops=1"]), [
    "8:16 rbps=max wbps=max riops=max wiops=max",
  ]);
  assertEquals(restoringTexts("io.bfq.weight", "default 100\n8:0 200\n", ["500", "8:0 300", "8:16 300"]), [
    "default 100",
    "8:0 200",
    "8:16 default",
  ]);
  assertEquals(restoringTexts("blkio.throttle.read_bps_device", "", ["8:0 5"]), ["8:0 0"]);
  assertEquals(restoringTexts("other.device", "", ["8:0 5"]), []);
});

const layout = readLayout();
testUnless(
  whyNotV1(layout),
  "replaceLimits() brings every file back to what it said when a later write fails",
  () =>
    withGroups(layout, (paths) => {
      const before: Resources = {
        memory: { limit: 20971520n, swap: 41943040n },
        cpu: { quota: 20000n, period: 50000n, shares: 100n },
        pids: { limit: 7n },
      };
      createCgroup({ layout, paths, writes: limitWrites(paths, before), rootless: false, explicit: true });
      const read = (controller: string, file: string) =>
        Deno.readTextFileSync(`${paths[controller]}/${file}`).trim();
      const all = () => [
        read("memory", "memory.limit_in_bytes"),
        read("memory", "memory.memsw.limit_in_bytes"),
        read("cpu", "cpu.cfs_quota_us"),
        read("cpu", "cpu.cfs_period_us"),
        read("cpu", "cpu.shares"),
        read("cpuset", "cpuset.cpus"),
        read("pids", "pids.max"),
      ];
      const old = all();
      const update = (cpus: string): Resources => ({
        memory: { limit: 83886080n, swap: 125829120n },
        cpu: { quota: 90000n, period: 100000n, shares: 500n, cpus },
        pids: { limit: 9n },
      });
      const writes = limitWrites(paths, mergeResources(before, update("0")).changed);
      const bad = { controller: "pids", file: "pids.max", text: "-9", origin: ["linux"] };
      assertThrows(() => replaceLimits(paths, [...writes, bad]), ContainerError, "pids.max");
      assertEquals(all(), old);
      replaceLimits(paths, writes);
      assertEquals(all(), ["83886080", "125829120", "90000", "100000", "500", "0", "9"]);
    }),
);
