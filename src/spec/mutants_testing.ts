/** Documents with one mistake each, the same on every run. */
import type { Origin } from "../errors.ts";
import type { Document } from "./testing.ts";

const MAPPING = [{ containerID: 0, hostID: 100_000, size: 65_536 }];

/** What makes a seed of the default document. Together they hold every section of the specification. */
export const SEEDS: readonly ((document: Document) => void)[] = [
  () => {},
  ({ process }) => {
    process.user = { uid: 1000, gid: 1000, umask: 18, additionalGids: [5, 6] };
    process.rlimits.push({ type: "RLIMIT_CORE", soft: 0, hard: 1 });
    process.oomScoreAdj = -500;
    process.consoleSize = { height: 24, width: 80 };
    process.capabilities.inheritable = ["CAP_CHOWN"];
    process.capabilities.ambient = ["CAP_CHOWN"];
    process.apparmorProfile = "x";
    process.selinuxLabel = "system_u:system_r:x:s0";
  },
  ({ process }) => {
    process.scheduler = { policy: "SCHED_FIFO", priority: 5, flags: ["SCHED_FLAG_RESET_ON_FORK"], nice: 0 };
    process.ioPriority = { class: "IOPRIO_CLASS_BE", priority: 4 };
    process.execCPUAffinity = { initial: "0-1", final: "1" };
  },
  (document) => {
    const hook = { path: "/bin/true", args: ["true", "x"], env: ["A=1"], timeout: 5 };
    document.hooks = {
      prestart: [hook],
      createRuntime: [hook],
      createContainer: [hook],
      startContainer: [hook],
      poststart: [hook],
      poststop: [hook, hook],
    };
    document.annotations = { "org.example.key": "value" };
    document.domainname = "example.org";
  },
  ({ linux, process, mounts }) => {
    linux.namespaces.push({ type: "user" }, { type: "time" }, { type: "cgroup" });
    linux.uidMappings = MAPPING;
    linux.gidMappings = MAPPING;
    linux.timeOffsets = { monotonic: { secs: 1, nanosecs: 2 }, boottime: { secs: -1 } };
    process.user = { uid: 7, gid: 8, additionalGids: [9] };
    mounts.push({
      destination: "/i",
      source: "/",
      options: ["rbind", "idmap"],
      uidMappings: MAPPING,
      gidMappings: MAPPING,
    });
  },
  ({ linux }) => {
    linux.devices = [
      { type: "c", path: "/dev/a", major: 1, minor: 3, fileMode: 438, uid: 0, gid: 0 },
      { type: "p", path: "/dev/fifo" },
    ];
    linux.resources.devices.push({ allow: true, type: "c", major: 1, minor: -1, access: "rw" });
    linux.cgroupsPath = "/a/b";
    linux.rootfsPropagation = "rslave";
    linux.mountLabel = "system_u:object_r:x:s0";
  },
  ({ linux }) => {
    linux.resources = {
      memory: {
        limit: 1,
        reservation: 2,
        swap: 3,
        swappiness: 4,
        disableOOMKiller: true,
        checkBeforeUpdate: true,
      },
      cpu: { shares: 1, quota: -1, period: 2, burst: 3, cpus: "0", mems: "0", idle: 0 },
      pids: { limit: 10 },
      blockIO: {
        weight: 10,
        leafWeight: 10,
        weightDevice: [{ major: 8, minor: 0, weight: 10 }],
        throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 10 }],
      },
      hugepageLimits: [{ pageSize: "2MB", limit: 4096 }],
      network: { classID: 1, priorities: [{ name: "eth0", priority: 1 }] },
      rdma: { mlx5_1: { hcaHandles: 1, hcaObjects: 2 } },
      unified: { "memory.high": "1" },
    };
  },
  ({ linux }) => {
    linux.seccomp = {
      defaultAction: "SCMP_ACT_ERRNO",
      defaultErrnoRet: 1,
      architectures: ["SCMP_ARCH_X86_64"],
      flags: ["SECCOMP_FILTER_FLAG_LOG"],
      listenerPath: "",
      syscalls: [{
        names: ["read", "write"],
        action: "SCMP_ACT_ALLOW",
        errnoRet: 1,
        args: [{ index: 0, value: 1, valueTwo: 2, op: "SCMP_CMP_EQ" }],
      }],
    };
  },
  ({ linux }) => {
    linux.sysctl = { "net.ipv4.ip_forward": "1", "kernel.shmmax": "2" };
    linux.personality = { domain: "LINUX32", flags: [] };
    linux.memoryPolicy = { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"] };
    linux.intelRdt = { closID: "a", l3CacheSchema: "L3:0=f", schemata: ["L3:0=f"], enableMonitoring: true };
    linux.netDevices = { eth0: { name: "eth1" }, eth2: {} };
  },
  ({ mounts }) => {
    mounts.push(
      { destination: "/b", type: "bind", source: "/", options: ["rbind", "ro", "rslave"] },
      { destination: "/t", type: "tmpfs", source: "tmpfs", options: ["mode=700", "tmpcopyup"] },
      { destination: "/t", type: "none", options: ["remount", "ro"] },
    );
  },
];

/** Digits that no double holds; JSON.stringify writes them in quotes, which are taken off. */
const HUGE = ["@18446744073709551616", "@-9223372036854775809", `@1${"0".repeat(400)}`, "@1e999", "@0.5"];

const VALUES: readonly unknown[] = [
  ...[null, true, 0, -1, 4_294_967_296, 1.5, "", "text", "a\0b", [], [null], {}, { "": [] }, [[[]]]],
  ...HUGE,
];

/** A generator of numbers that is the same on every run (mulberry32): `below(n)` is from 0 to n - 1. */
export function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Every place of a document. */
export function placesOf(value: unknown, origin: Origin = []): Origin[] {
  if (typeof value !== "object" || value === null) return [origin];
  const steps = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  const below = steps.flatMap((step) => placesOf((value as Document)[step], [...origin, step]));
  return origin.length === 0 ? below : [origin, ...below];
}

export interface Mutant {
  readonly text: string;
  readonly place: Origin;
}

export function mutantOf(seed: string, places: readonly Origin[], below: (n: number) => number): Mutant {
  const document = JSON.parse(seed) as Document;
  const place = places[below(places.length)]!;
  const parent = place.slice(0, -1).reduce((value: Document, step) => value[step], document);
  const last = place.at(-1)!;
  // Every fifth loses the value, the others have another one.
  if (below(5) === 0 && !Array.isArray(parent)) delete parent[last];
  else parent[last] = VALUES[below(VALUES.length)];
  return { text: JSON.stringify(document).replace(/"@([-+.\de]+)"/g, "$1"), place };
}
