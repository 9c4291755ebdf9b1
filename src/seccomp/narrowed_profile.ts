import { originText, SpecError, type SpecIssue } from "../errors.ts";
import type { Seccomp } from "../spec/schema.ts";
import { letsHappen, returnValue } from "./action.ts";

type Rule = NonNullable<Seccomp["syscalls"]>[number];
type Arg = NonNullable<Rule["args"]>[number];

/** Operators that can be turned round. */
const OPPOSITES: Readonly<Record<string, string>> = {
  SCMP_CMP_EQ: "SCMP_CMP_NE",
  SCMP_CMP_NE: "SCMP_CMP_EQ",
  SCMP_CMP_LT: "SCMP_CMP_GE",
  SCMP_CMP_GE: "SCMP_CMP_LT",
  SCMP_CMP_LE: "SCMP_CMP_GT",
  SCMP_CMP_GT: "SCMP_CMP_LE",
};

/**
 * What `narrowedProfile` cannot do with a profile: an agent's answers are not the profile's, and under a default that
 * allows, a denial by conditions can be kept only where its opposite can be said.
 */
export function narrowingIssues({ defaultAction, syscalls = [] }: Seccomp): SpecIssue[] {
  const permissive = happens({ action: defaultAction });
  return syscalls.flatMap((rule, i) => {
    const at = (key: string) => originText(["linux", "seccomp", "syscalls", i, key]);
    if (rule.action === "SCMP_ACT_NOTIFY") {
      return [{ path: at("action"), message: "SCMP_ACT_NOTIFY: what an agent answers cannot be recorded" }];
    }
    if (!permissive || happens(rule) || isAlways(rule)) return [];
    const alone = rule.names.every((name) => rulesFor(name, syscalls).length === 1);
    if (alone && rule.args!.length === 1 && OPPOSITES[rule.args![0]!.op] !== undefined) return [];
    return [{
      path: at("args"),
      message: "a denial by these conditions cannot be kept in a profile that allows by name",
    }];
  });
}

/**
 * The smallest profile by which `names` happen, no further than `existing` lets them: its conditions and its denials
 * stay. Without one, or where it allows by default, the default is SCMP_ACT_ERRNO. Names are sorted.
 *
 * Throws a SpecError with `narrowingIssues`.
 */
export function narrowedProfile(
  existing: Seccomp | undefined,
  names: Iterable<string>,
  architectures: readonly string[],
): Seccomp {
  const sorted = [...names].sort();
  if (existing === undefined) {
    return { defaultAction: "SCMP_ACT_ERRNO", architectures: [...architectures], syscalls: allowed(sorted) };
  }
  const issues = narrowingIssues(existing);
  if (issues.length > 0) throw new SpecError(issues);
  const { syscalls = [], flags } = existing;
  const permissive = happens({ action: existing.defaultAction });
  const fallback = permissive ? { action: "SCMP_ACT_ERRNO" } : {
    action: existing.defaultAction,
    ...(existing.defaultErrnoRet === undefined ? {} : { errnoRet: existing.defaultErrnoRet }),
  };
  const partial = new Map<Rule, string[]>();
  const plain: string[] = [];
  for (const name of sorted) {
    const own = rulesFor(name, syscalls);
    const always = own.find(isAlways);
    const rules = always === undefined ? own.filter((rule) => permissive !== happens(rule)) : [always];
    if (always === undefined ? permissive && rules.length === 0 : always.action === "SCMP_ACT_ALLOW") {
      plain.push(name);
    } else for (const rule of rules) partial.set(rule, [...partial.get(rule) ?? [], name]);
  }
  const denials = syscalls.filter((rule) => !happens(rule) && valueOf(rule) !== valueOf(fallback));
  return {
    defaultAction: fallback.action,
    ...(fallback.errnoRet === undefined ? {} : { defaultErrnoRet: fallback.errnoRet }),
    architectures: [...architectures],
    ...(flags === undefined ? {} : { flags }),
    syscalls: [
      ...allowed(plain),
      ...[...partial].map(([rule, names]) => happens(rule) ? { ...rule, names } : opposite(rule, names)),
      ...denials,
    ],
  };
}

const allowed = (names: string[]): Rule[] => names.length === 0 ? [] : [{ names, action: "SCMP_ACT_ALLOW" }];

const opposite = ({ args }: Rule, names: string[]): Rule => ({
  names,
  action: "SCMP_ACT_ALLOW",
  args: (args as [Arg]).map((arg) => ({ ...arg, op: OPPOSITES[arg.op]! })),
});

const rulesFor = (name: string, rules: readonly Rule[]): Rule[] =>
  rules.filter(({ names }) => names.includes(name));

const isAlways = ({ args }: Rule): boolean => (args ?? []).length === 0;

const valueOf = ({ action, errnoRet }: Pick<Rule, "action" | "errnoRet">) => returnValue(action, errnoRet);

function happens(rule: Pick<Rule, "action" | "errnoRet">): boolean {
  const value = valueOf(rule);
  return typeof value === "number" && letsHappen(value);
}
