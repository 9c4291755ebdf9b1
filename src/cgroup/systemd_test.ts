import { assertEquals, assertThrows } from "@std/assert";
import { ContainerError } from "../errors.ts";
import type { CgroupLayout } from "./layout.ts";
import { annotationProperties } from "./systemd_annotations.ts";
import {
  deviceProperties,
  ioWeightProperties,
  limitProperties,
  restoringProperties,
  startProperties,
} from "./systemd_properties.ts";
import { slicePath, systemdPaths, systemdUnit } from "./systemd_unit.ts";

const V2: CgroupLayout = {
  mode: "v2",
  hierarchies: [],
  unified: { controllers: [], mountpoint: "/sys/fs/cgroup", root: "/", own: "/" },
};
const HYBRID: CgroupLayout = {
  mode: "hybrid",
  hierarchies: [
    { controllers: ["memory"], mountpoint: "/sys/fs/cgroup/memory", root: "/", own: "/" },
    { controllers: ["name=systemd"], mountpoint: "/sys/fs/cgroup/systemd", root: "/", own: "/" },
  ],
  unified: { controllers: [], mountpoint: "/sys/fs/cgroup/unified", root: "/", own: "/" },
};

Deno.test("systemdUnit() reads slice:prefix:name with runc's defaults", () => {
  assertEquals(systemdUnit("machine.slice:libpod:abc", "id", false), {
    slice: "machine.slice",
    name: "libpod-abc.scope",
  });
  assertEquals(systemdUnit(undefined, "id", false), { slice: "system.slice", name: "runc-id.scope" });
  assertEquals(systemdUnit("", "id", true), { slice: "user.slice", name: "runc-id.scope" });
  assertEquals(systemdUnit("a-b.slice::pod-x.slice", "id", false), {
    slice: "a-b.slice",
    name: "pod-x.slice",
  });
});

Deno.test("systemdUnit() refuses other forms, slices and unit names", () => {
  for (const path of ["/abs/path", "a.slice:b", "a.slice:b:c:d"]) {
    assertThrows(
      () => systemdUnit(path, "id", false),
      ContainerError,
      `expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "${path}" instead`,
    );
  }
  for (const slice of ["system", "a/b.slice", "a--b.slice", "-a.slice", "a-.slice", ".slice"]) {
    assertThrows(
      () => systemdUnit(`${slice}:p:n`, "id", false),
      ContainerError,
      `invalid slice name: ${slice}`,
    );
  }
  assertThrows(() => systemdUnit(":p:../x", "id", false), ContainerError, "invalid unit name: p-../x.scope");
});

Deno.test("slicePath() spells out the slices above", () => {
  assertEquals(slicePath("a-b-c.slice"), "/a.slice/a-b.slice/a-b-c.slice");
  assertEquals(slicePath("-.slice"), "");
});

Deno.test("systemdPaths() are below the manager's group on v2 and below pid 1's on v1", () => {
  const unit = { slice: "a-b.slice", name: "runc-x.scope" };
  assertEquals(systemdPaths(V2, unit, "", new Map()), {
    "": "/sys/fs/cgroup/a.slice/a-b.slice/runc-x.scope",
  });
  assertEquals(systemdPaths(V2, { ...unit, slice: "-.slice" }, "/user.slice/user@1.service", new Map()), {
    "": "/sys/fs/cgroup/user.slice/user@1.service/runc-x.scope",
  });
  const init = new Map([["memory", "/"], ["name=systemd", "/docker/y/init.scope"], ["", "/init.scope"]]);
  assertEquals(systemdPaths(HYBRID, unit, "", init), {
    "memory": "/sys/fs/cgroup/memory/a.slice/a-b.slice/runc-x.scope",
    "name=systemd": "/sys/fs/cgroup/systemd/docker/y/a.slice/a-b.slice/runc-x.scope",
    "": "/sys/fs/cgroup/unified/a.slice/a-b.slice/runc-x.scope",
  });
});

const short = (properties: ReturnType<typeof limitProperties>) =>
  properties.map(({ name, signature, value }) => [name, signature, value]);

