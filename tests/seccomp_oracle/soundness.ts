import { type Instruction, LOAD, RETURN } from "../../src/seccomp/instruction.ts";
import { TOKENS } from "./oracle.ts";

/** What `withoutUnsound` returns where a verdict of libseccomp's means nothing; no filter of a profile does. */
export const UNSOUND = 0xdead0000;

const ARCH = "load 4";
const MIXED = "mixed";

/**
 * libseccomp 2.5 leaves out loads that it holds to be done already, and is sometimes wrong: then a comparison meets
 * the word of another argument, or one word or another by the way that led there, and the program does not do what
 * the library's own listing of the filter (seccomp_export_pfc) says. Such comparisons, found by following what the
 * accumulator holds on every way through the program, become a return of UNSOUND.
 */
export function withoutUnsound(program: readonly Instruction[]): Instruction[] {
  const audits = new Set(Object.values(TOKENS));
  const holds = new Array<string | undefined>(program.length).fill(undefined);
  const reach = (at: number, content: string) => {
    holds[at] = holds[at] === undefined || holds[at] === content ? content : MIXED;
  };
  reach(0, "nothing");
  return program.map((instruction, at) => {
    const { code, jt, jf, k } = instruction;
    const now = holds[at];
    if (now === undefined) return instruction;
    if (code === LOAD) reach(at + 1, `load ${k}`);
    else if ((code & 7) === 4) reach(at + 1, now === MIXED ? MIXED : `${now} and ${k}`);
    else if (code === 5) reach(at + 1 + k, now);
    else if ((code & 7) === 5) {
      // A number is compared after every other choice of the program; an architecture only with an architecture.
      if (now === MIXED || now === ARCH && !audits.has(k)) return { code: RETURN, jt: 0, jf: 0, k: UNSOUND };
      reach(at + 1 + jt, now);
      reach(at + 1 + jf, now);
    }
    return instruction;
  });
}
