import type { Assembler, Target } from "./assembler.ts";
import type { Condition } from "./condition.ts";
import { AND, argumentOffset, JUMP_EQUAL, JUMP_GREATER, JUMP_NOT_LESS, LOAD } from "./instruction.ts";
import type { Rule } from "./rules.ts";

const ALL = 0xffffffff;

/** The code that tries rules in their order; `otherwise` when none applies. */
export function decide(code: Assembler, rules: readonly Rule[], otherwise: Target): Target {
  let next = otherwise;
  for (let end = rules.length; end > 0;) {
    const start = alternativesStart(rules, end);
    next = end - start > 1 ? anyOf(code, rules.slice(start, end), next) : allOf(code, rules[start]!, next);
    end = start;
  }
  return next;
}

function allOf(code: Assembler, rule: Rule, otherwise: Target): Target {
  return rule.conditions.reduceRight<Target>(
    (target, condition) =>
      condition.negated
        ? compare(code, condition, otherwise, target)
        : compare(code, condition, target, otherwise),
    { value: rule.value },
  );
}

/**
 * The code of one comparison (linux/seccomp.h: an argument is 64 bits, a word 32). A half that the mask leaves out is
 * not looked at.
 */
function compare(code: Assembler, condition: Condition, met: Target, unmet: Target): Target {
  const { comparison, index, high, low, maskHigh, maskLow } = condition;
  const lowCode = comparison === "eq" ? JUMP_EQUAL : comparison === "gt" ? JUMP_GREATER : JUMP_NOT_LESS;
  let target = maskLow === 0 ? met : half(code, index, 0, maskLow, code.branch(lowCode, low, met, unmet));
  if (maskHigh === 0) return target;
  target = code.branch(JUMP_EQUAL, high, target, unmet);
  if (comparison !== "eq") target = code.branch(JUMP_GREATER, high, met, target);
  return half(code, index, 4, maskHigh, target);
}

function half(code: Assembler, index: number, offset: number, mask: number, next: Target): Target {
  const masked = mask === ALL ? next : code.step(AND, mask, next);
  return code.step(LOAD, argumentOffset(index) + offset, masked);
}

/** The code of rules that differ only in the lower half of the value they want: it is loaded once. */
function anyOf(code: Assembler, rules: readonly Rule[], otherwise: Target): Target {
  const [{ index, high, maskHigh, maskLow }] = rules[0]!.conditions as [Condition];
  let target = otherwise;
  for (const { conditions, value } of rules.toReversed()) {
    target = code.branch(JUMP_EQUAL, conditions[0]!.low, { value }, target);
  }
  target = half(code, index, 0, maskLow, target);
  if (maskHigh === 0) return target;
  return half(code, index, 4, maskHigh, code.branch(JUMP_EQUAL, high, target, otherwise));
}

/** Where the run of such rules that ends before `end` begins. */
function alternativesStart(rules: readonly Rule[], end: number): number {
  let start = end - 1;
  while (start > 0 && areAlternatives(rules[start - 1]!, rules[end - 1]!)) start--;
  return start;
}

function areAlternatives(a: Rule, b: Rule): boolean {
  if (a.conditions.length !== 1 || b.conditions.length !== 1) return false;
  const [x] = a.conditions as [Condition];
  const [y] = b.conditions as [Condition];
  return [x, y].every(({ comparison, negated, maskLow }) =>
    comparison === "eq" && !negated && maskLow !== 0
  ) &&
    x.index === y.index && x.high === y.high && x.maskHigh === y.maskHigh && x.maskLow === y.maskLow;
}
