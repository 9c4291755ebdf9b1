import type { Origin, SpecIssue } from "../errors.ts";
import { originText } from "../errors.ts";
import { type Architecture, syscallNumbers } from "./architecture.ts";
import { type Condition, isTriedFirst, lowEquals, narrowed, nodesOf, sharedNodes } from "./condition.ts";
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
      else addRule(rules, own, architecture, issues);
    }
  }
  return calls;
}

/** The numbers by which a rule's call is made, each with the rule that holds there. */
function* placesOf(
  architecture: Architecture,
  numbers: ReadonlyMap<string, number>,
  rule: Rule,
): Generator<[number, Rule]> {
  const own = rule.conditions.length === 0
    ? rule
    : { ...rule, conditions: seenBy(architecture, rule.conditions) };
  const direct = numbers.get(rule.name);
  if (direct !== undefined) yield [direct, own];
  const way = architecture.multiplexed ? multiplexerOf(rule.name) : undefined;
  if (way === undefined) return;
  // The first argument tells the calls apart, so what the profile says of it is lost, as in libseccomp.
  const rest = own.conditions.filter(({ index }) => index !== 0);
  yield [numbers.get(way.through)!, { ...own, conditions: [lowEquals(0, way.number), ...rest] }];
}

/** A condition whose mask leaves nothing to look at always holds, and libseccomp drops it. */
function seenBy({ bits }: Architecture, conditions: readonly Condition[]): Condition[] {
  const seen = bits === 64 ? conditions : conditions.map(narrowed);
  return seen.filter(({ maskHigh, maskLow }) => maskHigh !== 0 || maskLow !== 0);
}

function addRule(rules: Rule[], rule: Rule, { bits }: Architecture, issues: SpecIssue[]): void {
  if (rules[0]!.conditions.length === 0) return;
  if (rule.conditions.length === 0) {
    rules.splice(0, rules.length, rule);
    return;
  }
  const nodes = nodesOf(rule.conditions, bits);
  let place: number | undefined;
  let most = 0;
  for (const [i, other] of rules.entries()) {
    const others = nodesOf(other.conditions, bits);
    const shared = sharedNodes(nodes, others);
    if (other.value !== rule.value) {
      if (shared === others.length && nodes.length > shared && sameSide(rule, other)) return;
      if (shared === nodes.length && sameSide(rule, other)) {
        issues.push({
          path: originText(rule.origin),
          message: `contradicts ${originText(other.origin)}: for ${rule.name}, the same arguments meet both`,
        });
        return;
      }
    }
    // Where the ways part, the tree's order holds; a way that shares more nodes keeps the rule in its branch.
    if (shared < most) place ??= i;
    else if (
      shared < nodes.length && shared < others.length && isTriedFirst(nodes[shared]!, others[shared]!)
    ) place ??= i;
    most = Math.max(most, shared);
  }
  rules.splice(place ?? rules.length, 0, rule);
}

/** Whether the conditions that two rules share hold on the same outcome of their comparisons. */
const sameSide = (a: Rule, b: Rule): boolean =>
  a.conditions.every(({ negated }, i) =>
    b.conditions[i] === undefined || b.conditions[i].negated === negated
  );
