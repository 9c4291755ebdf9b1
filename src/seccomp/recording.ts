import type { Seccomp } from "../spec/schema.ts";
import { ALLOW, letsHappen, NOTIFY } from "./action.ts";
import { CONVENTIONS, type Machine, syscallNumbers, X32_BIT } from "./architecture.ts";
import { compileSeccomp } from "./compile.ts";
import {
  ARCH_OFFSET,
  argumentOffset,
  decodeProgram,
  encodeProgram,
  type Instruction,
  JUMP_EQUAL,
  LOAD,
  NUMBER_OFFSET,
  RETURN,
} from "./instruction.ts";
import { SECCOMP_FILTER_FLAG_NEW_LISTENER } from "../linux/constants.gen.ts";

/** A filter whose listener hears of every call that happens. */
export interface RecordingFilter {
  readonly program: Uint8Array;
  readonly flags: number;
  /** The fourth argument of the writes that hand the listener over, which happen unheard. */
  readonly mark: bigint;
}

/**
 * The filter under which the calls are heard that a profile lets happen; what it denies, it still denies. Without a
 * profile everything happens. `mark` is a random number of 64 bits: nothing that runs under the filter can guess it.
 *
 * Throws a SpecError for a faulty profile.
 */
export function recordingFilter(
  profile: Seccomp | undefined,
  machine: Machine,
  mark: bigint,
): RecordingFilter {
  const everything = {
    defaultAction: "SCMP_ACT_ALLOW",
    architectures: CONVENTIONS[machine].map(({ name }) => name),
  };
  const { program, flags } = compileSeccomp(profile ?? everything, machine);
  const heard = decodeProgram(program).map((instruction) =>
    instruction.code === RETURN && letsHappen(instruction.k) ? { ...instruction, k: NOTIFY } : instruction
  );
  return {
    program: encodeProgram([...unheardWrites(machine, mark), ...heard]),
    flags: flags | SECCOMP_FILTER_FLAG_NEW_LISTENER,
    mark,
  };
}

/** write(2) with the mark happens; everything else goes on behind the last instruction. */
function unheardWrites(machine: Machine, mark: bigint): Instruction[] {
  const [own] = CONVENTIONS[machine] as [typeof CONVENTIONS[Machine][0]];
  const wanted: readonly (readonly [offset: number, value: number])[] = [
    [ARCH_OFFSET, own.audit],
    [NUMBER_OFFSET, syscallNumbers(own).get("write")!],
    [argumentOffset(3), Number(BigInt.asUintN(32, mark))],
    [argumentOffset(3) + 4, Number(BigInt.asUintN(64, mark) >> 32n)],
  ];
  return [
    ...wanted.flatMap(([offset, value], i) => [
      { code: LOAD, jt: 0, jf: 0, k: offset },
      { code: JUMP_EQUAL, jt: 0, jf: 2 * (wanted.length - i) - 1, k: value },
    ]),
    { code: RETURN, jt: 0, jf: 0, k: ALLOW },
  ];
}

/** A call that was heard, as the kernel tells of it: `seccomp_data` in linux/seccomp.h. */
export interface HeardCall {
  readonly arch: number;
  readonly number: number;
}

/** What was heard, as a profile speaks of it. Numbers that no table has are left out. */
export function heardNames(
  calls: readonly HeardCall[],
  machine: Machine,
): { readonly names: ReadonlySet<string>; readonly architectures: readonly string[] } {
  const names = new Set<string>();
  const conventions = CONVENTIONS[machine];
  const architectures = new Set([conventions[0]!.name]);
  for (const { arch, number } of calls) {
    const isX32 = machine === "x86_64" && arch === conventions[0]!.audit && (number & X32_BIT) !== 0;
    const convention = conventions.find(({ name, audit }) =>
      audit === arch && (name === "SCMP_ARCH_X32") === isX32
    );
    if (convention === undefined) continue;
    const name = syscallNumbers(convention).entries().find(([, each]) => each === number)?.[0];
    if (name === undefined) continue;
    names.add(name);
    architectures.add(convention.name);
  }
  return { names, architectures: [...architectures] };
}
