// Pure: no I/O in this file.
import { type DeviceException, type DeviceList, MKNOD, READ, WRITE } from "./devices.ts";

/**
 * Compile a device list into a program of type BPF_PROG_TYPE_CGROUP_DEVICE, which v2 asks for each access, with
 * the verdicts of v1's list (security/device_cgroup.c, `devcgroup_legacy_check_permission`):
 * where nothing is allowed by default, one single exception has to grant all of what is asked for; where
 * everything is, no exception may touch any of it.
 *
 * The program gets a `struct bpf_cgroup_dev_ctx` (linux/bpf.h) in r1 and returns 1 to allow, 0 to refuse.
 * Returns its instructions, 8 bytes each, for bpf(2). At most 7 an exception; the
 * kernel takes some 2000 exceptions (tried on 6.18: 0.2 s for 500), which no engine comes near.
 */
export function deviceProgram({ allowByDefault, exceptions }: DeviceList): Uint8Array {
  const instructions = [
    ...PROLOGUE,
    ...exceptions.flatMap((exception) => exceptionInstructions(exception, allowByDefault)),
    ...verdict(allowByDefault),
  ];
  const bytes = new Uint8Array(instructions.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [index, { code, dst = 0, src = 0, offset = 0, value = 0 }] of instructions.entries()) {
    view.setUint8(8 * index, code);
    view.setUint8(8 * index + 1, src << 4 | dst);
    view.setInt16(8 * index + 2, offset, true);
    view.setInt32(8 * index + 4, value | 0, true);
  }
  return bytes;
}

/** One eBPF instruction (Documentation/bpf/standardization/instruction-set.rst). */
interface Instruction {
  readonly code: number;
  readonly dst?: number;
  readonly src?: number;
  readonly offset?: number;
  readonly value?: number;
}

const LOAD_U32 = 0x61; // BPF_LDX | BPF_MEM | BPF_W
const MOVE = 0xbf; // BPF_ALU64 | BPF_MOV | BPF_X
const SHIFT_RIGHT = 0x77; // BPF_ALU64 | BPF_RSH | BPF_K
const AND = 0x57; // BPF_ALU64 | BPF_AND | BPF_K
const SET = 0xb7; // BPF_ALU64 | BPF_MOV | BPF_K
const JUMP = 0x05; // BPF_JMP | BPF_JA
const JUMP_IF_ANY = 0x45; // BPF_JMP | BPF_JSET | BPF_K
// 32 bits wide: the 64-bit form would extend the sign of a number of 2^31 or more.
const JUMP_UNLESS_EQUAL = 0x56; // BPF_JMP32 | BPF_JNE | BPF_K
const EXIT = 0x95; // BPF_JMP | BPF_EXIT

const TYPE = 2;
const ACCESS = 3;
const MAJOR = 4;
const MINOR = 5;

const PROLOGUE: readonly Instruction[] = [
  { code: LOAD_U32, dst: TYPE, src: 1, offset: 0 }, // access << 16 | type
  { code: LOAD_U32, dst: MAJOR, src: 1, offset: 4 },
  { code: LOAD_U32, dst: MINOR, src: 1, offset: 8 },
  { code: MOVE, dst: ACCESS, src: TYPE },
  { code: SHIFT_RIGHT, dst: ACCESS, value: 16 },
  { code: AND, dst: TYPE, value: 0xffff },
];

/** BPF_DEVCG_DEV_BLOCK, BPF_DEVCG_DEV_CHAR. */
const TYPE_NUMBERS = { b: 1, c: 2 };

function verdict(allow: boolean): Instruction[] {
  return [{ code: SET, dst: 0, value: allow ? 1 : 0 }, { code: EXIT }];
}

/** Tests that jump past the verdict when they fail, then the verdict. */
function exceptionInstructions(exception: DeviceException, allowByDefault: boolean): Instruction[] {
  const { type, major, minor, access } = exception;
  const end = verdict(!allowByDefault);
  const tests: Instruction[] = [{ code: JUMP_UNLESS_EQUAL, dst: TYPE, value: TYPE_NUMBERS[type] }];
  if (major !== null) tests.push({ code: JUMP_UNLESS_EQUAL, dst: MAJOR, value: major });
  if (minor !== null) tests.push({ code: JUMP_UNLESS_EQUAL, dst: MINOR, value: minor });
  if (allowByDefault) {
    // Matches when any of its bits is asked for: over the jump away from here.
    tests.push({ code: JUMP_IF_ANY, dst: ACCESS, value: access, offset: 1 }, { code: JUMP });
  } else {
    const lacking = (READ | WRITE | MKNOD) & ~access;
    if (lacking !== 0) tests.push({ code: JUMP_IF_ANY, dst: ACCESS, value: lacking });
  }
  const length = tests.length + end.length;
  return [
    ...tests.map((test, index) => test.offset === undefined ? { ...test, offset: length - index - 1 } : test),
    ...end,
  ];
}
