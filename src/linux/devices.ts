/** A device node of every container. */
export interface DefaultDevice {
  readonly path: string;
  readonly type: "c";
  readonly major: number;
  readonly minor: number;
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
}

const device = (name: string, major: number, minor: number): DefaultDevice => ({
  path: `/dev/${name}`,
  type: "c",
  major,
  minor,
  fileMode: 0o666,
  uid: 0,
  gid: 0,
});

/** The devices that every container has (runtime-spec, config-linux.md "Default Devices"). */
export function defaultDevices(): DefaultDevice[] {
  return [
    device("null", 1, 3),
    device("zero", 1, 5),
    device("full", 1, 7),
    device("random", 1, 8),
    device("urandom", 1, 9),
    device("tty", 5, 0),
  ];
}

/** The links of /dev (config-linux.md "Default Devices", runtime-linux.md "Dev symbolic links"). */
export const DEFAULT_LINKS = [
  { path: "/dev/fd", target: "/proc/self/fd" },
  { path: "/dev/stdin", target: "/proc/self/fd/0" },
  { path: "/dev/stdout", target: "/proc/self/fd/1" },
  { path: "/dev/stderr", target: "/proc/self/fd/2" },
  { path: "/dev/core", target: "/proc/kcore" },
] as const;
