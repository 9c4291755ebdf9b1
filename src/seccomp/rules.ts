import { type Origin, originText, type SpecIssue } from "../errors.ts";
import { type Architecture, syscallNumbers } from "./architecture.ts";
import {
  type Condition,
  isTriedFirst,
  lowEquals,
  narrowed,
  type Node,
  nodesOf,
  sharedNodes,
} from "./condition.ts";
import { MOST_INSTRUCTIONS } from "./instruction.ts";
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
  readonly names: readonly string[];
}

/** What a profile says about a name, shared by the names of which it says the same. */
export interface NameEntry {
  /** Without those that do what the default does, in the profile's order. */
  readonly rules: readonly Rule[];
  /** Whether one of them has no conditions. */
  readonly always: boolean;
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
    if (arriving === undefined || !multiplexedCalls().has(name)) newest = number;
    const { rules } = entry;
    if (entry.always && rules.length === 1) calls.push({ number, name, rules });
    else if (rules.length > 0) {
      calls.push({ number, name, rules: triedRules(architecture, name, rules, issues) });
    }
  }
  for (const [through, rules] of arriving ?? []) addArriving(calls, architecture, through, rules, issues);
  return { calls, newest: newest === 0 ? undefined : newest };
}

/** A rule of a call, as a rule of the multiplexer the call comes through. */
interface Arriving {
  readonly name: string;
  readonly rule: Rule;
}

/** Give a multiplexer the rules of the calls that come through it, beside its own. */
function addArriving(
  calls: Call[],
  architecture: Architecture,
  through: Multiplexer,
  arriving: readonly Arriving[],
  issues: SpecIssue[],
): void {
  const own = calls.find(({ name }) => name === through)?.rules ?? [];
  const always = own.find(isUnconditional);
  // What most profiles say; the order below would come to the same.
  if (always !== undefined && arriving.every(({ rule }) => rule.value === always.value)) return;
  const all = [...arriving, ...own.map((rule) => ({ name: through, rule }))].sort(inProfileOrder);
  const rules = triedRules(architecture, through, all.map(({ rule }) => rule), issues);
  const number = syscallNumbers(architecture).get(through)!;
  const next = calls.findIndex((call) => call.number >= number);
  calls.splice(next < 0 ? calls.length : next, own.length > 0 ? 1 : 0, { number, name: through, rules });
}

const inProfileOrder = (a: Arriving, b: Arriving): number =>
  a.rule.sequence - b.rule.sequence || a.rule.names.indexOf(a.name) - b.rule.names.indexOf(b.name);

const DIGIT_9 = 57;

const isUnconditional = ({ conditions }: Rule): boolean => conditions.length === 0;

/** The rules of the calls that come through a multiplexer. */
function rulesOfMultiplexers(entries: ReadonlyMap<string, NameEntry>): Map<Multiplexer, Arriving[]> {
  const arriving = new Map<Multiplexer, Arriving[]>();
  for (const [name, { through, number }] of multiplexedCalls()) {
    const entry = entries.get(name);
    if (entry === undefined) continue;
    const rules = arriving.get(through) ?? [];
    for (const rule of entry.rules) {
      // The first argument tells the calls apart, so what the profile says of it is lost, as in libseccomp.
      const rest = rule.conditions.filter(({ index }) => index !== 0);
      rules.push({ name, rule: { ...rule, conditions: [lowEquals(0, number), ...rest] } });
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
  const placed: Placed[] = [];
  for (const rule of rules) {
    const conditions = seenBy(architecture, rule.conditions);
    if (conditions.length === 0) return [{ ...rule, conditions }];
    addRule(placed, { ...rule, conditions }, nodesOf(conditions, architecture.bits), name, issues);
    // No two of them share an instruction, and finding each its place takes time.
    if (placed.length > MOST_INSTRUCTIONS) {
      const message =
        `is one of too many rules for ${name}: the kernel takes at most ${MOST_INSTRUCTIONS} instructions`;
      issues.push({ path: originText(rule.origin), message });
      break;
    }
  }
  return placed.map(({ rule }) => rule);
}

/** A rule among those of its call, with its way through libseccomp's tree. */
interface Placed {
  readonly rule: Rule;
  readonly nodes: readonly Node[];
}

/** A condition whose mask leaves nothing to look at always holds, and libseccomp drops it. */
function seenBy({ bits }: Architecture, conditions: readonly Condition[]): Condition[] {
  const seen = bits === 64 ? conditions : conditions.map(narrowed);
  return seen.filter(({ maskHigh, maskLow }) => maskHigh !== 0 || maskLow !== 0);
}

function addRule(
  placed: Placed[],
  rule: Rule,
  nodes: readonly Node[],
  name: string,
  issues: SpecIssue[],
): void {
  let place: number | undefined;
  let most = 0;
  for (const [i, { rule: other, nodes: others }] of placed.entries()) {
    const shared = sharedNodes(nodes, others);
    if (shared === Math.min(nodes.length, others.length) && sameSide(rule, other)) {
      const isLonger = nodes.length > others.length;
      if (other.value === rule.value ? nodes.length === others.length : isLonger) return;
      if (other.value !== rule.value) {
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
  placed.splice(place ?? placed.length, 0, { rule, nodes });
}

/** Whether the conditions that two rules share hold on the same outcome of their comparisons. */
const sameSide = (a: Rule, b: Rule): boolean =>
  a.conditions.every(({ negated }, i) =>
    b.conditions[i] === undefined || b.conditions[i].negated === negated
  );
