// Pure: no I/O in this file.
/**
 * `linux.resources` of config.json (OCI runtime-spec, config-linux.md "Control groups"), int64 and uint64 that may
 * exceed 2^53 as bigint.
 */
export interface Resources {
  readonly devices?: readonly DeviceRule[] | undefined;
  readonly memory?: MemoryResources | undefined;
  readonly cpu?: CpuResources | undefined;
  readonly pids?: { readonly limit?: bigint | undefined } | undefined;
  readonly blockIO?: BlockIOResources | undefined;
  readonly hugepageLimits?: readonly HugepageLimit[] | undefined;
  readonly network?: NetworkResources | undefined;
  readonly rdma?: Readonly<Record<string, RdmaLimit>> | undefined;
  readonly unified?: Readonly<Record<string, string>> | undefined;
}

export interface DeviceRule {
  readonly allow: boolean;
  /** `a` (the default), `b` or `c`. */
  readonly type?: string | undefined;
  /** Unset or -1 is every number. */
  readonly major?: number | undefined;
  readonly minor?: number | undefined;
  /** Some of `rwm`. */
  readonly access?: string | undefined;
}

/** Bytes; -1 is unlimited, 0 is unset. */
export interface MemoryResources {
  readonly limit?: bigint | undefined;
  readonly reservation?: bigint | undefined;
  /** Memory and swap together. */
  readonly swap?: bigint | undefined;
  readonly kernel?: bigint | undefined;
  readonly kernelTCP?: bigint | undefined;
  readonly swappiness?: bigint | undefined;
  readonly disableOOMKiller?: boolean | undefined;
  readonly useHierarchy?: boolean | undefined;
  readonly checkBeforeUpdate?: boolean | undefined;
}

export interface CpuResources {
  readonly shares?: bigint | undefined;
  readonly quota?: bigint | undefined;
  readonly burst?: bigint | undefined;
  readonly period?: bigint | undefined;
  readonly realtimeRuntime?: bigint | undefined;
  readonly realtimePeriod?: bigint | undefined;
  readonly cpus?: string | undefined;
  readonly mems?: string | undefined;
  readonly idle?: bigint | undefined;
}

export interface BlockIOResources {
  readonly weight?: number | undefined;
  readonly leafWeight?: number | undefined;
  readonly weightDevice?: readonly WeightDevice[] | undefined;
  readonly throttleReadBpsDevice?: readonly ThrottleDevice[] | undefined;
  readonly throttleWriteBpsDevice?: readonly ThrottleDevice[] | undefined;
  readonly throttleReadIOPSDevice?: readonly ThrottleDevice[] | undefined;
  readonly throttleWriteIOPSDevice?: readonly ThrottleDevice[] | undefined;
}

export interface WeightDevice {
  readonly major: number;
  readonly minor: number;
  readonly weight?: number | undefined;
  readonly leafWeight?: number | undefined;
}

export interface ThrottleDevice {
  readonly major: number;
  readonly minor: number;
  /** Bytes or operations a second; 0 lifts the limit. */
  readonly rate: bigint;
}

export interface HugepageLimit {
  /** As the kernel names it in file names: `2MB`, `1GB`. */
  readonly pageSize: string;
  readonly limit: bigint;
}

export interface NetworkResources {
  readonly classID?: number | undefined;
  readonly priorities?: readonly { readonly name: string; readonly priority: number }[] | undefined;
}

export interface RdmaLimit {
  readonly hcaHandles?: number | undefined;
  readonly hcaObjects?: number | undefined;
}
