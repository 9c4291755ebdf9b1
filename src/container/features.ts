import { hasFilterFlag } from "../../ffi/seccomp.ts";
import { CAPABILITIES } from "../linux/capabilities.ts";
import { mountOptionNames } from "../linux/mount_options.ts";
import { NAMESPACES } from "../linux/namespaces.ts";
import { memoryPolicyNames } from "../linux/scheduling.ts";
import { knownActions } from "../seccomp/action.ts";
import { CONVENTIONS } from "../seccomp/architecture.ts";
import { operatorNames } from "../seccomp/condition.ts";
import { knownFlags } from "../seccomp/flags.ts";
import { OCI_VERSION } from "../spec/version.ts";

/**
 * What this build carries out (runtime-spec, features.md): "enabled" says that it is compiled in, whatever the host
 * has.
 */
export function featuresDocument(): Record<string, unknown> {
  return {
    ociVersionMin: "1.0.0",
    ociVersionMax: OCI_VERSION,
    hooks: ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"],
    mountOptions: mountOptionNames(),
    linux: {
      namespaces: Object.keys(NAMESPACES).sort(),
      capabilities: CAPABILITIES,
      cgroup: { v1: true, v2: true, systemd: true, systemdUser: true, rdma: true },
      seccomp: seccompFeatures(),
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: true, schemata: true, monitoring: true },
      memoryPolicy: memoryPolicyNames(),
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: true },
    },
    annotations: { "org.opencontainers.runc.checkpoint.enabled": "false" },
    potentiallyUnsafeConfigAnnotations: ["bundle", "org.systemd.property.", "org.criu.config"],
  };
}

/**
 * What filters are compiled from; all of it is read off the tables of the compiler. Of the flags, "supported" are those
 * of this kernel.
 */
function seccompFeatures(): Record<string, unknown> {
  const flags = knownFlags();
  return {
    enabled: true,
    actions: knownActions().sort(),
    operators: operatorNames().sort(),
    archs: Object.values(CONVENTIONS).flat().map(({ name }) => name).sort(),
    knownFlags: flags.map(({ name }) => name),
    supportedFlags: flags.filter(({ bit }) => bit === 0 || hasFilterFlag(bit)).map(({ name }) => name),
  };
}
