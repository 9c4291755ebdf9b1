import { argumentOffset, type Instruction, MOST_INSTRUCTIONS } from "./instruction.ts";

/** One call as a filter sees it (linux/seccomp.h, struct seccomp_data). */
export interface Call {
  readonly nr: number;
  readonly arch: number;
  readonly instructionPointer?: bigint;
  readonly args: readonly bigint[];
}

export interface Verdict {
  /** SECCOMP_RET_* with its data. */
  readonly value: number;
  /** How many instructions were carried out. */
  readonly steps: number;
}

/** The words of struct seccomp_data in the order of memory, little endian. */
export function callWords({ nr, arch, instructionPointer = 0n, args }: Call): Uint32Array {
  const words = new Uint32Array(DATA_SIZE / 4);
  words[0] = nr;
  words[1] = arch;
  writeHalves(words, 2, instructionPointer);
  args.forEach((value, index) => writeHalves(words, argumentOffset(index) / 4, value));
  return words;
}

function writeHalves(words: Uint32Array, at: number, value: bigint): void {
  words[at] = Number(BigInt.asUintN(32, value));
  words[at + 1] = Number(BigInt.asUintN(64, value) >> 32n);
}

const DATA_SIZE = 64;
const MEMORY_WORDS = 16;

// linux/bpf_common.h: class, and within a class size and mode, or operation and source.
const LD = 0, LDX = 1, ST = 2, STX = 3, ALU = 4, JMP = 5, RET = 6;
const FROM_X = 0x08;
const LD_IMM = 0x00,
  LD_ABS = 0x20,
  LD_MEM = 0x60,
  LD_LEN = 0x80,
  LDX_IMM = 0x01,
  LDX_MEM = 0x61,
  LDX_LEN = 0x81;
const RET_K = 0x06, RET_A = 0x16, TAX = 0x07, TXA = 0x87, JA = 0x05;
const JSET = 0x40;

/**
 * What seccomp(2) would say against a program; undefined when it takes it. The rules are those of the kernel:
 * only these instructions, only whole words of seccomp_data, jumps inside the program, no memory read before it is
 * written, a return at the end.
 */
export function programFault(program: readonly Instruction[]): string | undefined {
  if (program.length === 0 || program.length > MOST_INSTRUCTIONS) return `${program.length} instructions`;
  for (const [at, instruction] of program.entries()) {
    const fault = instructionFault(instruction, at, program.length);
    if (fault !== undefined) return `instruction ${at}: ${fault}`;
  }
  const last = program.at(-1)!.code;
  if (last !== RET_K && last !== RET_A) return "the last instruction does not return";
  return memoryFault(program);
}

function instructionFault({ code, jt, jf, k }: Instruction, at: number, length: number): string | undefined {
  const unknown = `code 0x${code.toString(16)} is not taken`;
  switch (code & 7) {
    case LD:
      if (code === LD_ABS) return k % 4 === 0 && k < DATA_SIZE ? undefined : `load from ${k}`;
      if (code === LD_MEM) return k < MEMORY_WORDS ? undefined : `memory word ${k}`;
      return code === LD_IMM || code === LD_LEN ? undefined : unknown;
    case LDX:
      if (code === LDX_MEM) return k < MEMORY_WORDS ? undefined : `memory word ${k}`;
      return code === LDX_IMM || code === LDX_LEN ? undefined : unknown;
    case ST:
    case STX:
      return code > 7 ? unknown : k < MEMORY_WORDS ? undefined : `memory word ${k}`;
    case ALU:
      return aluFault(code, k) ? `${unknown} with ${k}` : undefined;
    case JMP:
      if (code === JA) return at + 1 + k < length ? undefined : "jump out of the program";
      if ((code & 0xf0) > JSET || code === (JA | FROM_X) || code > 0xff) return unknown;
      return at + 1 + Math.max(jt, jf) < length ? undefined : "jump out of the program";
    case RET:
      return code === RET_K || code === RET_A ? undefined : unknown;
    default:
      return code === TAX || code === TXA ? undefined : unknown;
  }
}

