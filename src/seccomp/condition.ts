import type { Seccomp } from "../spec/schema.ts";

type Arg = NonNullable<NonNullable<Seccomp["syscalls"]>[number]["args"]>[number];

/** The comparisons a filter makes; the others of a profile are these turned round (`negated`). */
export type Comparison = "eq" | "gt" | "ge";

/** One condition on one argument: `(argument & mask) OP value`, in halves of 32 bits because BPF's words are. */
export interface Condition {
  readonly index: number;
  readonly comparison: Comparison;
  /** The condition holds when the comparison does not. */
  readonly negated: boolean;
  readonly high: number;
  readonly low: number;
  readonly maskHigh: number;
  readonly maskLow: number;
}

const ALL = 0xffffffff;

/** Operator of a profile to comparison and whether it is negated. */
const OPERATORS: Readonly<Record<string, readonly [Comparison, boolean]>> = {
  SCMP_CMP_NE: ["eq", true],
  SCMP_CMP_LT: ["ge", true],
  SCMP_CMP_LE: ["gt", true],
  SCMP_CMP_EQ: ["eq", false],
  SCMP_CMP_GE: ["ge", false],
  SCMP_CMP_GT: ["gt", false],
  SCMP_CMP_MASKED_EQ: ["eq", false],
};

/** The operators of a profile (config-linux.md, Seccomp). */
export const operatorNames = (): string[] => Object.keys(OPERATORS);

/** A condition of a profile whose operator is known. For SCMP_CMP_MASKED_EQ `value` is the mask. */
export function conditionOf({ index, op, value, valueTwo }: Arg): Condition {
  const [comparison, negated] = OPERATORS[op]!;
  const mask = op === "SCMP_CMP_MASKED_EQ" ? value : ~0n;
  const datum = op === "SCMP_CMP_MASKED_EQ" ? (valueTwo ?? 0n) & mask : value;
  return {
    index,
    comparison,
    negated,
    high: Number(BigInt.asUintN(64, datum) >> 32n),
    low: Number(BigInt.asUintN(32, datum)),
    maskHigh: Number(BigInt.asUintN(64, mask) >> 32n),
    maskLow: Number(BigInt.asUintN(32, mask)),
  };
}

/** The condition as a 32-bit architecture sees it: the upper half of the value is dropped, as libseccomp does. */
export const narrowed = (condition: Condition): Condition => ({ ...condition, high: 0, maskHigh: 0 });

/** `argument INDEX == VALUE` in the lower half, the upper half not looked at. */
export const lowEquals = (index: number, value: number): Condition => ({
  index,
  comparison: "eq",
  negated: false,
  high: 0,
  low: value,
  maskHigh: 0,
  maskLow: ALL,
});

/** Two conditions that the same arguments meet, as far as their form tells. */
export const sameCondition = (a: Condition, b: Condition): boolean =>
  a.index === b.index && a.comparison === b.comparison && a.negated === b.negated && a.high === b.high &&
  a.low === b.low && a.maskHigh === b.maskHigh && a.maskLow === b.maskLow;

/**
 * The order in which libseccomp tries conditions of one call: the later argument first; of one argument equalities,
 * then upper bounds (the smallest first), then lower bounds (the greatest first). Below 0 when `a` comes first.
 */
export function tryOrder(a: Condition, b: Condition): number {
  if (a.index !== b.index) return b.index - a.index;
  const rank = precedence(b) - precedence(a);
  if (rank !== 0) return rank;
  const datum = b.high - a.high || b.low - a.low;
  return precedence(a) === 2 ? -datum : datum;
}

const precedence = ({ comparison, negated }: Condition): number => comparison === "eq" ? 3 : negated ? 2 : 1;

/** Whether a condition holds for the two halves of its argument. What the compiled program must agree with. */
export function holds(condition: Condition, high: number, low: number): boolean {
  const { comparison, negated, maskHigh, maskLow } = condition;
  const h = (high & maskHigh) >>> 0;
  const l = (low & maskLow) >>> 0;
  const equalHigh = h === condition.high;
  const met = comparison === "eq"
    ? equalHigh && l === condition.low
    : h > condition.high || equalHigh && (comparison === "gt" ? l > condition.low : l >= condition.low);
  return met !== negated;
}
