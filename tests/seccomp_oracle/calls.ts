import { CONVENTIONS, type Machine, syscallNumbers, X32_BIT } from "../../src/seccomp/architecture.ts";
import { type Call, callWords } from "../../src/seccomp/interpret.ts";
import { multiplexerOf } from "../../src/seccomp/multiplexed.ts";
import type { Seccomp } from "../../src/spec/schema.ts";

const HIGHEST = 480;
const EDGES = [0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 983041, 983045, 983047, X32_BIT - 1];
const FOREIGN = 0xc0000016;

/** Every system call number that means something on a machine, as (architecture, number), and numbers around them. */
export function everyNumber(machine: Machine): [number, number][] {
  const numbers: [number, number][] = [[FOREIGN, 1]];
  for (const audit of new Set(CONVENTIONS[machine].map(({ audit }) => audit))) {
    for (let nr = 0; nr <= HIGHEST; nr++) numbers.push([audit, nr]);
    for (const nr of EDGES) numbers.push([audit, nr]);
  }
  if (machine === "x86_64") {
    for (let nr = 0; nr <= 560; nr++) numbers.push([CONVENTIONS[machine][0]!.audit, X32_BIT + nr]);
  }
  return numbers;
}

/** The arguments that a profile's conditions tell apart, for each call that has conditions: words of seccomp_data. */
export function boundaryCalls(
  profile: Seccomp,
  machine: Machine,
  random: () => number,
  each: number,
): Uint32Array[] {
  const interesting = new Map<string, Map<number, Set<bigint>>>();
  for (const { names, args = [] } of profile.syscalls ?? []) {
    for (const name of args.length > 0 ? names : []) {
      let values = interesting.get(name);
      if (values === undefined) interesting.set(name, values = new Map());
      for (const { index, value, valueTwo } of args) {
        if (!values.has(index)) values.set(index, new Set([0n, ~0n]));
        for (const bound of around(value, valueTwo)) values.get(index)!.add(bound);
      }
    }
  }
  const calls: Uint32Array[] = [];
  for (const [name, values] of interesting) {
    for (const [arch, nr, first] of places(name, machine)) {
      for (let count = each; count > 0; count--) {
        calls.push(callWords(randomCall(arch, nr, first, values, random)));
      }
    }
  }
  return calls;
}

function randomCall(
  arch: number,
  nr: number,
  first: bigint | undefined,
  values: ReadonlyMap<number, ReadonlySet<bigint>>,
  random: () => number,
): Call {
  const args = [0, 1, 2, 3, 4, 5].map((index) => {
    const bounds = [...values.get(index) ?? [0n]];
    return bounds[Math.floor(random() * bounds.length)]!;
  });
  if (first !== undefined) args[0] = random() < 0.8 ? first : first + 1n;
  return { nr, arch, args };
}

/** The values on both sides of a bound, in the whole and in each half. */
function around(value: bigint, valueTwo: bigint | undefined): bigint[] {
  const bounds = [value, value - 1n, value + 1n, value ^ 1n << 32n, value + (1n << 32n), value & 0xffffffffn];
  if (valueTwo === undefined) return bounds;
  const masked = valueTwo & value;
  return [...bounds, valueTwo, masked, masked | ~value, masked ^ (value & -value)];
}

/** Where a call is made: directly on each architecture, and through a multiplexer on 32-bit x86. */
function* places(name: string, machine: Machine): Generator<[number, number, bigint?]> {
  for (const convention of CONVENTIONS[machine]) {
    const numbers = syscallNumbers(convention);
    const direct = numbers.get(name);
    if (direct !== undefined) yield [convention.audit, direct];
    const way = convention.multiplexed ? multiplexerOf(name) : undefined;
    if (way !== undefined) yield [convention.audit, numbers.get(way.through)!, BigInt(way.number)];
  }
}
