/** One instruction of classic BPF (linux/filter.h, struct sock_filter). */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** The instructions a compiled filter is made of (linux/bpf_common.h: class, size or operation, mode or source). */
export const LOAD = 0x20;
export const AND = 0x54;
export const JUMP = 0x05;
export const JUMP_EQUAL = 0x15;
export const JUMP_GREATER = 0x25;
export const JUMP_NOT_LESS = 0x35;
export const RETURN = 0x06;

/** Offsets in struct seccomp_data (linux/seccomp.h). */
export const NUMBER_OFFSET = 0;
export const ARCH_OFFSET = 4;
/** The lower half of an argument; the upper one follows (little endian). */
export const argumentOffset = (index: number): number => 16 + 8 * index;

/** The most instructions the kernel takes (BPF_MAXINSNS). */
export const MOST_INSTRUCTIONS = 4096;

const SIZE = 8;

/** A program as seccomp(2) takes it: struct sock_filter after struct sock_filter, little endian. */
export function encodeProgram(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * SIZE);
  const view = new DataView(bytes.buffer);
  instructions.forEach(({ code, jt, jf, k }, i) => {
    view.setUint16(i * SIZE, code, true);
    view.setUint8(i * SIZE + 2, jt);
    view.setUint8(i * SIZE + 3, jf);
    view.setUint32(i * SIZE + 4, k, true);
  });
  return bytes;
}

/** The instructions of a program; throws a RangeError when its length is no whole number of them. */
export function decodeProgram(program: Uint8Array): Instruction[] {
  if (program.length % SIZE !== 0) {
    throw new RangeError(`${program.length} bytes are no whole number of instructions`);
  }
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  return Array.from({ length: program.length / SIZE }, (_, i) => ({
    code: view.getUint16(i * SIZE, true),
    jt: view.getUint8(i * SIZE + 2),
    jf: view.getUint8(i * SIZE + 3),
    k: view.getUint32(i * SIZE + 4, true),
  }));
}
