import { type Origin, originText, SpecError, type SpecIssue } from "../errors.ts";
import type { Seccomp } from "../spec/schema.ts";
import { isNotify, isPermissive, KILL_THREAD, NO_SYSCALL, returnValue } from "./action.ts";
import {
  type Architecture,
  CONVENTIONS,
  isKnownArchitecture,
  type Machine,
  syscallNumbers,
  X32_BIT,
} from "./architecture.ts";
import { Assembler, type Target } from "./assembler.ts";
import { type Condition, conditionOf, operatorNames } from "./condition.ts";
import { filterFlags } from "./flags.ts";
import { ARCH_OFFSET, encodeProgram, JUMP_EQUAL, LOAD, MOST_INSTRUCTIONS } from "./instruction.ts";
import { multiplexerOf } from "./multiplexed.ts";
import { type Rule, type Rules, rulesOf } from "./rules.ts";
import { coalesced, search, type Segment } from "./search.ts";

/** A profile as seccomp(2) takes it. */
export interface CompiledFilter {
  /** struct sock_filter after struct sock_filter, little endian. */
  readonly program: Uint8Array;
  /** SECCOMP_FILTER_FLAG_*. */
  readonly flags: number;
  /** Whether a call may be handed to a listener. */
  readonly notify: boolean;
  /** What the profile says that has no effect on this machine, in words. */
  readonly warnings: readonly string[];
}

/** A profile with everything looked up that does not depend on instructions. */
export interface ReadProfile {
  readonly defaultValue: number;
  readonly parts: readonly ArchitecturePart[];
  readonly flags: number;
  readonly notify: boolean;
  readonly warnings: readonly string[];
}

/** What a profile says about one calling convention. */
export interface ArchitecturePart {
  readonly architecture: Architecture;
  readonly rules: Rules;
  /** Calls with a greater number answer ENOSYS: the profile is older than they are. */
  readonly newest: number | undefined;
}

const SIGN_BIT = 0x80000000;

let compiled: WeakMap<Seccomp, Map<Machine, CompiledFilter>> | undefined;

/**
 * Compile `linux.seccomp` for a machine. One profile object is compiled once a machine: callers that launch many
 * containers from one document pay for it once.
 *
 * Verdicts are those of libseccomp as runc drives it (config-linux.md, Seccomp; runc's patchbpf for calls newer than
 * the profile). Throws a SpecError with every fault of the profile, also when the program would be longer than the
 * kernel takes.
 */
export function compileSeccomp(profile: Seccomp, machine: Machine): CompiledFilter {
  compiled ??= new WeakMap();
  let filters = compiled.get(profile);
  if (filters === undefined) compiled.set(profile, filters = new Map());
  let filter = filters.get(machine);
  if (filter === undefined) filters.set(machine, filter = compile(readProfile(profile, machine)));
  return filter;
}

function compile(profile: ReadProfile): CompiledFilter {
  const { flags, notify, warnings } = profile;
  const code = new Assembler();
  const audits = [...new Set(profile.parts.map(({ architecture }) => architecture.audit))];
  // The machine's own convention comes first in the program, so it is written last.
  const places = audits.toReversed().map((audit) => ({
    audit,
    place: search(code, segmentsOf(profile, audit)),
  }));
  let target: Target = { value: KILL_THREAD };
  for (const { audit, place } of places) target = code.branch(JUMP_EQUAL, audit, place, target);
  const program = code.program(code.step(LOAD, ARCH_OFFSET, target));
  if (program.length > MOST_INSTRUCTIONS) {
    const message = `becomes ${program.length} instructions; the kernel takes at most ${MOST_INSTRUCTIONS}`;
    throw new SpecError([{ path: "linux.seccomp", message }]);
  }
  return { program: encodeProgram(program), flags, notify, warnings };
}

