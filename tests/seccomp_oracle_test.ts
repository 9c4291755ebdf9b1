import { assert, assertEquals } from "@std/assert";
import { CONVENTIONS, type Machine, syscallNumbers, X32_BIT } from "../src/seccomp/architecture.ts";
import { compileSeccomp } from "../src/seccomp/compile.ts";
import { decodeProgram, type Instruction } from "../src/seccomp/instruction.ts";
import { callWords, interpret, programFault } from "../src/seccomp/interpret.ts";
import type { Seccomp } from "../src/spec/schema.ts";
import { boundaryCalls, everyNumber } from "./seccomp_oracle/calls.ts";
import { meaningOf } from "./seccomp_oracle/meaning.ts";
import { type Answer, askNumbers, askPrograms, buildOracle, oracleLines } from "./seccomp_oracle/oracle.ts";
import { engineProfile, type Kind, notifying, randomFrom, randomProfile } from "./seccomp_oracle/profiles.ts";
import { UNSOUND, withoutUnsound } from "./seccomp_oracle/soundness.ts";

const FULL = Deno.env.get("DUNC_FULL") === "1";
const MACHINES: readonly Machine[] = ["x86_64", "aarch64"];
const NO_SYSCALL = 0x50026;
const NOTHING = [0n, 0n, 0n, 0n, 0n, 0n];

const folder = Deno.makeTempDirSync({ prefix: "dunc-oracle-" });
const oracle = buildOracle(folder);
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

function oracleTest(name: string, fn: (oracle: string) => Promise<void>) {
  const reason = oracle === undefined ? " (skipped: gcc or libseccomp-dev is not installed)" : "";
  Deno.test({ name: name + reason, ignore: oracle === undefined, fn: () => fn(oracle!) });
}

/** libseccomp's numbers of every name, by architecture; negative for those an architecture lacks. */
async function numbersByLibseccomp(
  oracle: string,
  machine: Machine,
): Promise<Map<string, Map<string, number>>> {
  const names = [...new Set(CONVENTIONS[machine].flatMap((each) => [...syscallNumbers(each).keys()]))];
  const byArchitecture = new Map<string, Map<string, number>>();
  for (const { name } of CONVENTIONS[machine]) {
    const numbers = await askNumbers(oracle, name, names);
    byArchitecture.set(name, new Map(names.map((name, i) => [name, numbers[i]!])));
  }
  return byArchitecture;
}

/** The names whose numbers libseccomp and we hold to be the same, so that a difference of programs is one of rules. */
function commonNames(machine: Machine, numbers: ReadonlyMap<string, ReadonlyMap<string, number>>): string[] {
  const [own] = CONVENTIONS[machine];
  const agree = (name: string) =>
    CONVENTIONS[machine].every((each) => {
      const theirs = numbers.get(each.name)!.get(name)!;
      return theirs >= 0
        ? theirs === syscallNumbers(each).get(name)
        : theirs > -10000 || !syscallNumbers(each).has(name);
    });
  return [...numbers.get(own!.name)!.keys()].filter((name) =>
    numbers.get(own!.name)!.get(name) !== -1 && agree(name)
  );
}

oracleTest("the numbers of all system calls are libseccomp's, as far as it knows them", async (oracle) => {
  let compared = 0;
  for (const machine of MACHINES) {
    for (const [architecture, numbers] of await numbersByLibseccomp(oracle, machine)) {
      const ours = syscallNumbers(CONVENTIONS[machine].find(({ name }) => name === architecture)!);
      for (const [name, number] of numbers) {
        if (number < 0) continue;
        assertEquals(ours.get(name), number, `${architecture} ${name}`);
        compared++;
      }
    }
  }
  console.log(`seccomp oracle: ${compared} system call numbers are the same`);
  assert(compared > 1800);
});

/** What a run of comparisons counted. */
interface Tally {
  profiles: number;
  refused: number;
  evaluations: number;
  /** Evaluations in which libseccomp compares a word it did not load. */
  unsound: number;
  /** Evaluations in which libseccomp says something else than the profile, and we do not. */
  deviations: number;
}

