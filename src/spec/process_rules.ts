import { capabilityNumber } from "../linux/capabilities.ts";
import { rlimitNumber } from "../linux/rlimits.ts";
import type { Issues } from "./issues.ts";
import { checkScheduling } from "./scheduling.ts";
import type { Process } from "./schema.ts";

/** (uid_t)-1 is "leave it" to setresuid(2) and chown(2): the process would stay root. */
export const NO_ID = 0xffffffff;

/** The rules of a process (config.md "Process"), of config.json or of `exec --process`. */
export function checkProcess(process: Process, path: string, issues: Issues): void {
  const { cwd = "", args = [], user, rlimits, capabilities, oomScoreAdj } = process;
  if (cwd === "") issues.error(`${path}.cwd`, "Cwd property must not be empty");
  else if (!cwd.startsWith("/")) issues.error(`${path}.cwd`, "Cwd must be an absolute path");
  if (args.length === 0) issues.error(`${path}.args`, "args must not be empty");
  if (process.env !== undefined) checkEnvironment(process.env, `${path}.env`, issues);
  if (user !== undefined) checkUser(user, `${path}.user`, issues);
  if (rlimits !== undefined) checkRlimits(rlimits, `${path}.rlimits`, issues);
  if (capabilities !== undefined) checkCapabilities(capabilities, `${path}.capabilities`, issues);
  if (oomScoreAdj !== undefined && (oomScoreAdj < -1000 || oomScoreAdj > 1000)) {
    issues.error(`${path}.oomScoreAdj`, `must be from -1000 to 1000, got ${oomScoreAdj}`);
  }
  checkScheduling(process, path, issues);
}

/** The rule of every environment: `NAME=VALUE` with a name (environ(7)). */
export function checkEnvironment(entries: readonly string[], path: string, issues: Issues): void {
  for (let i = 0; i < entries.length; i++) {
    if (entries[i]!.indexOf("=") > 0) continue;
    issues.error(`${path}[${i}]`, `${JSON.stringify(entries[i])} must have the form NAME=VALUE`);
  }
}

function checkUser(
  { uid, gid, additionalGids = [] }: NonNullable<Process["user"]>,
  path: string,
  issues: Issues,
) {
  const check = (name: string, id: number | undefined) => {
    if (id === NO_ID) issues.error(`${path}.${name}`, `must be from 0 to ${NO_ID - 1}, got ${id}`);
  };
  check("uid", uid);
  check("gid", gid);
  for (let i = 0; i < additionalGids.length; i++) check(`additionalGids[${i}]`, additionalGids[i]);
}

function checkRlimits(rlimits: NonNullable<Process["rlimits"]>, path: string, issues: Issues): void {
  const seen: string[] = [];
  for (const { type, soft, hard } of rlimits) {
    const place = `${path}[${seen.length}]`;
    if (rlimitNumber(type) === undefined) issues.error(`${place}.type`, `wrong rlimit value: ${type}`);
    if (seen.includes(type)) issues.error(`${place}.type`, `duplicate rlimit ${type}`);
    if (soft > hard) issues.error(`${place}.soft`, `must not be above hard (${hard}), got ${soft}`);
    seen.push(type);
  }
}

/** Names that this kernel's table does not have are no error: config.md wants a warning. */
function checkCapabilities(sets: NonNullable<Process["capabilities"]>, path: string, issues: Issues): void {
  for (const [set, names = []] of Object.entries(sets)) {
    for (let i = 0; i < names.length; i++) {
      if (capabilityNumber(names[i]!) !== undefined) continue;
      issues.warn(`${path}.${set}[${i}]`, `unknown capability ${JSON.stringify(names[i])} is ignored`);
    }
  }
}
