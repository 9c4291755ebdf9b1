import type { Origin } from "../errors.ts";
import {
  EACCES,
  EDQUOT,
  ENOSYS,
  EPERM,
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_CAP_AMBIENT_RAISE,
  PR_SET_KEEPCAPS,
  PR_SET_NO_NEW_PRIVS,
} from "../linux/constants.gen.ts";
import { capabilityNumber } from "../linux/capabilities.ts";
import { rlimitNumber } from "../linux/rlimits.ts";
import type { Process } from "../spec/schema.ts";
import { userOf } from "../spec/user.ts";
import { step } from "./frame.ts";
import type { Step } from "./plan.ts";

/** A process of config.json (or of `exec --process`), with the place it came from. */
export interface ProcessRequest {
  readonly process: Process;
  /** Where `process` stands: ["process"], or a flag. */
  readonly origin: Origin;
}

const at = ({ origin }: ProcessRequest, ...path: (string | number)[]): Origin => [...origin, ...path];

/** The environment as execve gets it: the last of equal names wins, and HOME stands there to be filled in. */
export function environmentOf(process: Process): { readonly environment: string[]; readonly home: number } {
  const byName = new Map<string, string>();
  for (const entry of process.env ?? []) byName.set(entry.slice(0, entry.indexOf("=")), entry);
  const home = byName.get("HOME");
  // Unset or empty: the container's passwd says it (runc env.bats). `home` is the entry's index, or none.
  if (home !== undefined && home !== "HOME=") return { environment: [...byName.values()], home: 0xffffffff };
  byName.delete("HOME");
  return { environment: [...byName.values(), "HOME=/"], home: byName.size };
}

/** What a process is to the kernel beyond its credentials, as far as procfs says it: its score for the OOM killer. */
export function attributeSteps(request: ProcessRequest, proc: number): Step[] {
  const score = request.process.oomScoreAdj;
  if (score === undefined) return [];
  const op = { op: "write_proc", proc, path: "self/oom_score_adj", text: String(score) } as const;
  return [step(op, at(request, "oomScoreAdj"))];
}

/** Limits, in config.json's order. Hard limits that are raised need CAP_SYS_RESOURCE. */
export function rlimitSteps(request: ProcessRequest): Step[] {
  return (request.process.rlimits ?? []).map(({ type, soft, hard }, index) =>
    step({ op: "prlimit", resource: rlimitNumber(type)!, soft, hard }, at(request, "rlimits", index))
  );
}

/** A set of capabilities as the kernel's mask. Names this kernel table does not know are left out (a warning elsewhere). */
export function capabilityMask(names: readonly string[] | undefined): bigint {
  let mask = 0n;
  for (const name of names ?? []) {
    const number = capabilityNumber(name);
    if (number !== undefined) mask |= 1n << BigInt(number);
  }
  return mask;
}

/**
 * From the container's root to its user, in the order of requirement 20: bounding set, keep capabilities, groups,
 * gid, uid, working directory (again where root had no way in), the check of it, capability sets, ambient set.
 *
 * A process without a capability object keeps none (youki issue 3434).
 */
export function credentialSteps(request: ProcessRequest, setgroups: boolean): Step[] {
  const { process } = request;
  const user = userOf(process);
  const path = process.cwd!;
  const capabilities = process.capabilities ?? {};
  const caps = at(request, "capabilities");
  const cwd = at(request, "cwd");
  const gids = Uint32Array.from(user.additionalGids);
  const steps = [
    step({ op: "chdir", path, again: 0 }, cwd, { tolerate: [EACCES] }),
    step({ op: "drop_bounding", keep: capabilityMask(capabilities.bounding) }, [...caps, "bounding"]),
    step({ op: "prctl", option: PR_SET_KEEPCAPS, arg2: 1n, arg3: 0n }, caps),
  ];
  if (setgroups) {
    steps.push(
      step({ op: "setgroups", gids: new Uint8Array(gids.buffer) }, at(request, "user", "additionalGids")),
    );
  }
  steps.push(
    step({ op: "setresgid", gid: user.gid }, at(request, "user", "gid")),
    step({ op: "setresuid", uid: user.uid }, at(request, "user", "uid")),
    step({ op: "chdir", path, again: 1 }, cwd),
    step({ op: "check_cwd" }, cwd),
    step({ op: "prctl", option: PR_SET_KEEPCAPS, arg2: 0n, arg3: 0n }, caps),
    step({
      op: "capset",
      effective: capabilityMask(capabilities.effective),
      permitted: capabilityMask(capabilities.permitted),
      inheritable: capabilityMask(capabilities.inheritable),
    }, caps),
    step({ op: "prctl", option: PR_CAP_AMBIENT, arg2: BigInt(PR_CAP_AMBIENT_CLEAR_ALL), arg3: 0n }, caps),
  );
  (capabilities.ambient ?? []).forEach((name, index) => {
    const number = capabilityNumber(name);
    if (number === undefined) return;
    // Not in the permitted and inheritable sets: a warning in runc, not an error.
    steps.push(step(
      {
        op: "prctl",
        option: PR_CAP_AMBIENT,
        arg2: BigInt(PR_CAP_AMBIENT_RAISE),
        arg3: BigInt(number),
      },
      [...caps, "ambient", index],
      { tolerate: [EPERM] },
    ));
  });
  return steps;
}

/** From the unmapped id to the root of the user namespace; the kernel makes such a process non-dumpable by itself. */
export function becomeMappedRoot(): Step[] {
  return [
    step({ op: "setresgid", gid: 0 }, ["linux", "gidMappings"]),
    step({ op: "setresuid", uid: 0 }, ["linux", "uidMappings"]),
  ];
}

export function noNewPrivilegesSteps(request: ProcessRequest): Step[] {
  if (request.process.noNewPrivileges !== true) return [];
  return [
    step({ op: "prctl", option: PR_SET_NO_NEW_PRIVS, arg2: 1n, arg3: 0n }, at(request, "noNewPrivileges")),
  ];
}

/** A session keyring of the container's own, which its `exec`s join again. */
export function keyringSteps(id: string, userNamespace: boolean): Step[] {
  return [
    step(
      {
        op: "join_keyring",
        name: `_ses.${id}`,
        // KEY_USR_SEARCH, so that the container's user finds it; in a user namespace root is "other" too.
        permissions: userNamespace ? 0x080008 : 0x080000,
        permissionsMask: 0xffffffff,
      },
      ["--no-new-keyring"],
      { tolerate: [ENOSYS, EDQUOT, EPERM] },
    ),
  ];
}

/** Where the program is found, so that a missing one is an error of `create`. */
export function programSteps(request: ProcessRequest): Step[] {
  const entry = request.process.env?.findLast((entry) => entry.startsWith("PATH="));
  return [
    step({
      op: "find_program",
      name: request.process.args![0]!,
      searchPath: entry?.slice("PATH=".length) ?? "",
    }, at(request, "args", 0)),
  ];
}

/** The words that the container's stderr gets when execve fails after the runtime has gone: errno, then text. */
const EXEC_FAILURES = [
  "exec ",
  "002no such file or directory",
  "007argument list too long",
  "008exec format error",
  "012cannot allocate memory",
  "013permission denied",
  "020not a directory",
  "026text file busy",
  "040too many levels of symbolic links",
];

export function execveSteps(request: ProcessRequest): Step[] {
  const { environment, home } = environmentOf(request.process);
  return [
    step({
      op: "execve",
      argv: request.process.args!,
      envp: environment,
      home,
      failures: EXEC_FAILURES,
    }, at(request, "args")),
  ];
}