/** Compare one kind of profiles on both machines; the first difference ends it. */
async function compareKind(oracle: string, kind: Kind, each: number, seed: number): Promise<Tally> {
  const tally = { profiles: 0, refused: 0, evaluations: 0, unsound: 0, deviations: 0 };
  for (const machine of MACHINES) {
    const numbers = await numbersByLibseccomp(oracle, machine);
    // libseccomp also sets contradictions of calls against each other that an architecture does not have.
    const everywhere = (name: string) => [...numbers.values()].every((known) => known.get(name)! > -1000);
    const names = commonNames(machine, numbers).filter((name) =>
      kind !== "contradicting" || everywhere(name)
    );
    const random = randomFrom(seed);
    const profiles = Array.from({ length: each }, (_, i) => {
      const profile = randomProfile(random, machine, names, kind);
      return i % 4 === 0 ? notifying(profile) : profile;
    });
    if (kind === "plain") profiles.push(onlyNames(engineProfile(machine), names));
    const answers = await askPrograms(oracle, profiles.map((profile) => requestFor(profile, machine)));
    const sweep = everyNumber(machine).map(([arch, nr]) => callWords({ nr, arch, args: NOTHING }));
    for (const [i, profile] of profiles.entries()) {
      const calls = [...sweep, ...boundaryCalls(profile, machine, random, 100)];
      compareProfile({ profile, machine, numbers, kind }, answers[i]!, calls, tally);
    }
  }
  return tally;
}

const onlyNames = (profile: Seccomp, names: readonly string[]): Seccomp => ({
  ...profile,
  syscalls: profile.syscalls!.map((rule) => ({
    ...rule,
    names: rule.names.filter((name) => names.includes(name)),
  })),
});

/** runc asks for a tree when there are more than 32 rules. */
function requestFor(profile: Seccomp, machine: Machine): string {
  const rules = profile.syscalls!.reduce((sum, { names }) => sum + names.length, 0);
  return oracleLines(profile, machine, rules > 32 ? "tree" : "list");
}

interface Subject {
  readonly profile: Seccomp;
  readonly machine: Machine;
  readonly numbers: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly kind: Kind;
}

function compareProfile(subject: Subject, answer: Answer, calls: readonly Uint32Array[], tally: Tally): void {
  const { profile, machine, kind } = subject;
  tally.profiles++;
  const ours = compiledOrUndefined(profile, machine);
  if ("errno" in answer || ours === undefined) {
    const text = `${machine}: libseccomp ${"errno" in answer ? answer.errno : "takes"} ${
      profileText(profile)
    }`;
    // Among ranges libseccomp takes rules for contradicting that share a comparison only, and may not come back at all.
    if (kind !== "ranges") assert("errno" in answer && ours === undefined, text);
    tally.refused++;
    return;
  }
  const theirs = withoutUnsound(answer.program);
  const newest = newestNumbers(subject);
  for (const words of calls) {
    const got = interpret(ours, words).value;
    const verdict = interpret(theirs, words).value;
    const expected = isNewer(words, newest) ? NO_SYSCALL : verdict;
    tally.evaluations++;
    if (expected === got) continue;
    if (verdict === UNSOUND) tally.unsound++;
    else if (kind === "contradicting") throw new Error(differenceText(subject, words, got, expected));
    else tally.deviations++;
    if (kind === "contradicting") continue;
    assertEquals(got, meaningOf(profile, machine, words), differenceText(subject, words, got, expected));
  }
}

/** Our program, held against the kernel's rules; undefined when the profile is refused. */
function compiledOrUndefined(profile: Seccomp, machine: Machine): Instruction[] | undefined {
  let program;
  try {
    ({ program } = compileSeccomp(profile, machine));
  } catch (error) {
    if (error instanceof Error && error.message.includes("contradicts")) return undefined;
    throw error;
  }
  const instructions = decodeProgram(program);
  assertEquals(programFault(instructions), undefined);
  return instructions;
}

/** By architecture, the greatest number among the names, which is where runc's ENOSYS begins. */
function newestNumbers({ profile, machine, numbers }: Subject): Map<string, number> {
  const newest = new Map<string, number>();
  const permissive = ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE"].includes(profile.defaultAction);
  if (permissive) return newest;
  const names = profile.syscalls!.flatMap(({ names }) => names);
  for (const { name } of CONVENTIONS[machine]) {
    if (!profile.architectures?.includes(name)) continue;
    const last = Math.max(0, ...names.map((each) => numbers.get(name)!.get(each) ?? -1));
    if (last > 0) newest.set(name, last);
  }
  return newest;
}

