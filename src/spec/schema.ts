/**
 * config.json of the OCI runtime specification 1.3.0 as one shape. Everything else about it, its TypeScript types
 * first of all, is inferred from here. Where a value is checked further than its type: validate.ts.
 */
import type { Shaped } from "./shape.ts";

const USER = {
  "uid?": "u32",
  "gid?": "u32",
  "umask?": "u32",
  "additionalGids?": ["u32"],
  "username?": "string",
} as const;

const CAPABILITIES = {
  "bounding?": ["string"],
  "effective?": ["string"],
  "permitted?": ["string"],
  "inheritable?": ["string"],
  "ambient?": ["string"],
} as const;

const SCHEDULER = {
  policy: "string",
  "nice?": "int",
  "priority?": "int",
  "flags?": ["string"],
  "runtime?": "u64",
  "deadline?": "u64",
  "period?": "u64",
} as const;

export const PROCESS = {
  "terminal?": "boolean",
  "consoleSize?": { height: "u16", width: "u16" },
  "cwd?": "string",
  "env?": ["string"],
  "args?": ["string"],
  "commandLine?": "string",
  "rlimits?": [{ type: "string", soft: "u64", hard: "u64" }],
  "apparmorProfile?": "string",
  "capabilities?": CAPABILITIES,
  "noNewPrivileges?": "boolean",
  "oomScoreAdj?": "int",
  "selinuxLabel?": "string",
  "scheduler?": SCHEDULER,
  "ioPriority?": { class: "string", "priority?": "int" },
  "execCPUAffinity?": { "initial?": "string", "final?": "string" },
  "user?": USER,
} as const;

const ID_MAPPING = { containerID: "u32", hostID: "u32", size: "u32" } as const;

const MOUNT = {
  destination: "string",
  "type?": "string",
  "source?": "string",
  "options?": ["string"],
  "uidMappings?": [ID_MAPPING],
  "gidMappings?": [ID_MAPPING],
} as const;

const HOOK = { path: "string", "args?": ["string"], "env?": ["string"], "timeout?": "int" } as const;

const HOOKS = {
  "prestart?": [HOOK],
  "createRuntime?": [HOOK],
  "createContainer?": [HOOK],
  "startContainer?": [HOOK],
  "poststart?": [HOOK],
  "poststop?": [HOOK],
} as const;

const DEVICE = {
  type: "string",
  path: "string",
  "major?": "int",
  "minor?": "int",
  "fileMode?": "u32",
  "uid?": "u32",
  "gid?": "u32",
} as const;

const DEVICE_RULE = {
  allow: "boolean",
  "type?": "string",
  "major?": "int",
  "minor?": "int",
  "access?": "string",
} as const;

const THROTTLE = { major: "int", minor: "int", rate: "u64" } as const;

export const RESOURCES = {
  "devices?": [DEVICE_RULE],
  "memory?": {
    "limit?": "i64",
    "reservation?": "i64",
    "swap?": "i64",
    "kernel?": "i64",
    "kernelTCP?": "i64",
    "swappiness?": "int",
    "disableOOMKiller?": "boolean",
    "useHierarchy?": "boolean",
    "checkBeforeUpdate?": "boolean",
  },
  "cpu?": {
    "shares?": "u64",
    "quota?": "i64",
    "burst?": "u64",
    "period?": "u64",
    "realtimeRuntime?": "i64",
    "realtimePeriod?": "u64",
    "cpus?": "string",
    "mems?": "string",
    "idle?": "int",
  },
  "pids?": { "limit?": "i64" },
  "blockIO?": {
    "weight?": "u16",
    "leafWeight?": "u16",
    "weightDevice?": [{ major: "int", minor: "int", "weight?": "u16", "leafWeight?": "u16" }],
    "throttleReadBpsDevice?": [THROTTLE],
    "throttleWriteBpsDevice?": [THROTTLE],
    "throttleReadIOPSDevice?": [THROTTLE],
    "throttleWriteIOPSDevice?": [THROTTLE],
  },
  "hugepageLimits?": [{ pageSize: "string", limit: "u64" }],
  "network?": { "classID?": "u32", "priorities?": [{ name: "string", priority: "u32" }] },
  "rdma?": { "*": { "hcaHandles?": "u32", "hcaObjects?": "u32" } },
  "unified?": { "*": "string" },
} as const;

const SECCOMP = {
  defaultAction: "string",
  "defaultErrnoRet?": "u32",
  "architectures?": ["string"],
  "flags?": ["string"],
  "listenerPath?": "string",
  "listenerMetadata?": "string",
  "syscalls?": [{
    names: ["string"],
    action: "string",
    "errnoRet?": "u32",
    "args?": [{ index: "u32", value: "u64", "valueTwo?": "u64", op: "string" }],
  }],
} as const;

const TIME_OFFSET = { "secs?": "i64", "nanosecs?": "u32" } as const;

const LINUX = {
  "uidMappings?": [ID_MAPPING],
  "gidMappings?": [ID_MAPPING],
  "sysctl?": { "*": "string" },
  "resources?": RESOURCES,
  "cgroupsPath?": "string",
  "namespaces?": [{ type: "string", "path?": "string" }],
  "devices?": [DEVICE],
  "netDevices?": { "*": { "name?": "string" } },
  "seccomp?": SECCOMP,
  "rootfsPropagation?": "string",
  "maskedPaths?": ["string"],
  "readonlyPaths?": ["string"],
  "mountLabel?": "string",
  "intelRdt?": {
    "closID?": "string",
    "l3CacheSchema?": "string",
    "memBwSchema?": "string",
    "schemata?": ["string"],
    "enableMonitoring?": "boolean",
    "enableCMT?": "boolean",
    "enableMBM?": "boolean",
  },
  "memoryPolicy?": { mode: "string", "nodes?": "string", "flags?": ["string"] },
  "personality?": { domain: "string", "flags?": ["string"] },
  "timeOffsets?": { "*": TIME_OFFSET },
} as const;

export const SPEC = {
  "ociVersion?": "string",
  "process?": PROCESS,
  "root?": { "path?": "string", "readonly?": "boolean" },
  "hostname?": "string",
  "domainname?": "string",
  "mounts?": [MOUNT],
  "hooks?": HOOKS,
  "annotations?": { "*": "string" },
  "linux?": LINUX,
  // Sections of other platforms: a word of warning is all that they get.
  "windows?": "present",
  "solaris?": "present",
  "vm?": "present",
  "zos?": "present",
} as const;

export type Process = Shaped<typeof PROCESS>;
export type Resources = Shaped<typeof RESOURCES>;
export type Hook = Shaped<typeof HOOK>;
export type Hooks = Shaped<typeof HOOKS>;
export type Mount = Shaped<typeof MOUNT>;
export type Device = Shaped<typeof DEVICE>;
export type IdMapping = Shaped<typeof ID_MAPPING>;
export type Seccomp = Shaped<typeof SECCOMP>;
export type Linux = Shaped<typeof LINUX>;
/** A config.json whose types are right. What else must hold, `validateSpec` says. */
export type Spec = Shaped<typeof SPEC>;
