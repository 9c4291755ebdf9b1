import { Issues, type Validation } from "./issues.ts";
import { checkMappedUser } from "./id_mapping_rules.ts";
import { checkLinux } from "./linux_rules.ts";
import { checkMounts } from "./mount_rules.ts";
import { checkNamespaces } from "./namespace_rules.ts";
import { checkEnvironment, checkProcess } from "./process_rules.ts";
import type { Hooks, Spec } from "./schema.ts";

export { checkMappedUser, checkProcess, Issues };
export type { Validation };

/** What a document is held to besides itself. */
export interface ValidationContext {
  /** The runtime has another effective uid than 0: nothing works for it without a user namespace. */
  readonly ordinaryUser?: boolean;
}

/**
 * Every rule of the specification and of runc's validator that a document can be held to without a look at the host.
 * All faults are found; texts that clients match on are runc's. Rules of a section are in the file of its name;
 * profiles of seccomp are checked where they are compiled, limits that depend on the cgroup layout where they are
 * written.
 */
export function validateSpec(spec: Spec, { ordinaryUser = false }: ValidationContext = {}): Validation {
  const issues = new Issues();
  const { process, root, hooks, linux, ociVersion } = spec;
  if (process === undefined) issues.error("process", "process property must not be empty");
  else checkProcess(process, "process", issues);
  if ((root?.path ?? "") === "") issues.error("root", "root must be specified");
  if (process !== undefined && linux !== undefined) {
    checkMappedUser(process, linux, "process", issues, ordinaryUser);
  }
  checkNamespaces(spec, ordinaryUser, issues);
  checkMounts(spec, ordinaryUser, issues);
  if (hooks !== undefined) checkHooks(hooks, issues);
  if (linux !== undefined) checkLinux(linux, issues);
  if (ociVersion !== undefined && !ociVersion.startsWith("1.")) {
    issues.warn("ociVersion", `${JSON.stringify(ociVersion)} is no 1.x: fields may mean something else`);
  }
  for (const platform of ["windows", "solaris", "vm", "zos"] as const) {
    if (spec[platform]) issues.warn(platform, "a section for another platform is ignored");
  }
  return issues;
}

/** config.md "POSIX-platform Hooks". */
function checkHooks(hooks: Hooks, issues: Issues): void {
  for (const [kind, list = []] of Object.entries(hooks)) {
    list.forEach(({ path, env, timeout }, index) => {
      const place = `hooks.${kind}[${index}]`;
      if (!path.startsWith("/")) issues.error(`${place}.path`, "must be an absolute path");
      if (env !== undefined) checkEnvironment(env, `${place}.env`, issues);
      if (timeout !== undefined && timeout <= 0) {
        issues.error(`${place}.timeout`, "must be greater than zero");
      }
    });
  }
}
