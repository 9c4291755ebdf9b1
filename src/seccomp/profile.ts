import { type Origin, originText, SpecError, type SpecIssue } from "../errors.ts";
import type { Seccomp } from "../spec/schema.ts";
import { isNotify, isPermissive, KILL_THREAD, letsHappen, returnValue } from "./action.ts";
import {
  type Architecture,
  CONVENTIONS,
  isKnownArchitecture,
  type Machine,
  syscallNumbers,
} from "./architecture.ts";
import { type Condition, conditionOf, operatorNames } from "./condition.ts";
import { filterFlags } from "./flags.ts";
import { multiplexerOf } from "./multiplexed.ts";
import { type Call, callsOf, type NameEntry } from "./rules.ts";

/** A profile with everything looked up that does not depend on instructions. */
export interface Profile {
  readonly defaultValue: number;
  readonly parts: readonly ArchitecturePart[];
  /** SECCOMP_FILTER_FLAG_*. */
  readonly flags: number;
  /** Whether a call may be handed to a listener. */
  readonly notify: boolean;
}

/** What a profile says about one calling convention. */
export interface ArchitecturePart {
  readonly architecture: Architecture;
  /** In ascending order of their numbers. */
  readonly calls: readonly Call[];
  /** Calls with a greater number answer ENOSYS: the profile is older than they are. */
  readonly newest: number | undefined;
}

/** Look up everything that a profile names. Throws a SpecError with every fault. */
export function readProfile(profile: Seccomp, machine: Machine): Profile {
  const issues: SpecIssue[] = [];
  const defaultValue = defaultOf(profile, issues);
  const architectures = architecturesOf(profile, machine, issues);
  const { entries, notify } = entriesOf(profile, defaultValue, issues);
  if (notify && (profile.listenerPath ?? "") === "") {
    issues.push({ path: "linux.seccomp.listenerPath", message: "seccomp listenerPath is not set" });
  }
  if (notify) checkWrite(entries.get("write"), defaultValue, issues);
  const flags = filterFlags(profile.flags, notify, issues);
  // runc's rule (its patchbpf): only for architectures that the profile lists, and no default that lets calls happen.
  const bounded = isPermissive(profile.defaultAction) ? [] : profile.architectures ?? [];
  const parts = architectures.map((architecture) => {
    const { calls, newest } = callsOf(architecture, entries, issues);
    return { architecture, calls, newest: bounded.includes(architecture.name) ? newest : undefined };
  });
  if (issues.length > 0) throw new SpecError(unrepeated(issues));
  return { defaultValue, parts, flags, notify };
}

/** What a profile without faults says that has no effect on a machine, in words. */
export function warningsOf({ architectures = [], syscalls = [] }: Seccomp, machine: Machine): string[] {
  const conventions = CONVENTIONS[machine];
  const foreign = architectures.flatMap((name, i) =>
    conventions.some((convention) => convention.name === name)
      ? []
      : [`linux.seccomp.architectures[${i}]: no program of ${name} runs on ${machine}`]
  );
  const listed = conventions.filter(({ name }, i) => i === 0 || architectures.includes(name));
  const isKnown = (name: string) =>
    listed.some((each) =>
      syscallNumbers(each).has(name) || each.multiplexed && multiplexerOf(name) !== undefined
    );
  const unknown = new Set(syscalls.flatMap(({ names }) => names.filter((name) => !isKnown(name))));
  return [
    ...foreign,
    ...[...unknown].map((name) => `unknown seccomp syscall ${JSON.stringify(name)} ignored`),
  ];
}

function defaultOf({ defaultAction, defaultErrnoRet }: Seccomp, issues: SpecIssue[]): number {
  const value = returnValue(defaultAction, defaultErrnoRet);
  if (typeof value !== "number") {
    const key = value.key === "action" ? "defaultAction" : "defaultErrnoRet";
    issues.push({ path: `linux.seccomp.${key}`, message: value.message });
    return KILL_THREAD;
  }
  if (isNotify(value)) {
    const message = "SCMP_ACT_NOTIFY cannot be used as default action";
    issues.push({ path: "linux.seccomp.defaultAction", message });
  }
  return value;
}

