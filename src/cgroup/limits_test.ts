import { assert, assertEquals, assertThrows } from "@std/assert";
import { ContainerError, originText } from "../errors.ts";
import { createCgroup } from "./apply.ts";
import { limitWrites } from "./limits.ts";
import type { CgroupPaths } from "./paths.ts";
import { readLayout } from "./read_layout.ts";
import type { MemoryResources, Resources } from "./resources.ts";
import { testUnless, whyNotV1, withGroups } from "./testing.ts";
import { ioWeightOf, swapOf, weightOfShares } from "./v2.ts";
import { applyWrites } from "./write.ts";

const V1: CgroupPaths = { memory: "/m" };
const V2: CgroupPaths = { "": "/u" };
const written = (paths: CgroupPaths, resources: Resources) =>
  limitWrites(paths, resources).map(({ file, text }) => `${file}=${text}`);
const refused = (paths: CgroupPaths, resources: Resources, words: string) =>
  assertThrows(() => limitWrites(paths, resources), ContainerError, words);

/** Every field with a value, and what it becomes. */
const ALL: Resources = {
  memory: {
    limit: 104857600n,
    reservation: 52428800n,
    swap: 209715200n,
    swappiness: 10,
    disableOOMKiller: true,
  },
  cpu: {
    shares: 1024n,
    quota: 20000n,
    period: 50000n,
    burst: 10000n,
    cpus: "0",
    mems: "0",
    idle: 0,
  },
  pids: { limit: 20n },
  blockIO: {
    weight: 500,
    weightDevice: [{ major: 8, minor: 0, weight: 300 }],
    throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 9007199254740993n }],
    throttleWriteBpsDevice: [{ major: 8, minor: 0, rate: 2n }],
    throttleReadIOPSDevice: [{ major: 8, minor: 0, rate: 3n }],
    throttleWriteIOPSDevice: [{ major: 8, minor: 0, rate: 0n }],
  },
  hugepageLimits: [{ pageSize: "2MB", limit: 18446744073709551615n }],
  rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10000 } },
};

Deno.test("limitWrites() turns every field into v1's files", () => {
  const resources: Resources = {
    ...ALL,
    cpu: { ...ALL.cpu, realtimePeriod: 1000000n, realtimeRuntime: 950000n },
    blockIO: {
      ...ALL.blockIO,
      leafWeight: 20,
      weightDevice: [{ major: 8, minor: 0, weight: 300, leafWeight: 30 }],
    },
    network: { classID: 1048577, priorities: [{ name: "eth0", priority: 500 }] },
  };
  assertEquals(written(V1, resources), [
    "cpuset.cpus=0",
    "cpuset.mems=0",
    "memory.limit_in_bytes=104857600",
    "memory.memsw.limit_in_bytes=209715200",
    "memory.soft_limit_in_bytes=52428800",
    "memory.oom_control=1",
    "memory.swappiness=10",
    "cpu.rt_period_us=1000000",
    "cpu.rt_runtime_us=950000",
    "cpu.idle=0",
    "cpu.shares=1024",
    "cpu.cfs_period_us=50000",
    "cpu.cfs_burst_us=10000",
    "cpu.cfs_quota_us=20000",
    "pids.max=20",
    "blkio.weight=500",
    "blkio.leaf_weight=20",
    "blkio.weight_device=8:0 300",
    "blkio.leaf_weight_device=8:0 30",
    "blkio.throttle.read_bps_device=8:0 9007199254740993",
    "blkio.throttle.write_bps_device=8:0 2",
    "blkio.throttle.read_iops_device=8:0 3",
    "blkio.throttle.write_iops_device=8:0 0",
    "hugetlb.2MB.limit_in_bytes=18446744073709551615",
    "hugetlb.2MB.rsvd.limit_in_bytes=18446744073709551615",
    "net_cls.classid=1048577",
    "net_prio.ifpriomap=eth0 500",
    "rdma.max=mlx5_1 hca_handle=3 hca_object=10000",
  ]);
});

