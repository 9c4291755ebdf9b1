import { originText } from "../errors.ts";
import type { Seccomp } from "../spec/schema.ts";
import { actionText, KILL_THREAD, NO_SYSCALL } from "./action.ts";
import { CONVENTIONS, type Machine, syscallNumbers } from "./architecture.ts";
import { compileSeccomp } from "./compile.ts";
import { type Condition, holds } from "./condition.ts";
import { decodeProgram } from "./instruction.ts";
import { callWords, interpret } from "./interpret.ts";
import { type ArchitecturePart, readProfile } from "./profile.ts";
import type { Rule } from "./rules.ts";

/** Why a call by one calling convention gets its answer. */
export interface Explanation {
  /** SCMP_ARCH_*. */
  readonly architecture: string;
  readonly number: number;
  /** The answer of the compiled program, as `SCMP_ACT_ERRNO(1)`. */
  readonly action: string;
  /** What decides, in words that name the place in the profile. */
  readonly reason: string;
  /** How many instructions of the program the call costs. */
  readonly steps: number;
}

/**
 * What a profile does to a call, for each calling convention of the machine that has a call of this name. `syscall`
 * is a name or a number of the machine's own convention; arguments that are not given are 0. The answer is the
 * program's, the reason is the profile's. Empty when no convention has the call. Throws a SpecError for a faulty
 * profile.
 */
export function explainCall(
  profile: Seccomp,
  machine: Machine,
  syscall: string | number,
  args: readonly bigint[],
): Explanation[] {
  const { parts, defaultValue } = readProfile(profile, machine);
  const program = decodeProgram(compileSeccomp(profile, machine).program);
  return CONVENTIONS[machine].flatMap((convention, i) => {
    const known = typeof syscall === "string" ? syscallNumbers(convention).get(syscall) : syscall;
    if (known === undefined || typeof syscall === "number" && i > 0) return [];
    const { value, steps } = interpret(program, callWords({ nr: known, arch: convention.audit, args }));
    const part = parts.find(({ architecture }) => architecture === convention);
    const reason = part === undefined
      ? "linux.seccomp.architectures does not name the architecture"
      : reasonOf(part, known, args, defaultValue);
    return [{ architecture: convention.name, number: known, action: actionText(value), reason, steps }];
  });
}

function reasonOf(
  { calls, newest = Infinity }: ArchitecturePart,
  number: number,
  args: readonly bigint[],
  defaultValue: number,
): string {
  if (number > newest) return "the call is newer than every call the profile names";
  const rules = calls.find((call) => call.number === number)?.rules ?? [];
  const rule = rules.find(({ conditions }) => conditions.every((condition) => holdsFor(condition, args)));
  if (rule !== undefined) {
    const conditions = rule.conditions.map(conditionText).join(" and ");
    return `${originText(rule.origin)}${conditions === "" ? "" : `: ${conditions}`}`;
  }
  const tried = rules.length === 0 ? "no rule names the call" : "no rule of the call has its conditions met";
  return `linux.seccomp.defaultAction, ${actionText(defaultValue)}: ${tried}`;
}

function holdsFor(condition: Condition, args: readonly bigint[]): boolean {
  const argument = BigInt.asUintN(64, args[condition.index] ?? 0n);
  return holds(condition, Number(argument >> 32n), Number(argument & 0xffffffffn));
}

const COMPARISONS = { eq: ["==", "!="], gt: [">", "<="], ge: [">=", "<"] } as const;

/** A condition as C would write it: `args[0] & 0x7e020000 == 0x0`. */
function conditionText(
  { index, comparison, negated, high, low, maskHigh, maskLow, masked }: Condition,
): string {
  const word = (high: number, low: number) => `0x${(BigInt(high) << 32n | BigInt(low)).toString(16)}`;
  const mask = masked ? ` & ${word(maskHigh, maskLow)}` : "";
  return `args[${index}]${mask} ${COMPARISONS[comparison][negated ? 1 : 0]} ${word(high, low)}`;
}

/** One call to which two profiles do something else. */
export interface Difference {
  readonly architecture: string;
  /** undefined: every call that neither names. */
  readonly name: string | undefined;
  readonly before: string;
  readonly after: string;
}

/** What a second profile does otherwise than a first, call by call. Throws a SpecError when one of them is faulty. */
export function profileDifferences(before: Seccomp, after: Seccomp, machine: Machine): Difference[] {
  const profiles = [readProfile(before, machine), readProfile(after, machine)] as const;
  return CONVENTIONS[machine].flatMap((convention) => {
    const sides = profiles.map(({ parts, defaultValue }) => {
      const part = parts.find(({ architecture }) => architecture === convention);
      return part === undefined ? () => actionText(KILL_THREAD) : outcomesOf(part, defaultValue);
    });
    const names: [string | undefined, number][] = [[undefined, -1], ...syscallNumbers(convention)];
    return names.flatMap(([name, number]) => {
      const [was, is] = sides.map((side) => side(number)) as [string, string];
      return was === is ? [] : [{ architecture: convention.name, name, before: was, after: is }];
    });
  });
}

/** What happens to each number, in words; -1 stands for those without a rule. */
function outcomesOf(
  { calls, newest = Infinity }: ArchitecturePart,
  defaultValue: number,
): (number: number) => string {
  const byNumber = new Map(calls.map(({ number, rules }) => [number, rulesText(rules, defaultValue)]));
  const otherwise = actionText(defaultValue);
  return (number) => number > newest ? actionText(NO_SYSCALL) : byNumber.get(number) ?? otherwise;
}

function rulesText(rules: readonly Rule[], defaultValue: number): string {
  const texts = rules.map(({ conditions, value }) =>
    conditions.length === 0
      ? actionText(value)
      : `${actionText(value)} if ${conditions.map(conditionText).join(" and ")}`
  );
  const always = rules.some(({ conditions }) => conditions.length === 0);
  return (always ? texts : [...texts, `else ${actionText(defaultValue)}`]).join(", ");
}
