import { ContainerError } from "../errors.ts";
import type { Process } from "../spec/schema.ts";
import { parseUser } from "../spec/user.ts";
import type { ExecOptions } from "./options.ts";

/**
 * The container's own process changed by the flags of `exec`. `--user UID` keeps the gid; `--env` is appended, so
 * that the last one wins; `--cap` goes into the bounding, effective and permitted sets, and into the ambient one only
 * where an inheritable set was configured (CVE-2022-29162).
 *
 * Throws ContainerError for a user or a gid that cannot be.
 */
export function execProcess(base: Process, options: ExecOptions): Process {
  const { user, additionalGids, capabilities } = options;
  const ids = user === undefined ? undefined : parseUser(user);
  for (const gid of additionalGids) {
    if (gid < 0 || gid > 0xfffffffe) {
      throw new ContainerError(`additional-gids must be a positive number ${gid}`, {
        place: "--additional-gids",
      });
    }
  }
  const own = base.user ?? {};
  return {
    ...base,
    args: options.args,
    terminal: options.tty,
    env: [...base.env ?? [], ...options.env],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.processLabel === undefined ? {} : { selinuxLabel: options.processLabel }),
    ...(options.apparmorProfile === undefined ? {} : { apparmorProfile: options.apparmorProfile }),
    ...(options.noNewPrivileges ? { noNewPrivileges: true } : {}),
    ...(capabilities.length === 0 ? {} : { capabilities: withCapabilities(base, capabilities) }),
    user: {
      ...own,
      ...(ids === undefined ? {} : { uid: ids.uid }),
      ...(ids?.gid === undefined ? {} : { gid: ids.gid }),
      additionalGids: [...own.additionalGids ?? [], ...additionalGids],
    },
  };
}

function withCapabilities(
  { capabilities = {} }: Process,
  added: readonly string[],
): NonNullable<Process["capabilities"]> {
  const joined = (set: readonly string[] | undefined) => [...set ?? [], ...added];
  const inheritable = capabilities.inheritable ?? [];
  return {
    ...capabilities,
    bounding: joined(capabilities.bounding),
    effective: joined(capabilities.effective),
    permitted: joined(capabilities.permitted),
    ...(inheritable.length > 0 ? { ambient: joined(capabilities.ambient) } : {}),
  };
}