Deno.test("startProperties() of a scope delegate and name its processes, of a slice want the slice above", () => {
  const scope = startProperties({ slice: "a.slice", name: "runc-x.scope" }, "x", [42], true);
  assertEquals(short(scope).slice(0, 4), [
    ["Description", "s", "libcontainer container x"],
    ["Slice", "s", "a.slice"],
    ["Delegate", "b", true],
    ["PIDs", "au", [42n]],
  ]);
  const slice = startProperties({ slice: "a.slice", name: "b.slice" }, "x", [], false).map(({ name }) =>
    name
  );
  assertEquals(slice, [
    "Description",
    "Wants",
    "MemoryAccounting",
    "CPUAccounting",
    "BlockIOAccounting",
    "TasksAccounting",
    "DefaultDependencies",
  ]);
});

Deno.test("limitProperties() say limits in systemd's words on v2", () => {
  const resources = {
    memory: { limit: 1000n, reservation: 500n, swap: 1500n },
    cpu: { shares: 1024n, quota: 12345n, period: 50000n, cpus: "0-2,9", mems: "0" },
    pids: { limit: -1n },
  };
  assertEquals(short(limitProperties(resources, true, 252)), [
    ["MemoryMax", "t", 1000n],
    ["MemoryLow", "t", 500n],
    ["MemorySwapMax", "t", 500n],
    ["CPUWeight", "t", 100n],
    ["CPUQuotaPeriodUSec", "t", 50000n],
    ["CPUQuotaPerSecUSec", "t", 250000n],
    ["TasksMax", "t", 18446744073709551615n],
    ["AllowedCPUs", "ay", [7n, 2n]],
    ["AllowedMemoryNodes", "ay", [1n]],
  ]);
});

Deno.test("limitProperties() leave out what an older systemd or v1 has no word for", () => {
  const resources = {
    memory: { limit: -1n, swap: -1n },
    cpu: { shares: 2n, period: 50000n, cpus: "0", idle: 1 },
    blockIO: { weight: 10 },
    pids: { limit: 0n },
  };
  assertEquals(short(limitProperties(resources, false, 219)), [
    ["MemoryLimit", "t", 18446744073709551615n],
    ["BlockIOWeight", "t", 10n],
    ["CPUShares", "t", 2n],
    ["CPUQuotaPerSecUSec", "t", 18446744073709551615n],
    ["TasksMax", "t", 1n],
  ]);
  assertEquals(short(limitProperties({ cpu: { idle: 1 } }, true, 252)), [["CPUWeight", "t", 0n]]);
  assertEquals(limitProperties({ cpu: { idle: 1 } }, true, 251), []);
  assertEquals(limitProperties({}, true, 252), []);
});

Deno.test("limitProperties() turn the known keys of unified and refuse values that are none", () => {
  const unified = {
    "memory.high": "max",
    "memory.swap.max": "0",
    "cpu.max": "50000",
    "cpuset.cpus": "1",
    "other.thing": "?",
  };
  assertEquals(short(limitProperties({ unified }, true, 252)), [
    ["MemoryHigh", "t", 18446744073709551615n],
    ["MemorySwapMax", "t", 0n],
    ["CPUQuotaPeriodUSec", "t", 100000n],
    ["CPUQuotaPerSecUSec", "t", 500000n],
    ["AllowedCPUs", "ay", [2n]],
  ]);
  for (const [file, value] of [["pids.max", "many"], ["cpu.max", "1 2 3"], ["cpuset.mems", "3-1"]] as const) {
    assertThrows(() => limitProperties({ unified: { [file]: value } }, true, 252), ContainerError, "unified");
  }
  assertThrows(
    () => limitProperties({ cpu: { cpus: "x" } }, true, 252),
    ContainerError,
    "linux.resources.cpu.cpus",
  );
});

Deno.test("ioWeightProperties() are what systemd writes the wanted weights for", () => {
  const resources = {
    blockIO: {
      weight: 500,
      weightDevice: [{ major: 8, minor: 0, weight: 50 }, { major: 8, minor: 1, leafWeight: 9 }],
    },
  };
  assertEquals(short(ioWeightProperties(resources, true)), [
    ["IOWeight", "t", 4500n],
    ["IODeviceWeight", "a(st)", [["/dev/block/8:0", 50n]]],
  ]);
  // systemd's own formula (cgroup.c, BFQ_WEIGHT) leads back to every weight.
  for (let weight = 100; weight <= 1000; weight++) {
    const [property] = ioWeightProperties({ blockIO: { weight } }, true);
    assertEquals(100n + ((property!.value as bigint) - 100n) * 900n / 9900n, BigInt(weight));
  }
  assertEquals(short(ioWeightProperties(resources, false))[0], ["IOWeight", "t", 4950n]);
  assertEquals(ioWeightProperties({}, true), []);
});

