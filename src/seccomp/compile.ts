import { SpecError } from "../errors.ts";
import type { Seccomp } from "../spec/schema.ts";
import { KILL_THREAD, NO_SYSCALL } from "./action.ts";
import { type Machine, X32_BIT } from "./architecture.ts";
import { Assembler, type Target } from "./assembler.ts";
import { ARCH_OFFSET, encodeProgram, JUMP_EQUAL, LOAD, MOST_INSTRUCTIONS } from "./instruction.ts";
import { FilterCache } from "./filter_cache.ts";
import { type ArchitecturePart, type Profile, readProfile, warningsOf } from "./profile.ts";
import type { Rule } from "./rules.ts";
import { addSegment, search, type Segment } from "./search.ts";

/** A profile as seccomp(2) takes it. */
export interface CompiledFilter {
  /** struct sock_filter after struct sock_filter, little endian. */
  readonly program: Uint8Array;
  /** SECCOMP_FILTER_FLAG_*. */
  readonly flags: number;
  /** Whether a call may be handed to a listener. */
  readonly notify: boolean;
  /** What the profile says that has no effect on this machine, in words. */
  readonly warnings: readonly string[];
}

const SIGN_BIT = 0x80000000;

let compiled: Partial<Record<Machine, FilterCache<CompiledFilter>>> | undefined;

/**
 * Compile `linux.seccomp` for a machine. Profiles that say the same are compiled once a machine: callers that launch
 * many containers pay for it once, although each launch reads its own document.
 *
 * Verdicts are those of libseccomp as runc drives it (config-linux.md, Seccomp; runc's patchbpf for calls newer than
 * the profile). Throws a SpecError with every fault of the profile, also when the program would be longer than the
 * kernel takes.
 */
export function compileSeccomp(profile: Seccomp, machine: Machine): CompiledFilter {
  const cache = (compiled ??= {})[machine] ??= new FilterCache();
  return cache.get(profile, () => compile(profile, machine));
}

function compile(document: Seccomp, machine: Machine): CompiledFilter {
  const profile = readProfile(document, machine);
  const { flags, notify } = profile;
  const code = new Assembler();
  const audits = [...new Set(profile.parts.map(({ architecture }) => architecture.audit))];
  // The machine's own convention comes first in the program, so it is written last.
  const places = audits.reverse().map((audit) => ({
    audit,
    place: search(code, segmentsOf(profile, audit)),
  }));
  let target: Target = { value: KILL_THREAD };
  for (const { audit, place } of places) target = code.branch(JUMP_EQUAL, audit, place, target);
  const program = code.program(code.step(LOAD, ARCH_OFFSET, target));
  if (program.length > MOST_INSTRUCTIONS) {
    const message = `becomes ${program.length} instructions; the kernel takes at most ${MOST_INSTRUCTIONS}`;
    throw new SpecError([{ path: "linux.seccomp", message }]);
  }
  return {
    program: encodeProgram(program),
    flags,
    notify,
    // Looked up when asked for: a start has no use for them.
    get warnings() {
      return warningsOf(document, machine);
    },
  };
}

/** Every system call number of one AUDIT_ARCH in ascending order. x86_64 and x32 share one, told apart by X32_BIT. */
export function segmentsOf({ parts, defaultValue }: Profile, audit: number): Segment[] {
  const [own, x32] = parts.filter(({ architecture }) => architecture.audit === audit);
  const segments: Segment[] = [];
  addNumbers(segments, defaultValue, own!, 0);
  if (own!.architecture.name !== "SCMP_ARCH_X86_64") return segments;
  // A number with the bit is answered as a foreign architecture's unless the profile names x32, as libseccomp does.
  const foreign = x32 === undefined ? KILL_THREAD : defaultValue;
  if (x32 === undefined) addSegment(segments, X32_BIT, foreign);
  else addNumbers(segments, defaultValue, x32, X32_BIT);
  // Above bit 31 no call has a number, but the bit still tells whose "newer than the profile" it is.
  addSegment(segments, SIGN_BIT, own!.newest === undefined ? foreign : NO_SYSCALL);
  addSegment(segments, SIGN_BIT + X32_BIT, x32?.newest === undefined ? foreign : NO_SYSCALL);
  // -1 is how a tracer says that there is no call.
  if (x32 === undefined) addSegment(segments, 0xffffffff, defaultValue);
  return segments;
}

function addNumbers(
  segments: Segment[],
  defaultValue: number,
  { calls, newest = Infinity }: ArchitecturePart,
  first: number,
): void {
  let next = first;
  let last: readonly Rule[] | undefined;
  for (const { number, rules } of calls) {
    if (number > newest) break;
    // Neighbours that share their rules, as most do, make one segment when these always apply.
    if (rules === last && number === next) {
      next++;
      continue;
    }
    if (number > next) addSegment(segments, next, defaultValue);
    const [{ conditions, value }] = rules as [Rule];
    const always = conditions.length === 0;
    if (always) addSegment(segments, number, value);
    else addSegment(segments, number, defaultValue, rules);
    last = always ? rules : undefined;
    next = number + 1;
  }
  if (newest >= next) addSegment(segments, next, defaultValue);
  if (newest !== Infinity) addSegment(segments, newest + 1, NO_SYSCALL);
}