/** The machine's own convention, which libseccomp always includes, and those the profile names. */
function architecturesOf(
  { architectures = [] }: Seccomp,
  machine: Machine,
  issues: SpecIssue[],
): Architecture[] {
  const [own, ...others] = CONVENTIONS[machine] as [Architecture, ...Architecture[]];
  architectures.forEach((name, i) => {
    if (isKnownArchitecture(name)) return;
    const path = originText(["linux", "seccomp", "architectures", i]);
    issues.push({ path, message: `${JSON.stringify(name)} is not a valid architecture` });
  });
  return [own, ...others.filter(({ name }) => architectures.includes(name))];
}

/** What the profile says, name by name. */
function entriesOf(
  { syscalls = [] }: Seccomp,
  defaultValue: number,
  issues: SpecIssue[],
): { entries: Map<string, NameEntry>; notify: boolean } {
  const entries = new Map<string, NameEntry>();
  let notify = false;
  let sequence = 0;
  for (const [i, { names, action, errnoRet, args }] of syscalls.entries()) {
    const origin = ["linux", "seccomp", "syscalls", i];
    const value = returnValue(action, errnoRet);
    if (typeof value !== "number") {
      issues.push({ path: originText([...origin, value.key]), message: value.message });
      continue;
    }
    const rules = value === defaultValue
      ? []
      : alternatives(args ?? [], origin, issues).map((conditions) => ({
        value,
        conditions,
        origin,
        sequence: sequence++,
        names,
      }));
    const always = rules.some(({ conditions }) => conditions.length === 0);
    if (isNotify(value) && names.length > 0) notify = true;
    checkNames(names, isNotify(value), origin, issues);
    const shared = { rules, always };
    for (const name of names) {
      const before = entries.get(name);
      const entry = before === undefined
        ? shared
        : { rules: [...before.rules, ...rules], always: before.always || always };
      entries.set(name, entry);
    }
  }
  return { entries, notify };
}

function checkNames(names: readonly string[], notify: boolean, place: Origin, issues: SpecIssue[]): void {
  const fault = (name: string, message: string) => {
    const at = names.indexOf(name);
    if (at >= 0) issues.push({ path: originText([...place, "names", at]), message });
  };
  fault("", "empty string is not a valid syscall");
  // Between the filter and its listener stands a write by the process itself.
  if (notify) fault("write", "SCMP_ACT_NOTIFY cannot be used for the write syscall");
}

/** The init hands its listener over by writes: a profile under which none can succeed is refused, as runc fails then. */
function checkWrite(write: NameEntry | undefined, defaultValue: number, issues: SpecIssue[]): void {
  const { rules, always } = write ?? { rules: [], always: false };
  const deciding = always ? rules.filter(({ conditions }) => conditions.length === 0) : rules;
  const values = [...deciding.map(({ value }) => value), ...(always ? [] : [defaultValue])];
  // That it may not be notified is told of its name.
  if (values.some((value) => letsHappen(value) || isNotify(value))) return;
  const message = "SCMP_ACT_NOTIFY needs write to be allowed: the init tells of its listener by it";
  issues.push({ path: "linux.seccomp.syscalls", message });
}

type Args = NonNullable<NonNullable<Seccomp["syscalls"]>[number]["args"]>;

/**
 * The sets of conditions of a rule, of which any is enough. Several conditions on one argument make each condition a
 * set of its own, as runc does; otherwise there is one set.
 */
function alternatives(args: Args, place: Origin, issues: SpecIssue[]): Condition[][] {
  if (args.length === 0) return [[]];
  const conditions = conditionsOf(args, place, issues);
  const repeated = new Set(conditions.map(({ index }) => index)).size < conditions.length;
  if (repeated) return conditions.map((condition) => [condition]);
  return [conditions.toSorted((a, b) => a.index - b.index)];
}

function conditionsOf(args: Args, place: Origin, issues: SpecIssue[]): Condition[] {
  const operators = operatorNames();
  return args.flatMap((arg, i) => {
    const path = (key: string) => originText([...place, "args", i, key]);
    if (arg.index > 5) {
      const message = `syscalls only have up to 6 arguments, numbered 0 to 5 (${arg.index} given)`;
      issues.push({ path: path("index"), message });
    }
    if (operators.includes(arg.op)) return [conditionOf(arg)];
    const message = `${JSON.stringify(arg.op)} is not a valid operator (known are ${operators.join(", ")})`;
    issues.push({ path: path("op"), message });
    return [];
  });
}

/** One contradiction of two rules shows on every architecture that has the call. */
const unrepeated = (issues: readonly SpecIssue[]): SpecIssue[] => [
  ...new Map(issues.map((issue) => [`${issue.path} ${issue.message}`, issue])).values(),
];
