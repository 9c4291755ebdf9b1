import { ContainerError } from "../errors.ts";
import type { SeccompRequest } from "../plan/frame.ts";
import { compileSeccomp } from "../seccomp/compile.ts";
import type { Machine } from "../seccomp/architecture.ts";
import type { Spec } from "../spec/schema.ts";
import type { Log } from "./options.ts";

/**
 * The compiled filter of a config.json, if it has one: no default action and no rules mean that there is none, as in
 * runc. What the profile says that has no effect here goes to the log at runc's level, which is debug.
 *
 * Throws a SpecError for a profile that cannot be carried out.
 */
export function seccompOf({ linux }: Spec, log: Log): SeccompRequest | undefined {
  const profile = linux?.seccomp;
  if (profile === undefined) return undefined;
  if (profile.defaultAction === "" && (profile.syscalls ?? []).length === 0) return undefined;
  const filter = compileSeccomp(profile, machine());
  if (log.debugEnabled) { for (const warning of filter.warnings) log.debug(warning); }
  const { program, flags, notify } = filter;
  return { program, flags, notify };
}

/** The machine we run on. Throws ContainerError where no filters are compiled for it. */
export function machine(): Machine {
  const { arch } = Deno.build;
  if (arch === "x86_64" || arch === "aarch64") return arch;
  throw new ContainerError(`seccomp: no filters are compiled for ${arch}`);
}
