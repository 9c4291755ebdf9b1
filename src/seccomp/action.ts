/** Return values of a filter (linux/seccomp.h). */
export const KILL_THREAD = 0;

const ERRNO = 0x00050000;
const TRACE = 0x7ff00000;
export const ALLOW = 0x7fff0000;
export const NOTIFY = 0x7fc00000;

const EPERM = 1;
const ENOSYS = 38;
/** The kernel cuts a larger errno down to this (MAX_ERRNO), so a profile that asks for one cannot be carried out. */
const MAX_ERRNO = 4095;

const ACTIONS: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: KILL_THREAD,
  SCMP_ACT_KILL_THREAD: KILL_THREAD,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: ERRNO,
  SCMP_ACT_TRACE: TRACE,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: ALLOW,
  SCMP_ACT_NOTIFY: NOTIFY,
};

/** The actions of a profile (config-linux.md, Seccomp). */
export const knownActions = (): string[] => Object.keys(ACTIONS);

/** The return value by which a filter answers "no such system call". */
export const NO_SYSCALL = ERRNO + ENOSYS;

/** Whether a filter that answers so has a listener. */
export const isNotify = (value: number): boolean => value === NOTIFY;

/** Whether a call that is answered so happens. */
export const letsHappen = (value: number): boolean => value === ALLOW || value === 0x7ffc0000;

/**
 * Whether a default action lets unknown calls happen: then runc leaves "no such system call" to the kernel. A tracer
 * counts as such: it is expected to know calls that the profile does not.
 */
export const isPermissive = (name: string): boolean =>
  name === "SCMP_ACT_ALLOW" || name === "SCMP_ACT_LOG" || name === "SCMP_ACT_TRACE";

/**
 * The return value for an action of a profile: `errnoRet` is its errno or what a tracer gets, EPERM where the profile
 * says none (config-linux.md, Seccomp). A fault comes back in words, with the key it belongs to.
 */
export function returnValue(
  action: string,
  errnoRet: number | undefined,
): number | { readonly key: "action" | "errnoRet"; readonly message: string } {
  const value = Object.hasOwn(ACTIONS, action) ? ACTIONS[action]! : undefined;
  if (value === undefined) {
    const known = Object.keys(ACTIONS).join(", ");
    return { key: "action", message: `${JSON.stringify(action)} is not a valid action (known are ${known})` };
  }
  if (value !== ERRNO && value !== TRACE) {
    return errnoRet === undefined ? value : { key: "errnoRet", message: `${action} takes no errno` };
  }
  const data = errnoRet ?? EPERM;
  const limit = value === ERRNO ? MAX_ERRNO : 0xffff;
  if (data > limit) {
    return { key: "errnoRet", message: `${data} is above ${limit}, the most that ${action} carries` };
  }
  return value + data;
}

/** A return value in the words of a profile: `SCMP_ACT_ERRNO(1)`. */
export function actionText(value: number): string {
  const base = value === 0x80000000 ? value : value & 0x7fff0000;
  const name = Object.keys(ACTIONS).findLast((name) => ACTIONS[name] === base) ?? "SCMP_ACT_KILL_PROCESS";
  const data = value & 0xffff;
  return base === ERRNO || base === TRACE ? `${name}(${data})` : name;
}
