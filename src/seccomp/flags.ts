import { originText, type SpecIssue } from "../errors.ts";
import {
  SECCOMP_FILTER_FLAG_LOG,
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
} from "../linux/constants.gen.ts";

/** TSYNC has no effect: the filter is loaded by a process of one thread. */
const FLAGS: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 0,
  SECCOMP_FILTER_FLAG_LOG,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
};

/** Every flag that a profile may have, with its bit; 0 for one without effect. */
export const knownFlags = (): { readonly name: string; readonly bit: number }[] =>
  Object.entries(FLAGS).map(([name, bit]) => ({ name, bit }));

/**
 * The flags of seccomp(2) for those of a profile. Without any said, speculation stays allowed, as runc does; an empty
 * list means none. WAIT_KILLABLE_RECV is for filters with a listener only: the kernel refuses it elsewhere.
 */
export function filterFlags(
  flags: readonly string[] | undefined,
  notify: boolean,
  issues: SpecIssue[],
): number {
  let bits = flags === undefined ? SECCOMP_FILTER_FLAG_SPEC_ALLOW : 0;
  flags?.forEach((flag, i) => {
    if (Object.hasOwn(FLAGS, flag)) bits |= FLAGS[flag]!;
    else {
      issues.push({
        path: originText(["linux", "seccomp", "flags", i]),
        message: `seccomp flag ${flag} is not known to dunc`,
      });
    }
  });
  return notify ? bits | SECCOMP_FILTER_FLAG_NEW_LISTENER : bits & ~SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
}
