import { ARCH_OFFSET, argumentOffset, type Instruction, NUMBER_OFFSET } from "./instruction.ts";
import { actionText } from "./action.ts";

const COMPARISONS: Readonly<Record<number, string>> = { 0x10: "jeq", 0x20: "jgt", 0x30: "jge", 0x40: "jset" };
const OPERATIONS: Readonly<Record<number, string>> = {
  0x00: "add",
  0x10: "sub",
  0x20: "mul",
  0x30: "div",
  0x40: "or",
  0x50: "and",
  0x60: "lsh",
  0x70: "rsh",
  0x80: "neg",
  0xa0: "xor",
};

/** A program as text: a line an instruction, jump targets by line number. Any code the kernel takes has its word. */
export function disassemble(program: readonly Instruction[]): string[] {
  const width = String(program.length - 1).length;
  return program.map((instruction, at) =>
    `${String(at).padStart(width)}: ${instructionText(instruction, at)}`
  );
}

function instructionText({ code, jt, jf, k }: Instruction, at: number): string {
  const target = (offset: number) => String(at + 1 + offset);
  const operand = (code & 8) === 0 ? hex(k) : "x";
  switch (code & 7) {
    case 0:
      return `ld ${sourceText(code, k)}`;
    case 1:
      return `ldx ${sourceText(code, k)}`;
    case 2:
      return `st M[${k}]`;
    case 3:
      return `stx M[${k}]`;
    case 4:
      return `${OPERATIONS[code & 0xf0] ?? `alu 0x${code.toString(16)}`} ${operand}`;
    case 5:
      if (code === 5) return `ja ${target(k)}`;
      return `${COMPARISONS[code & 0xf0] ?? `jmp 0x${code.toString(16)}`} ${operand} ? ${target(jt)} : ${
        target(jf)
      }`;
    case 6:
      return code === 0x16 ? "ret a" : `ret ${actionText(k)}`;
    default:
      return code === 0x87 ? "txa" : "tax";
  }
}

function sourceText(code: number, k: number): string {
  const mode = code & 0xe0;
  return mode === 0x20 ? fieldText(k) : mode === 0x60 ? `M[${k}]` : mode === 0x80 ? "length" : hex(k);
}

/** A word of struct seccomp_data by its name. */
function fieldText(offset: number): string {
  if (offset === NUMBER_OFFSET) return "nr";
  if (offset === ARCH_OFFSET) return "arch";
  const half = offset % 8 === 0 ? "low" : "high";
  if (offset < argumentOffset(0)) return `instruction_pointer.${half}`;
  return `args[${(offset - argumentOffset(0)) >>> 3}].${half}`;
}

const hex = (value: number) => `0x${value.toString(16)}`;
