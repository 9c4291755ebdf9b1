import { type Origin, originText, type SpecIssue } from "../errors.ts";
import { type Architecture, syscallNumbers } from "./architecture.ts";
import { type Condition, isTriedFirst, lowEquals, narrowed, nodesOf, sharedNodes } from "./condition.ts";
import { multiplexedCalls, type Multiplexer } from "./multiplexed.ts";

/** One rule of a profile, for all the names it has: what a call returns whose arguments meet every condition. */
export interface Rule {
  readonly value: number;
  /** In ascending order of the arguments, one condition an argument. None: the rule always applies. */
  readonly conditions: readonly Condition[];
  /** Where the profile says so. */
  readonly origin: Origin;
  /** Its place among all rules of the profile. */
  readonly sequence: number;
}

/** What a profile says about one name. */
export interface NameEntry {
  /** Without those that do what the default does, in the profile's order. */
  readonly rules: Rule[];
  /** Whether one of them has no conditions. */
  always: boolean;
  /** Whether an architecture has the call: set by `callsOf`. */
  known: boolean;
}

/** What happens to one system call of an architecture: its rules in the order they are tried, at least one. */
export interface Call {
  readonly number: number;
  readonly name: string;
  readonly rules: readonly Rule[];
}

/** What a profile says about the calls of one architecture. */
export interface Calls {
  /** Those that have rules, in ascending order of their numbers. */
  readonly calls: readonly Call[];
  /** The greatest number among all the profile names; undefined when the architecture has none of them. */
  readonly newest: number | undefined;
}

/**
 * The rules of a profile as one architecture sees them. Walks the architecture's table, which is in the order of the
 * numbers already: the profile's names are looked up, not sorted.
 *
 * The calls that also come through socketcall(2) and ipc(2) do not count for `newest`, because libseccomp does not
 * give runc a number for them.
 */
export function callsOf(
  architecture: Architecture,
  entries: ReadonlyMap<string, NameEntry>,
  issues: SpecIssue[],
): Calls {
  const { table, multiplexed } = architecture;
  const arriving = multiplexed ? rulesOfMultiplexers(entries) : undefined;
  const calls: Call[] = [];
  let newest = 0;
  let number = -1;
  // A thousand names come by here when a container starts: nothing is done for a name that need not be.
  for (const name of table.split(" ")) {
    if (name.charCodeAt(0) <= DIGIT_9) {
      number = Number(name) - 1;
      continue;
    }
    number++;
    const entry = entries.get(name);
    if (entry === undefined) continue;
    entry.known = true;
    if (arriving === undefined || !multiplexedCalls().has(name)) newest = number;
    const { rules } = entry;
    if (entry.always && rules.length === 1) calls.push({ number, name, rules });
    else if (rules.length > 0) {
      calls.push({ number, name, rules: triedRules(architecture, name, rules, issues) });
    }
  }
  for (const [name, rules] of arriving ?? []) addArriving(calls, architecture, name, rules, issues);
  return { calls, newest: newest === 0 ? undefined : newest };
}

/** Give a multiplexer the rules of the calls that come through it, beside its own. */
function addArriving(
  calls: Call[],
  architecture: Architecture,
  name: Multiplexer,
  arriving: readonly Rule[],
  issues: SpecIssue[],
): void {
  const number = syscallNumbers(architecture).get(name)!;
  const at = calls.findIndex((call) => call.number >= number);
  const place = at < 0 ? calls.length : at;
  const isThere = calls[place]?.number === number;
  const own = isThere ? calls[place]!.rules : [];
  if (own.some(isUnconditional)) return;
  const rules = [...own, ...arriving].sort((a, b) => a.sequence - b.sequence);
  calls.splice(place, isThere ? 1 : 0, {
    number,
    name,
    rules: triedRules(architecture, name, rules, issues),
  });
}

const DIGIT_9 = 57;

const isUnconditional = ({ conditions }: Rule): boolean => conditions.length === 0;

/** The rules of the calls that come through a multiplexer, as rules of the multiplexer. */
function rulesOfMultiplexers(entries: ReadonlyMap<string, NameEntry>): Map<Multiplexer, Rule[]> {
  const arriving = new Map<Multiplexer, Rule[]>();
  for (const [name, { through, number }] of multiplexedCalls()) {
    const entry = entries.get(name);
    if (entry === undefined) continue;
    entry.known = true;
    const rules = arriving.get(through) ?? [];
    for (const rule of entry.rules) {
      // The first argument tells the calls apart, so what the profile says of it is lost, as in libseccomp.
      const rest = rule.conditions.filter(({ index }) => index !== 0);
      rules.push({ ...rule, conditions: [lowEquals(0, number), ...rest] });
    }
    if (rules.length > 0) arriving.set(through, rules);
  }
  return arriving;
}

/**
 * The rules of one call in the order they are tried. Which rule decides is libseccomp's choice (its db_rule_add()):
 * the first rule without conditions wins over all others whatever their order, a rule whose conditions continue those
 * of an earlier one is never reached, and the rest stand in the order of its tree. Rules that contradict each other,
 * which libseccomp answers with EEXIST, are reported in `issues`.
 */
function triedRules(
  architecture: Architecture,
  name: string,
  rules: readonly Rule[],
  issues: SpecIssue[],
): readonly Rule[] {
  if (rules.length === 1 && isUnconditional(rules[0]!)) return rules;
  const tried: Rule[] = [];
  for (const rule of rules) {
    const conditions = seenBy(architecture, rule.conditions);
    if (conditions.length === 0) return [{ ...rule, conditions }];
    addRule(tried, { ...rule, conditions }, architecture, name, issues);
  }
  return tried;
}

/** A condition whose mask leaves nothing to look at always holds, and libseccomp drops it. */
function seenBy({ bits }: Architecture, conditions: readonly Condition[]): Condition[] {
  const seen = bits === 64 ? conditions : conditions.map(narrowed);
  return seen.filter(({ maskHigh, maskLow }) => maskHigh !== 0 || maskLow !== 0);
}

function addRule(
  rules: Rule[],
  rule: Rule,
  { bits }: Architecture,
  name: string,
  issues: SpecIssue[],
): void {
  const nodes = nodesOf(rule.conditions, bits);
  let place: number | undefined;
  let most = 0;
  for (const [i, other] of rules.entries()) {
    const others = nodesOf(other.conditions, bits);
    const shared = sharedNodes(nodes, others);
    if (other.value !== rule.value && sameSide(rule, other)) {
      if (shared === others.length && nodes.length > shared) return;
      if (shared === nodes.length) {
        const message = `contradicts ${originText(other.origin)}: for ${name}, the same arguments meet both`;
        issues.push({ path: originText(rule.origin), message });
        return;
      }
    }
    // Where the ways part, the tree's order holds; a way that shares more nodes keeps the rule in its branch.
    const parted = shared < nodes.length && shared < others.length;
    if (shared < most || parted && isTriedFirst(nodes[shared]!, others[shared]!)) place ??= i;
    most = Math.max(most, shared);
  }
  rules.splice(place ?? rules.length, 0, rule);
}

/** Whether the conditions that two rules share hold on the same outcome of their comparisons. */
const sameSide = (a: Rule, b: Rule): boolean =>
  a.conditions.every(({ negated }, i) =>
    b.conditions[i] === undefined || b.conditions[i].negated === negated
  );
