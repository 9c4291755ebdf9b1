import type { Flag } from "./table.ts";

/** Limits of `update` that are one number each: name and help text. */
const LIMITS: readonly (readonly [name: string, help: string])[] = [
  ["cpu-period", "period of the CPU quota in microseconds"],
  ["cpu-quota", "CPU time of a period in microseconds"],
  ["cpu-burst", "CPU time that may be saved up, in microseconds"],
  ["cpu-share", "share of CPU time (relative weight)"],
  ["cpu-rt-period", "realtime period in microseconds"],
  ["cpu-rt-runtime", "realtime CPU time of a period in microseconds"],
  ["cpu-idle", "1: only what others leave of the CPUs"],
  ["cpuset-cpus", "CPUs to use"],
  ["cpuset-mems", "memory nodes to use"],
  ["memory", "memory limit (in bytes, or with a unit)"],
  ["memory-reservation", "memory reservation or soft limit"],
  ["memory-swap", "memory and swap together; -1 for no limit"],
];

/** The flags of `update`. */
export function updateFlags(): Flag[] {
  const limit = (name: string, help: string): Flag => ({ name, kind: "string", value: "N", help });
  return [
    {
      name: "resources",
      alias: "r",
      kind: "string",
      value: "FILE",
      help: "a file with the resources to update, or - for standard input",
    },
    { name: "blkio-weight", kind: "int", value: "N", help: "weight of block IO, 10 to 1000" },
    ...LIMITS.map(([name, help]) => limit(name, help)),
    { name: "pids-limit", kind: "int", value: "N", help: "most processes; -1 for no limit" },
    { name: "l3-cache-schema", kind: "string", value: "TEXT", help: "Intel RDT/CAT schema of the L3 cache" },
    {
      name: "mem-bw-schema",
      kind: "string",
      value: "TEXT",
      help: "Intel RDT/MBA schema of memory bandwidth",
    },
    // What the kernel has given up (runc keeps them too).
    { ...limit("kernel-memory", "ignored"), hidden: true },
    { ...limit("kernel-memory-tcp", "ignored"), hidden: true },
  ];
}