/** Every system call number of one AUDIT_ARCH in ascending order. x86_64 and x32 share one, told apart by X32_BIT. */
export function segmentsOf(profile: ReadProfile, audit: number): Segment[] {
  const [own, x32] = profile.parts.filter(({ architecture }) => architecture.audit === audit);
  const segments = numbersOf(profile, own!, 0);
  if (own!.architecture.name !== "SCMP_ARCH_X86_64") return coalesced(segments);
  const { defaultValue } = profile;
  // A number with the bit is answered as a foreign architecture's unless the profile names x32, as libseccomp does.
  const foreign = x32 === undefined ? KILL_THREAD : defaultValue;
  segments.push(
    ...(x32 === undefined
      ? [{ start: X32_BIT, rules: [], value: foreign }]
      : numbersOf(profile, x32, X32_BIT)),
  );
  // Above bit 31 no call has a number, but the bit still tells whose "newer than the profile" it is.
  segments.push({ start: SIGN_BIT, rules: [], value: own!.newest === undefined ? foreign : NO_SYSCALL });
  segments.push({
    start: SIGN_BIT + X32_BIT,
    rules: [],
    value: x32?.newest === undefined ? foreign : NO_SYSCALL,
  });
  // -1 is how a tracer says that there is no call.
  if (x32 === undefined) segments.push({ start: 0xffffffff, rules: [], value: defaultValue });
  return coalesced(segments);
}

function numbersOf(
  { defaultValue }: ReadProfile,
  { rules, newest }: ArchitecturePart,
  first: number,
): Segment[] {
  const last = newest ?? Infinity;
  const segments: Segment[] = [];
  let next = first;
  for (const number of [...rules.keys()].filter((number) => number <= last).sort((a, b) => a - b)) {
    if (number > next) segments.push({ start: next, rules: [], value: defaultValue });
    const own = rules.get(number)!;
    const always = own[0]!.conditions.length === 0;
    segments.push({
      start: number,
      rules: always ? [] : own,
      value: always ? own[0]!.value : defaultValue,
    });
    next = number + 1;
  }
  if (newest === undefined) return [...segments, { start: next, rules: [], value: defaultValue }];
  if (newest >= next) segments.push({ start: next, rules: [], value: defaultValue });
  return [...segments, { start: newest + 1, rules: [], value: NO_SYSCALL }];
}

/** Look up everything that a profile names. Throws a SpecError with every fault. */
export function readProfile(profile: Seccomp, machine: Machine): ReadProfile {
  const issues: SpecIssue[] = [];
  const warnings: string[] = [];
  const place = ["linux", "seccomp"];
  const defaultValue = valueOf(profile.defaultAction, profile.defaultErrnoRet, place, "default", issues);
  if (isNotify(defaultValue)) {
    issues.push({
      path: "linux.seccomp.defaultAction",
      message: "SCMP_ACT_NOTIFY cannot be used as default action",
    });
  }
  const architectures = architecturesOf(profile, machine, issues, warnings);
  const all = profileRules(profile, issues);
  const effective = all.filter(({ value }) => value !== defaultValue);
  const notify = all.some(({ value }) => isNotify(value));
  if (notify && (profile.listenerPath ?? "") === "") {
    issues.push({ path: "linux.seccomp.listenerPath", message: "seccomp listenerPath is not set" });
  }
  const flags = filterFlags(profile.flags, notify, issues);
  const listed = new Set(profile.architectures ?? []);
  const bounded = !isPermissive(profile.defaultAction);
  const parts = architectures.map((architecture) => ({
    architecture,
    rules: rulesOf(architecture, effective, issues),
    newest: bounded && listed.has(architecture.name) ? newestOf(architecture, all) : undefined,
  }));
  if (issues.length > 0) throw new SpecError(unrepeated(issues));
  return { defaultValue, parts, flags, notify, warnings: [...warnings, ...unknownNames(all, architectures)] };
}

/** One contradiction of two rules shows on every architecture that has the call. */
const unrepeated = (issues: readonly SpecIssue[]): SpecIssue[] => [
  ...new Map(issues.map((issue) => [`${issue.path} ${issue.message}`, issue])).values(),
];

function valueOf(
  action: string,
  errnoRet: number | undefined,
  place: Origin,
  kind: "default" | "rule",
  issues: SpecIssue[],
): number {
  const value = returnValue(action, errnoRet);
  if (typeof value === "number") return value;
  const keys = kind === "rule" ? value.key : value.key === "action" ? "defaultAction" : "defaultErrnoRet";
  issues.push({ path: originText([...place, keys]), message: value.message });
  return KILL_THREAD;
}