function isNewer([nr, audit]: Uint32Array, newest: ReadonlyMap<string, number>): boolean {
  const name = {
    0x40000003: "SCMP_ARCH_X86",
    0xc000003e: (nr! & X32_BIT) === 0 ? "SCMP_ARCH_X86_64" : "SCMP_ARCH_X32",
    0xc00000b7: "SCMP_ARCH_AARCH64",
    0x40000028: "SCMP_ARCH_ARM",
  }[audit!];
  return name !== undefined && nr! > (newest.get(name) ?? Infinity);
}

const profileText = (profile: Seccomp): string =>
  JSON.stringify(profile, (_, value) => typeof value === "bigint" ? `0x${value.toString(16)}` : value);

function differenceText(
  { profile, machine }: Subject,
  words: Uint32Array,
  got: number,
  expected: number,
): string {
  const [nr, arch, , , ...args] = words;
  const hex = (number: number) => number.toString(16);
  return `${machine}: call ${nr} of ${hex(arch!)} (${args.map(hex)}): ${hex(got)} instead of ${
    hex(expected)
  } under ${profileText(profile)}`;
}

function report(kind: string, tally: Tally): void {
  const { profiles, refused, evaluations, unsound, deviations } = tally;
  console.log(
    `seccomp oracle, ${kind}: ${profiles} profiles (${refused} refused), ${evaluations} evaluations; libseccomp ` +
      `compares a word it did not load in ${unsound}, and leaves the profile's meaning in ${deviations}`,
  );
}

oracleTest("profiles without contradictions get libseccomp's verdict on every call", async (oracle) => {
  const tally = await compareKind(oracle, "plain", FULL ? 1500 : 150, 1);
  report("plain", tally);
  assertEquals([tally.deviations, tally.profiles > 300], [0, true]);
});

oracleTest(
  "contradicting rules are tried in libseccomp's order, and refused where it refuses them",
  async (oracle) => {
    const tally = await compareKind(oracle, "contradicting", FULL ? 800 : 70, 2);
    report("contradicting", tally);
    assert(tally.refused > 0);
  },
);

oracleTest(
  "ranges of several arguments mean what the profile says, also where libseccomp errs",
  async (oracle) => {
    const tally = await compareKind(oracle, "ranges", FULL ? 800 : 50, 3);
    report("ranges", tally);
    // Its known faults show in one call of a thousand at most; more would be a fault of ours that `meaningOf` shares.
    assert(tally.deviations < tally.evaluations / 1000);
  },
);

oracleTest(
  "a large profile costs fewer instructions a call than libseccomp's list and tree",
  async (oracle) => {
    for (const machine of MACHINES) {
      const numbers = await numbersByLibseccomp(oracle, machine);
      const profile = onlyNames(engineProfile(machine), commonNames(machine, numbers));
      const answers = await askPrograms(oracle, [
        oracleLines(profile, machine, "list"),
        oracleLines(profile, machine, "tree"),
      ]);
      const theirs = answers.map((answer) => "program" in answer ? answer.program : []);
      const [own] = CONVENTIONS[machine];
      const calls = [...syscallNumbers(own!).values()].map((nr) =>
        callWords({ nr, arch: own!.audit, args: NOTHING })
      );
      const mean = (program: readonly Instruction[]) =>
        calls.reduce((sum, words) => sum + interpret(program, words).steps, 0) / calls.length;
      const ours = decodeProgram(compileSeccomp(profile, machine).program);
      const means = [ours, ...theirs].map(mean);
      const names = profile.syscalls!.reduce((sum, { names }) => sum + names.length, 0);
      console.log(
        `seccomp oracle, ${machine}, ${names} names: mean instructions a call ${
          means.map((each) => each.toFixed(1))
        } ` +
          `(ours, libseccomp's list, its tree), ${
            [ours, ...theirs].map(({ length }) => length).join(", ")
          } in all`,
      );
      assert(means[0]! < means[1]! && means[0]! < means[2]!);
    }
  },
);