Deno.test("limitWrites() turns every field into v2's files and lets unified win", () => {
  const unified = { "cpu.weight": "7", "io.max": "8:0 rbps=1\n8:16 wbps=2\n", "memory.high": "" };
  assertEquals(written(V2, { ...ALL, unified }), [
    "pids.max=20",
    "memory.swap.max=104857600",
    "memory.max=104857600",
    "memory.low=52428800",
    "io.bfq.weight=500",
    "io.bfq.weight=8:0 300",
    "io.max=8:0 rbps=9007199254740993",
    "io.max=8:0 wbps=2",
    "io.max=8:0 riops=3",
    "io.max=8:0 wiops=max",
    "cpu.idle=0",
    "cpu.weight=100",
    "cpu.max.burst=10000",
    "cpu.max=20000 50000",
    "cpuset.cpus=0",
    "cpuset.mems=0",
    "hugetlb.2MB.max=18446744073709551615",
    "hugetlb.2MB.rsvd.max=18446744073709551615",
    "rdma.max=mlx5_1 hca_handle=3 hca_object=10000",
    "cpu.weight=7",
    "io.max=8:0 rbps=1",
    "io.max=8:16 wbps=2",
    "memory.high=",
  ]);
});

Deno.test("limitWrites() gives each write the place in config.json that asks for it", () => {
  const places = limitWrites(V2, ALL).map(({ origin }) => originText(origin));
  assert(places.every((place) => place.startsWith("linux.resources.")));
  assert(places.includes("linux.resources.blockIO.throttleWriteBpsDevice[0]"));
  assert(places.includes("linux.resources.rdma.mlx5_1"));
});

Deno.test("limitWrites() writes nothing for what is unset, be it absent or 0", () => {
  const zeros: Resources = {
    memory: { limit: 0n, reservation: 0n, swap: 0n, disableOOMKiller: false, swappiness: -1 },
    cpu: { shares: 0n, quota: 0n, period: 0n, cpus: "", mems: "", realtimePeriod: 0n, realtimeRuntime: 0n },
    blockIO: { weight: 0, weightDevice: [{ major: 8, minor: 0 }] },
    network: { classID: 0, priorities: [] },
    unified: {},
  };
  for (const paths of [V1, V2]) {
    for (const resources of [{}, zeros]) assertEquals(written(paths, resources), []);
  }
});

Deno.test("limitWrites() tells pids.limit unset, 0 and negative apart", () => {
  for (const paths of [V1, V2]) {
    assertEquals([0n, -1n, 5n].flatMap((limit) => written(paths, { pids: { limit } })), [
      "pids.max=1",
      "pids.max=max",
      "pids.max=5",
    ]);
    assertEquals(written(paths, { pids: {} }), []);
  }
});

Deno.test("limitWrites() lifts memory and swap together when only memory is made unlimited", () => {
  assertEquals(written(V1, { memory: { limit: -1n } }), [
    "memory.limit_in_bytes=-1",
    "memory.memsw.limit_in_bytes=-1",
  ]);
  assertEquals(written(V2, { memory: { limit: -1n, reservation: -1n } }), [
    "memory.swap.max=max",
    "memory.max=max",
    "memory.low=max",
  ]);
});

Deno.test("swapOf() turns memory+swap into swap", () => {
  assertEquals(swapOf(100n, undefined), undefined);
  assertEquals(swapOf(100n, 100n), "0");
  assertEquals(swapOf(100n, 250n), "150");
  assertEquals(swapOf(100n, -1n), "max");
  assertEquals(swapOf(undefined, -1n), "max");
});

