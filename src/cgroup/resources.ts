// Pure: no I/O in this file.
import type { Resources } from "../spec/schema.ts";

/** `linux.resources` of config.json, whose one definition is the schema, and the names of its parts. */
export type { Resources };
export type DeviceRule = NonNullable<Resources["devices"]>[number];
/** Bytes; -1 is unlimited, 0 is unset. */
export type MemoryResources = NonNullable<Resources["memory"]>;
export type CpuResources = NonNullable<Resources["cpu"]>;
export type BlockIOResources = NonNullable<Resources["blockIO"]>;
export type WeightDevice = NonNullable<BlockIOResources["weightDevice"]>[number];
/** `rate`: bytes or operations a second; 0 lifts the limit. */
export type ThrottleDevice = NonNullable<BlockIOResources["throttleReadBpsDevice"]>[number];
/** `pageSize` as the kernel names it in file names: `2MB`, `1GB`. */
export type HugepageLimit = NonNullable<Resources["hugepageLimits"]>[number];
export type NetworkResources = NonNullable<Resources["network"]>;
export type RdmaLimit = NonNullable<Resources["rdma"]>[string];