Deno.test("restoringProperties() are the old values, and no limit where there was none", () => {
  const changed = limitProperties({ pids: { limit: 5n }, memory: { limit: 1n, reservation: 1n } }, true, 252);
  const before = limitProperties({ pids: { limit: 9n } }, true, 252);
  assertEquals(short(restoringProperties(changed, before)), [
    ["MemoryMax", "t", 18446744073709551615n],
    ["MemoryLow", "t", 0n],
    ["TasksMax", "t", 9n],
  ]);
  const cpus = limitProperties({ cpu: { cpus: "0" } }, true, 252);
  assertEquals(short(restoringProperties(cpus, [])), [["AllowedCPUs", "ay", []]]);
});

Deno.test("deviceProperties() allow by name what the list allows, and all only when it allows all", () => {
  const [policy, empty, allowed] = deviceProperties(
    [{ allow: true, type: "b", major: 8, access: "rw" }],
    252,
  );
  assertEquals(policy, { name: "DevicePolicy", signature: "s", value: "strict" });
  assertEquals(empty, { name: "DeviceAllow", signature: "a(ss)", value: [] });
  assertEquals((allowed!.value as [string, string][]).slice(0, 4), [
    ["block-8", "rw"],
    ["char-*", "m"],
    ["block-*", "m"],
    ["/dev/char/1:3", "rwm"],
  ]);
  const everything = deviceProperties([{ allow: true, access: "rwm" }], 252);
  assertEquals(everything.map(({ value }) => value), ["auto", []]);
  const prohibitions = deviceProperties([
    { allow: true, access: "rwm" },
    { allow: false, type: "c", major: 9, minor: 9, access: "r" },
  ], 252);
  assertEquals(prohibitions.map(({ value }) => value), ["strict", []]);
});

Deno.test("annotationProperties() read GVariant text and turn Sec into USec", () => {
  const read = (name: string, text: string) => {
    const [property] = annotationProperties({ [`org.systemd.property.${name}`]: text, "other": "x" });
    return [property!.name, property!.signature, property!.value];
  };
  assertEquals(read("CollectMode", "'inactive-or-failed'"), ["CollectMode", "s", "inactive-or-failed"]);
  assertEquals(read("Delegate", "true"), ["Delegate", "b", true]);
  assertEquals(read("TasksMax", "uint64 18446744073709551615"), ["TasksMax", "t", 18446744073709551615n]);
  assertEquals(read("Number", "-5"), ["Number", "i", -5n]);
  assertEquals(read("Number", "0x1F"), ["Number", "i", 31n]);
  assertEquals(read("Number", "1.5"), ["Number", "d", 1.5]);
  assertEquals(read("Wants", `['a.service', "b\\n\\u0041"]`), ["Wants", "as", ["a.service", "b\nA"]]);
  assertEquals(read("Wants", "@as []"), ["Wants", "as", []]);
  assertEquals(read("Bytes", "[byte 1, 2]"), ["Bytes", "ay", [1n, 2n]]);
  assertEquals(read("TimeoutStopSec", "uint64 10"), ["TimeoutStopUSec", "t", 10000000n]);
  assertEquals(read("TimeoutStopSec", "0.5"), ["TimeoutStopUSec", "t", 500000n]);
  assertEquals(read("RuntimeUSec", "uint64 7"), ["RuntimeUSec", "t", 7n]);
});

Deno.test("annotationProperties() refuse names and values that are none, in runc's words", () => {
  const refused = (name: string, text: string, words: string) =>
    assertThrows(
      () => annotationProperties({ [`org.systemd.property.${name}`]: text }),
      ContainerError,
      `annotation org.systemd.property.${words}`,
    );
  refused("Ab", "1", "Ab name incorrect: too short");
  refused("A-b-c", "1", "A-b-c name incorrect: should consist of only letters");
  for (
    const text of [
      "",
      "nope",
      "'open",
      "[1, 'a']",
      "[]",
      "uint64 -1",
      "byte 256",
      "1 2",
      "@as 5",
      "[1 2]",
      "uint64 1.5",
    ]
  ) {
    refused("Name", text, `Name=${text} value parse error: `);
  }
  refused("TimeoutSec", "'x'", "TimeoutSec='x' value parse error: a duration is expected");
});