Deno.test("limitWrites() refuses what contradicts itself in runc's words and names the field", () => {
  for (const memory of [{ swap: 5n }, { limit: 0n, swap: 5n }, { limit: -1n, swap: 5n }]) {
    refused(
      V2,
      { memory },
      "unable to set swap limit without memory limit: linux.resources.memory.swap",
    );
  }
  refused(V2, { memory: { limit: 6n, swap: 5n } }, "memory+swap limit should be >= memory limit");
  refused(
    V1,
    { memory: { swappiness: 101 } },
    "invalid memory swappiness value: 101 (valid range is 0-100)",
  );
  refused(V1, { unified: { "a.b": "1" } }, "invalid configuration: cannot use unified on cgroup v1");
  refused(V2, { unified: { "../a.b": "1" } }, `unified resource "../a.b" must be a file name (no slashes)`);
  refused(V2, { unified: { "ab": "1" } }, `unified resource "ab" must be in the form CONTROLLER.PARAMETER`);
  refused(V2, { unified: { ".ab": "1" } }, `must be in the form CONTROLLER.PARAMETER`);
  refused(
    V2,
    { cpu: { realtimeRuntime: 5n } },
    "not supported on cgroup v2: linux.resources.cpu.realtimeRuntime",
  );
  refused(V2, { blockIO: { weight: 9 } }, "invalid block IO weight 9 (valid range is 10-1000)");
  refused(
    V2,
    { hugepageLimits: [{ pageSize: "../2MB", limit: 1n }] },
    "linux.resources.hugepageLimits[0].pageSize",
  );
});

Deno.test("limitWrites() rejects limits at or below the use only when checkBeforeUpdate asks for it", () => {
  const check = (memory: MemoryResources, use: bigint | undefined) =>
    limitWrites(V2, { memory }, { memory: use });
  const words = (memory: MemoryResources) =>
    assertThrows(() => check({ ...memory, checkBeforeUpdate: true }, 50n), ContainerError).message;
  assertEquals(words({ limit: 50n }), "rejecting memory limit 50 <= usage 50: linux.resources.memory.limit");
  assertEquals(words({ limit: 40n, swap: 45n }).slice(0, 41), "rejecting memory+swap limit 45 <= usage 5");
  check({ limit: 51n, checkBeforeUpdate: true }, 50n);
  check({ limit: -1n, checkBeforeUpdate: true }, 50n);
  check({ limit: 40n }, 50n);
  check({ limit: 40n, checkBeforeUpdate: true }, undefined);
});

Deno.test("weightOfShares() keeps the default, the ends and the order of shares", () => {
  assertEquals([0n, 1n, 2n, 1024n, 262144n, 1n << 60n].map(weightOfShares), [
    0n,
    1n,
    1n,
    100n,
    10000n,
    10000n,
  ]);
  let last = 0n;
  for (let shares = 2n; shares < 262144n; shares = shares * 11n / 10n + 1n) {
    const weight = weightOfShares(shares);
    assert(weight >= last && weight >= 1n && weight <= 10000n, `${shares} ${weight}`);
    last = weight;
  }
});

Deno.test("ioWeightOf() maps 10..1000 onto 1..10000", () => {
  assertEquals([10, 500, 1000].map(ioWeightOf), [1, 4950, 10000]);
});

const layout = readLayout();
testUnless(
  whyNotV1(layout),
  "v1's kernel takes every field that it has, and gives the value back",
  () =>
    withGroups(layout, (paths) => {
      const create = (resources: Resources) =>
        createCgroup({
          layout,
          paths,
          writes: limitWrites(paths, resources),
          rootless: false,
          explicit: true,
        });
      const read = (controller: string, file: string) =>
        Deno.readTextFileSync(`${paths[controller]}/${file}`).trim();
      create({ ...ALL, blockIO: { weight: 500 }, hugepageLimits: [], rdma: {} });
      const table: readonly [controller: string, file: string, value: string][] = [
        ["memory", "memory.limit_in_bytes", "104857600"],
        ["memory", "memory.memsw.limit_in_bytes", "209715200"],
        ["memory", "memory.soft_limit_in_bytes", "52428800"],
        ["memory", "memory.swappiness", "10"],
        ["cpu", "cpu.shares", "1024"],
        ["cpu", "cpu.cfs_quota_us", "20000"],
        ["cpu", "cpu.cfs_period_us", "50000"],
        ["cpu", "cpu.cfs_burst_us", "10000"],
        ["cpu", "cpu.idle", "0"],
        ["cpuset", "cpuset.cpus", "0"],
        ["cpuset", "cpuset.mems", "0"],
        ["pids", "pids.max", "20"],
      ];
      for (const [controller, file, value] of table) {
        console.log(`v1 ${file}: wanted ${value}, read ${read(controller, file)}`);
        assertEquals(read(controller, file), value);
      }
      assert(read("memory", "memory.oom_control").startsWith("oom_kill_disable 1"));
      assert(read("blkio", "blkio.bfq.weight").includes("500"));
    }),
);

