import { ContainerError, SpecError } from "../errors.ts";
import type { SeccompRequest } from "../plan/frame.ts";
import { compileSeccomp } from "../seccomp/compile.ts";
import type { Machine } from "../seccomp/architecture.ts";
import type { Spec } from "../spec/schema.ts";

/**
 * The compiled filter of a config.json, if it has one: no default action and no rules mean that there is none, as in
 * runc. Throws a SpecError for a profile that cannot be carried out, and for one that wants a listener.
 */
export function seccompOf(spec: Spec): SeccompRequest | undefined {
  const profile = spec.linux?.seccomp;
  if (profile === undefined) return undefined;
  if (profile.defaultAction === "" && (profile.syscalls ?? []).length === 0) return undefined;
  const { program, flags, notify } = compileSeccomp(profile, machine());
  if (notify) {
    const at = profile.syscalls!.findIndex(({ action }) => action === "SCMP_ACT_NOTIFY");
    throw new SpecError([{
      path: `linux.seccomp.syscalls[${at}].action`,
      message: "SCMP_ACT_NOTIFY is not carried out by this build of dunc",
    }]);
  }
  return { program, flags, notify };
}

/** The machine we run on. Throws ContainerError where no filters are compiled for it. */
export function machine(): Machine {
  const { arch } = Deno.build;
  if (arch === "x86_64" || arch === "aarch64") return arch;
  throw new ContainerError(`seccomp: no filters are compiled for ${arch}`);
}
