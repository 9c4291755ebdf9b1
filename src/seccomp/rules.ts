import type { Origin, SpecIssue } from "../errors.ts";
import { originText } from "../errors.ts";
import { type Architecture, syscallNumbers } from "./architecture.ts";
import { type Condition, lowEquals, narrowed, sameCondition, tryOrder } from "./condition.ts";
import { multiplexerOf } from "./multiplexed.ts";

/** One rule of a profile, for one name: what a call returns whose arguments meet every condition. */
export interface Rule {
  readonly name: string;
  readonly value: number;
  /** In ascending order of the arguments, one condition an argument. None: the rule always applies. */
  readonly conditions: readonly Condition[];
  /** Where the profile says so. */
  readonly origin: Origin;
}

/** What happens to the calls of one architecture: by number, the rules in the order they are tried. */
export type Rules = ReadonlyMap<number, readonly Rule[]>;

/**
 * The rules of a profile as one architecture sees them. A call that the architecture lacks has none.
 *
 * Which rule decides is libseccomp's choice (its db_rule_add()): the first rule without conditions wins over all
 * others whatever their order, a rule whose conditions continue those of an earlier one is never reached, and the
 * rest are tried in `tryOrder`. Rules that contradict each other, which libseccomp answers with EEXIST, are reported
 * in `issues`.
 */
export function rulesOf(architecture: Architecture, profile: readonly Rule[], issues: SpecIssue[]): Rules {
  const numbers = syscallNumbers(architecture);
  const calls = new Map<number, Rule[]>();
  for (const rule of profile) {
    for (const [number, own] of placesOf(architecture, numbers, rule)) {
      const rules = calls.get(number);
      if (rules === undefined) calls.set(number, [own]);
      else addRule(rules, own, issues);
    }
  }
  for (const rules of calls.values()) if (rules.length > 1) rules.sort(compareRules);
  return calls;
}

/** The numbers by which a rule's call is made, each with the rule that holds there. */
function* placesOf(
  architecture: Architecture,
  numbers: ReadonlyMap<string, number>,
  rule: Rule,
): Generator<[number, Rule]> {
  const own = architecture.bits === 64 || rule.conditions.length === 0
    ? rule
    : { ...rule, conditions: rule.conditions.map(narrowed) };
  const direct = numbers.get(rule.name);
  if (direct !== undefined) yield [direct, own];
  const way = architecture.multiplexed ? multiplexerOf(rule.name) : undefined;
  if (way === undefined) return;
  // The first argument tells the calls apart, so what the profile says of it is lost, as in libseccomp.
  const rest = own.conditions.filter(({ index }) => index !== 0);
  yield [numbers.get(way.through)!, { ...own, conditions: [lowEquals(0, way.number), ...rest] }];
}

function addRule(rules: Rule[], rule: Rule, issues: SpecIssue[]): void {
  const [first] = rules;
  if (first!.conditions.length === 0) return;
  if (rule.conditions.length === 0) {
    rules.splice(0, rules.length, rule);
    return;
  }
  for (const other of rules) {
    if (other.value === rule.value) continue;
    if (continues(rule, other) && rule.conditions.length > other.conditions.length) return;
    if (continues(other, rule)) {
      issues.push({
        path: originText(rule.origin),
        message: `contradicts ${originText(other.origin)}: for ${rule.name}, the same arguments meet both`,
      });
      return;
    }
  }
  rules.push(rule);
}

/** Whether a rule's conditions begin with all of another's. */
const continues = (rule: Rule, other: Rule): boolean =>
  other.conditions.every((condition, i) =>
    rule.conditions[i] !== undefined && sameCondition(rule.conditions[i], condition)
  );

/** The sort is stable, so that rules which this does not tell apart stay in the profile's order. */
function compareRules(a: Rule, b: Rule): number {
  for (let i = 0; i < a.conditions.length && i < b.conditions.length; i++) {
    const order = tryOrder(a.conditions[i]!, b.conditions[i]!);
    if (order !== 0) return order;
  }
  return 0;
}