testUnless(
  whyNotV1(layout),
  "v1's kernel takes memory and swap raised, lowered and lifted, and quota and period too",
  () =>
    withGroups(layout, (paths) => {
      createCgroup({ layout, paths, writes: [], rootless: false, explicit: true });
      const MiB = 1n << 20n;
      const memory = (limit: bigint, swap?: bigint) =>
        applyWrites(
          paths,
          limitWrites(paths, { memory: swap === undefined ? { limit } : { limit, swap } }),
          false,
        );
      const limits = () =>
        ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"].map((file) =>
          BigInt(Deno.readTextFileSync(`${paths.memory}/${file}`)) / MiB
        );
      memory(100n * MiB, 120n * MiB);
      assertEquals(limits(), [100n, 120n]);
      memory(200n * MiB, 220n * MiB);
      assertEquals(limits(), [200n, 220n]);
      memory(50n * MiB, 60n * MiB);
      assertEquals(limits(), [50n, 60n]);
      memory(-1n);
      assert(limits().every((value) => value > 1n << 40n));
      const cpu = (quota: bigint, period: bigint) =>
        applyWrites(paths, limitWrites(paths, { cpu: { quota, period } }), false);
      const parent = paths.cpu!.slice(0, paths.cpu!.lastIndexOf("/"));
      assert(parent.length > 0);
      for (
        const [quota, period] of [[500_000n, 1_000_000n], [1_000n, 2_000n], [900_000n, 1_000_000n]] as const
      ) {
        cpu(quota, period);
        const got = ["quota", "period"].map((name) =>
          BigInt(Deno.readTextFileSync(`${paths.cpu}/cpu.cfs_${name}_us`))
        );
        assertEquals(got, [quota, period]);
      }
    }),
);

testUnless(
  whyNotV1(layout),
  "v1's refusal of a limit below the use says how much is used",
  () =>
    withGroups(layout, async (paths) => {
      createCgroup({ layout, paths, writes: [], rootless: false, explicit: true });
      const hog = new Deno.Command("sh", {
        args: ["-c", `echo 0 > ${paths.memory}/tasks; x=$(head -c 8000000 /dev/zero | tr '\\0' x); sleep 60`],
      }).spawn();
      try {
        const used = () => Number(Deno.readTextFileSync(`${paths.memory}/memory.usage_in_bytes`));
        for (let round = 0; round < 200 && used() < 8e6; round++) {
          await new Promise((ok) => setTimeout(ok, 10));
        }
        const error = assertThrows(
          () => applyWrites(paths, limitWrites(paths, { memory: { limit: 4096n, swap: 4096n } }), false),
          ContainerError,
        );
        assert(
          /unable to set memory limit to 4096 \(current usage: \d+, peak usage: \d+\)/.test(error.message),
          error.message,
        );
        assert(error.message.includes(`${paths.memory}/memory.limit_in_bytes`));
      } finally {
        hog.kill("SIGKILL");
        await hog.status;
      }
    }),
);

Deno.test("limitWrites() of a hybrid host finds huge pages in the v2 tree when no v1 tree has them", () => {
  const resources = { hugepageLimits: [{ pageSize: "2MB", limit: 4096n }], pids: { limit: 5n } };
  const files = (paths: Record<string, string>) =>
    limitWrites(paths, resources).map(({ controller, file }) => `${controller}/${file}`);
  assertEquals(files({ pids: "/p", "": "/u" }), [
    "pids/pids.max",
    "/hugetlb.2MB.max",
    "/hugetlb.2MB.rsvd.max",
  ]);
  const v1 = [
    "pids/pids.max",
    "hugetlb/hugetlb.2MB.limit_in_bytes",
    "hugetlb/hugetlb.2MB.rsvd.limit_in_bytes",
  ];
  assertEquals(files({ pids: "/p", hugetlb: "/h", "": "/u" }), v1);
  assertEquals(files({ pids: "/p" }), v1);
});