/** The machine's own convention, which libseccomp always includes, and those the profile names. */
function architecturesOf(
  { architectures }: Seccomp,
  machine: Machine,
  issues: SpecIssue[],
  warnings: string[],
): Architecture[] {
  const [own, ...others] = CONVENTIONS[machine] as [Architecture, ...Architecture[]];
  (architectures ?? []).forEach((name, i) => {
    const path = originText(["linux", "seccomp", "architectures", i]);
    if (!isKnownArchitecture(name)) {
      issues.push({ path, message: `${JSON.stringify(name)} is not a valid architecture` });
    } else if (![own, ...others].some((known) => known.name === name)) {
      warnings.push(`${path}: no program of ${name} runs on ${machine}`);
    }
  });
  return [own, ...others.filter(({ name }) => architectures?.includes(name))];
}

/**
 * The rules as the profile lists them, one a name. Several conditions on one argument make each of them a rule of its
 * own, as runc does: any of them is enough.
 */
function profileRules({ syscalls }: Seccomp, issues: SpecIssue[]): Rule[] {
  const rules: Rule[] = [];
  (syscalls ?? []).forEach(({ names, action, errnoRet, args }, i) => {
    const origin = ["linux", "seccomp", "syscalls", i];
    const value = valueOf(action, errnoRet, origin, "rule", issues);
    const conditions = conditionsOf(args ?? [], origin, issues);
    const repeated = new Set(conditions.map(({ index }) => index)).size < conditions.length;
    const alternatives = repeated ? conditions.map((condition) => [condition]) : [
      conditions.toSorted((a, b) => a.index - b.index),
    ];
    names.forEach((name, j) => {
      const path = () => originText([...origin, "names", j]);
      if (name === "") issues.push({ path: path(), message: "empty string is not a valid syscall" });
      if (isNotify(value) && name === "write") {
        // Between the filter and its listener stands a write by the process itself.
        issues.push({ path: path(), message: "SCMP_ACT_NOTIFY cannot be used for the write syscall" });
      }
      for (const conditions of alternatives) rules.push({ name, value, conditions, origin });
    });
  });
  return rules;
}

type Args = NonNullable<NonNullable<Seccomp["syscalls"]>[number]["args"]>;

function conditionsOf(args: Args, place: Origin, issues: SpecIssue[]): Condition[] {
  const operators = operatorNames();
  return args.flatMap((arg, i) => {
    const path = (key: string) => originText([...place, "args", i, key]);
    if (arg.index > 5) {
      issues.push({
        path: path("index"),
        message: `syscalls only have up to 6 arguments, numbered 0 to 5 (${arg.index} given)`,
      });
    }
    if (operators.includes(arg.op)) return [conditionOf(arg)];
    const message = `${JSON.stringify(arg.op)} is not a valid operator (known are ${operators.join(", ")})`;
    issues.push({ path: path("op"), message });
    return [];
  });
}

/**
 * The greatest number among the calls that the profile names, for whatever action. The calls that also come through
 * socketcall(2) and ipc(2) do not count, because libseccomp does not give runc a number for them.
 */
function newestOf(architecture: Architecture, rules: readonly Rule[]): number | undefined {
  const numbers = syscallNumbers(architecture);
  let newest = 0;
  for (const { name } of rules) {
    if (architecture.multiplexed && multiplexerOf(name) !== undefined) continue;
    newest = Math.max(newest, numbers.get(name) ?? 0);
  }
  return newest === 0 ? undefined : newest;
}

function unknownNames(rules: readonly Rule[], architectures: readonly Architecture[]): string[] {
  const names = new Set(rules.map(({ name }) => name));
  for (const architecture of architectures) {
    for (const name of syscallNumbers(architecture).keys()) names.delete(name);
    if (architecture.multiplexed) {
      for (const name of names) if (multiplexerOf(name) !== undefined) names.delete(name);
    }
  }
  return [...names].map((name) => `unknown seccomp syscall ${JSON.stringify(name)} ignored`);
}
