import { assertEquals } from "@std/assert";
import { Assembler, type Target } from "./assembler.ts";
import { disassemble } from "./disassemble.ts";
import { JUMP_EQUAL, LOAD } from "./instruction.ts";
import { callWords, interpret, programFault } from "./interpret.ts";

const ALLOW = 0x7fff0000;
const TRAP = 0x00030000;

Deno.test("jumps over more than 255 instructions arrive", () => {
  const code = new Assembler();
  const count = 1000;
  const last = code.step(LOAD, 16, { value: ALLOW });
  let target: Target = { value: TRAP };
  for (let k = count; k > 0; k--) {
    target = code.branch(JUMP_EQUAL, k, k % 2 === 0 ? last : { value: k }, target);
  }
  const program = code.program(code.step(LOAD, 0, target));
  assertEquals(programFault(program), undefined);
  const valueOf = (nr: number) => interpret(program, callWords({ nr, arch: 0, args: [] })).value;
  for (let nr = 1; nr <= count; nr++) assertEquals(valueOf(nr), nr % 2 === 0 ? ALLOW : nr);
  assertEquals(valueOf(count + 1), TRAP);
});

Deno.test("a choice between one and the same takes no instruction", () => {
  const code = new Assembler();
  const program = code.program(code.branch(JUMP_EQUAL, 1, { value: ALLOW }, { value: ALLOW }));
  assertEquals(disassemble(program), ["0: ret SCMP_ACT_ALLOW"]);
});

Deno.test("disassemble() names fields, targets and actions", () => {
  const code = new Assembler();
  const isOne = code.branch(JUMP_EQUAL, 1, { value: ALLOW }, { value: 0x50001 });
  const program = code.program(
    code.step(LOAD, 4, code.branch(JUMP_EQUAL, 9, code.step(LOAD, 28, isOne), { value: TRAP })),
  );
  assertEquals(disassemble(program), [
    "0: ld arch",
    "1: jeq 0x9 ? 3 : 2",
    "2: ret SCMP_ACT_TRAP",
    "3: ld args[1].high",
    "4: jeq 0x1 ? 5 : 6",
    "5: ret SCMP_ACT_ALLOW",
    "6: ret SCMP_ACT_ERRNO(1)",
  ]);
});
