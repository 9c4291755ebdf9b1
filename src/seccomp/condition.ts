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
  /** The profile gave the mask. */
  readonly masked: boolean;
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
  const masked = op === "SCMP_CMP_MASKED_EQ";
  const mask = masked ? value : ~0n;
  const datum = masked ? (valueTwo ?? 0n) & mask : value;
  return {
    index,
    comparison,
    negated,
    high: Number(BigInt.asUintN(64, datum) >> 32n),
    low: Number(BigInt.asUintN(32, datum)),
    maskHigh: Number(BigInt.asUintN(64, mask) >> 32n),
    maskLow: Number(BigInt.asUintN(32, mask)),
    masked,
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
  masked: false,
});

/** One comparison of one word, as libseccomp's tree of a call has it. */
export interface Node {
  /** The later argument first, and of one argument the upper half. */
  readonly word: number;
  /** Equalities first, then upper bounds, then lower bounds. */
  readonly rank: number;
  readonly comparison: Comparison;
  readonly datum: number;
  readonly mask: number;
  /** libseccomp never takes a masked node for the same as an unmasked one. */
  readonly masked: boolean;
}

/** The nodes on the way to the action of conditions, first to last. A 32-bit architecture has no upper halves. */
export function nodesOf(conditions: readonly Condition[], bits: 32 | 64): Node[] {
  return conditions.flatMap(({ index, comparison, negated, high, low, maskHigh, maskLow, masked }) => {
    const rank = comparison === "eq" ? 3 : negated ? 2 : 1;
    const upper = { word: 2 * index + 1, rank, datum: high, mask: maskHigh, masked };
    const lower = { word: 2 * index, rank, comparison, datum: low, mask: maskLow, masked };
    if (bits === 32) return [lower];
    if (comparison === "eq") return [{ ...upper, comparison }, lower];
    return [{ ...upper, comparison: "gt" }, { ...upper, comparison: "eq" }, lower];
  });
}

/** How many nodes two ways have in common from their start. */
export function sharedNodes(a: readonly Node[], b: readonly Node[]): number {
  let count = 0;
  while (count < a.length && count < b.length && sameNode(a[count]!, b[count]!)) count++;
  return count;
}

const sameNode = (a: Node, b: Node): boolean =>
  a.word === b.word && a.comparison === b.comparison && a.datum === b.datum && a.mask === b.mask &&
  a.masked === b.masked;

/** Whether libseccomp tries `b` before `a`, which stands in the tree already (its _db_chain_lt()). */
export function isTriedFirst(b: Node, a: Node): boolean {
  if (a.word !== b.word) return a.word < b.word;
  if (a.rank !== b.rank) return a.rank < b.rank;
  return a.rank === 2 ? a.datum > b.datum : a.datum < b.datum;
}

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
