import { assertEquals, assertMatch } from "@std/assert";
import type { Instruction } from "./instruction.ts";
import { callWords, interpret, programFault } from "./interpret.ts";

const op = (code: number, k = 0, jt = 0, jf = 0): Instruction => ({ code, jt, jf, k });
const RET_A = op(0x16);
const RET_7 = op(0x06, 7);
const CALL = callWords({
  nr: 5,
  arch: 6,
  instructionPointer: 0x1_0000_0002n,
  args: [1n, 0x2_0000_0003n, ~0n],
});

const valueOf = (...program: Instruction[]): number => {
  assertEquals(programFault(program), undefined);
  return interpret(program, CALL).value;
};

Deno.test("loads read the words of seccomp_data", () => {
  const loads = [0, 4, 8, 12, 16, 24, 28, 32, 36].map((offset) => valueOf(op(0x20, offset), RET_A));
  assertEquals(loads, [5, 6, 2, 1, 1, 3, 2, 0xffffffff, 0xffffffff]);
  assertEquals(valueOf(op(0x80), RET_A), 64);
});

Deno.test("arithmetic is that of 32 bits without sign", () => {
  const results = [
    [0x04, 0xffffffff, 2, 1],
    [0x14, 1, 2, 0xffffffff],
    [0x24, 0x80000001, 3, 0x80000003],
    [0x34, 0xfffffffe, 2, 0x7fffffff],
    [0x44, 0x80000000, 1, 0x80000001],
    [0x54, 0xffffffff, 0xf0000000, 0xf0000000],
    [0x64, 0xffffffff, 31, 0x80000000],
    [0x74, 0x80000000, 31, 1],
    [0x84, 1, 0, 0xffffffff],
    [0xa4, 0xffffffff, 1, 0xfffffffe],
  ] as const;
  for (const [code, a, k, expected] of results) {
    assertEquals(valueOf(op(0x00, a), op(code, k), RET_A), expected, code.toString(16));
    // The same with the operand in X; a negation has none.
    if (code !== 0x84) {
      assertEquals(valueOf(op(0x00, a), op(0x01, k), op(code | 8), RET_A), expected, code.toString(16));
    }
  }
  assertEquals(valueOf(op(0x00, 9), op(0x01, 0), op(0x3c), RET_A), 0);
});

Deno.test("jumps compare without sign, and memory keeps words", () => {
  const jumps = (code: number, k: number) =>
    valueOf(op(0x00, 0x80000000), op(code, k, 0, 1), op(0x06, 1), op(0x06, 2));
  assertEquals([0x15, 0x25, 0x35, 0x45].map((code) => jumps(code, 0x80000000)), [1, 2, 1, 1]);
  assertEquals([0x15, 0x25, 0x35, 0x45].map((code) => jumps(code, 1)), [2, 1, 1, 2]);
  assertEquals(valueOf(op(0x00, 3), op(0x02, 4), op(0x00, 0), op(0x61, 4), op(0x87), RET_A), 3);
  assertEquals(interpret([op(0x05, 1), RET_7, RET_A], CALL), { value: 0, steps: 2 });
});

Deno.test("programFault() refuses what the kernel refuses", () => {
  const refused: [RegExp, ...Instruction[]][] = [
    [/0 instructions/],
    [/does not return/, op(0x00)],
    [/jump out/, op(0x05, 1), RET_7],
    [/jump out/, op(0x15, 0, 0, 1), RET_7],
    [/load from 64/, op(0x20, 64), RET_7],
    [/load from 2/, op(0x20, 2), RET_7],
    [/0x28 is not taken/, op(0x28), RET_7],
    [/0x34 is not taken with 0/, op(0x34, 0), RET_7],
    [/0x64 is not taken with 32/, op(0x64, 32), RET_7],
    [/0x94 is not taken/, op(0x94, 1), RET_7],
    [/memory word 16/, op(0x02, 16), RET_7],
    [/read before it is written/, op(0x60, 1), RET_7],
    [/read before it is written/, op(0x15, 0, 0, 1), op(0x02, 1), op(0x60, 1), RET_7],
  ];
  for (const [words, ...program] of refused) assertMatch(programFault(program) ?? "taken", words);
  assertMatch(programFault(Array.from({ length: 4097 }, () => RET_7)) ?? "taken", /4097/);
  assertEquals(programFault([op(0x02, 1), op(0x15, 0, 0, 0), op(0x60, 1), RET_7]), undefined);
});
