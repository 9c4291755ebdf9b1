import { CONVENTIONS, type Machine, syscallNumbers, X32_BIT } from "../../src/seccomp/architecture.ts";
import { multiplexerOf } from "../../src/seccomp/multiplexed.ts";
import type { Seccomp } from "../../src/spec/schema.ts";
import { returnValueOf } from "./oracle.ts";

type Arg = NonNullable<NonNullable<Seccomp["syscalls"]>[number]["args"]>[number];

const X86_64 = 0xc000003e;
const NO_CALL = 0xffffffff;
const KILL_THREAD = 0;

const OPERATORS: Readonly<Record<string, (argument: bigint, value: bigint, valueTwo: bigint) => boolean>> = {
  SCMP_CMP_NE: (argument, value) => argument !== value,
  SCMP_CMP_LT: (argument, value) => argument < value,
  SCMP_CMP_LE: (argument, value) => argument <= value,
  SCMP_CMP_EQ: (argument, value) => argument === value,
  SCMP_CMP_GE: (argument, value) => argument >= value,
  SCMP_CMP_GT: (argument, value) => argument > value,
  SCMP_CMP_MASKED_EQ: (argument, value, valueTwo) => (argument & value) === (valueTwo & value),
};

/**
 * What a profile says of a call, read off the profile itself (config-linux.md, Seccomp): the value of the first rule
 * without conditions, else of a rule whose conditions hold, else the default. It is for profiles in which the rules
 * of a call agree, where which rule it is makes no difference.
 */
export function meaningOf(profile: Seccomp, machine: Machine, words: Uint32Array): number {
  const [nr, audit] = words as unknown as [number, number];
  const fallback = returnValueOf(profile.defaultAction, profile.defaultErrnoRet);
  const [own] = CONVENTIONS[machine];
  const isX32 = audit === X86_64 && (nr & X32_BIT) !== 0;
  const convention = CONVENTIONS[machine].find((convention) =>
    convention.audit === audit && (convention.name === "SCMP_ARCH_X32") === isX32
  );
  const listed = convention === own ||
    convention !== undefined && profile.architectures?.includes(convention.name);
  if (convention === undefined || !listed) return isX32 && nr === NO_CALL ? fallback : KILL_THREAD;
  const numbers = syscallNumbers(convention);
  let conditional: number | undefined;
  for (const { names, action, errnoRet, args = [] } of profile.syscalls ?? []) {
    const value = returnValueOf(action, errnoRet);
    if (value === fallback) continue;
    for (const name of names) {
      const way = convention.multiplexed ? multiplexerOf(name) : undefined;
      const through = way !== undefined && numbers.get(way.through) === nr;
      if (!through && numbers.get(name) !== nr) continue;
      const arriving = through ? words[4] === way.number : true;
      const looked = args.filter((arg) =>
        looksAtSomething(arg, convention.bits) && !(through && arg.index === 0)
      );
      if (looked.length === 0 && !through) return conditional ?? value;
      if (arriving && conditionsHold(args, looked, words, convention.bits)) conditional ??= value;
    }
  }
  return conditional ?? fallback;
}

function conditionsHold(
  all: readonly Arg[],
  looked: readonly Arg[],
  words: Uint32Array,
  bits: number,
): boolean {
  const repeated = new Set(all.map(({ index }) => index)).size < all.length;
  const holds = ({ index, op, value, valueTwo = 0n }: Arg) => {
    const cut = (number: bigint) => BigInt.asUintN(bits, number);
    const argument = BigInt(words[4 + 2 * index]!) | BigInt(words[5 + 2 * index]!) << 32n;
    return OPERATORS[op]!(cut(argument), cut(value), cut(valueTwo));
  };
  return repeated ? looked.length < all.length || looked.some(holds) : looked.every(holds);
}

const looksAtSomething = ({ op, value }: Arg, bits: number): boolean =>
  op !== "SCMP_CMP_MASKED_EQ" || BigInt.asUintN(bits, value) !== 0n;
