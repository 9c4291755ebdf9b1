/** Resource limits by their number on x86_64 and aarch64 (asm-generic/resource.h). */
const RLIMITS = [
  "RLIMIT_CPU",
  "RLIMIT_FSIZE",
  "RLIMIT_DATA",
  "RLIMIT_STACK",
  "RLIMIT_CORE",
  "RLIMIT_RSS",
  "RLIMIT_NPROC",
  "RLIMIT_NOFILE",
  "RLIMIT_MEMLOCK",
  "RLIMIT_AS",
  "RLIMIT_LOCKS",
  "RLIMIT_SIGPENDING",
  "RLIMIT_MSGQUEUE",
  "RLIMIT_NICE",
  "RLIMIT_RTPRIO",
  "RLIMIT_RTTIME",
];

/** The number of a limit as config.json names it (`RLIMIT_NOFILE`). Undefined for an unknown one. */
export function rlimitNumber(type: string): number | undefined {
  const number = RLIMITS.indexOf(type);
  return number < 0 ? undefined : number;
}