/** Operations 0x00 to 0x80, then xor; there is no remainder. A constant divisor is not 0, a shift below 32. */
function aluFault(code: number, k: number): boolean {
  const operation = code & 0xf0;
  if (code > 0xff || operation === 0x90 || operation > 0xa0 || code === 0x8c) return true;
  if ((code & FROM_X) !== 0) return false;
  return operation === 0x30 && k === 0 || (operation === 0x60 || operation === 0x70) && k >= 32;
}

/** Every way to a memory word's load leads over a store to it. */
function memoryFault(program: readonly Instruction[]): string | undefined {
  const none = (1 << MEMORY_WORDS) - 1;
  const written = new Array<number>(program.length).fill(none);
  let now = 0;
  for (const [at, { code, jt, jf, k }] of program.entries()) {
    now &= written[at]!;
    const reach = (offset: number) => written[at + 1 + offset]! &= now;
    if ((code & 7) === ST || (code & 7) === STX) now |= 1 << k;
    else if ((code === LD_MEM || code === LDX_MEM) && (now & 1 << k) === 0) {
      return `instruction ${at}: memory word ${k} is read before it is written`;
    } else if (code === JA) {
      reach(k);
      now = none;
    } else if ((code & 7) === JMP) {
      reach(jt);
      reach(jf);
      now = none;
    }
  }
  return undefined;
}

/** Carry out a program that has no `programFault` for one call. Every jump goes forwards, so it ends. */
export function interpret(program: readonly Instruction[], words: Uint32Array): Verdict {
  const memory = new Uint32Array(MEMORY_WORDS);
  let a = 0;
  let x = 0;
  let steps = 0;
  for (let at = 0;; at++) {
    const { code, jt, jf, k } = program[at]!;
    steps++;
    switch (code) {
      case LD_ABS:
        a = words[k >>> 2]!;
        break;
      case RET_K:
        return { value: k, steps };
      case RET_A:
        return { value: a, steps };
      case JA:
        at += k;
        break;
      case LD_IMM:
        a = k;
        break;
      case LDX_IMM:
        x = k;
        break;
      case LD_MEM:
        a = memory[k]!;
        break;
      case LDX_MEM:
        x = memory[k]!;
        break;
      case LD_LEN:
        a = DATA_SIZE;
        break;
      case LDX_LEN:
        x = DATA_SIZE;
        break;
      case ST:
        memory[k] = a;
        break;
      case STX:
        memory[k] = x;
        break;
      case TAX:
        x = a;
        break;
      case TXA:
        a = x;
        break;
      default: {
        const operand = (code & FROM_X) === 0 ? k : x;
        if ((code & 7) === JMP) at += compares(code & 0xf0, a, operand) ? jt : jf;
        // The kernel ends a program that divides by 0 with the return value 0.
        else if ((code & 0xf0) === 0x30 && operand === 0) return { value: 0, steps };
        else a = alu(code & 0xf0, a, operand);
      }
    }
  }
}

function compares(operation: number, a: number, operand: number): boolean {
  if (operation === 0x10) return a === operand;
  if (operation === 0x20) return a > operand;
  if (operation === 0x30) return a >= operand;
  return (a & operand) !== 0;
}

const ALU_OPERATIONS: Readonly<Record<number, (a: number, b: number) => number>> = {
  0x00: (a, b) => a + b,
  0x10: (a, b) => a - b,
  0x20: (a, b) => Math.imul(a, b),
  0x30: (a, b) => Math.floor(a / b),
  0x40: (a, b) => a | b,
  0x50: (a, b) => a & b,
  0x60: (a, b) => a << b,
  0x70: (a, b) => a >>> b,
  0x80: (a) => -a,
  0xa0: (a, b) => a ^ b,
};

const alu = (operation: number, a: number, operand: number): number =>
  ALU_OPERATIONS[operation]!(a, operand) >>> 0;
