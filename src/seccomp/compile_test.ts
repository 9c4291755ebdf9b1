import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { SpecError } from "../errors.ts";
import type { Seccomp } from "../spec/schema.ts";
import { CONVENTIONS, syscallNumbers } from "./architecture.ts";
import { compileSeccomp } from "./compile.ts";
import { decodeProgram } from "./instruction.ts";
import { callWords, interpret, programFault } from "./interpret.ts";

const ALLOW = 0x7fff0000;
const EPERM = 0x50001;
const ENOSYS = 0x50026;
const X86_64 = 0xc000003e;
const I386 = 0x40000003;

/** The verdict of a profile on x86_64. */
function verdict(profile: Seccomp, nr: number, args: readonly bigint[] = [], arch = X86_64): number {
  const program = decodeProgram(compileSeccomp(profile, "x86_64").program);
  assertEquals(programFault(program), undefined);
  return interpret(program, callWords({ nr, arch, args })).value;
}

const allowing = (...names: string[]): Seccomp => ({
  defaultAction: "SCMP_ACT_ERRNO",
  architectures: ["SCMP_ARCH_X86_64"],
  syscalls: [{ names, action: "SCMP_ACT_ALLOW" }],
});

Deno.test("an allow list allows what it names, and nothing else", () => {
  const profile = allowing("read", "exit_group");
  assertEquals([0, 1, 231].map((nr) => verdict(profile, nr)), [ALLOW, EPERM, ALLOW]);
});

Deno.test("calls newer than the profile get ENOSYS, unless the default lets them happen", () => {
  const profile = allowing("read", "exit_group");
  assertEquals([231, 232, 9999].map((nr) => verdict(profile, nr)), [ALLOW, ENOSYS, ENOSYS]);
  assertEquals(verdict({ ...profile, defaultAction: "SCMP_ACT_LOG" }, 9999), 0x7ffc0000);
  const { architectures: _, ...unlisted } = profile;
  assertEquals(verdict(unlisted, 9999), EPERM);
});

Deno.test("a foreign architecture, and x32 that the profile does not name, are killed", () => {
  const profile = allowing("read");
  assertEquals(verdict(profile, 0, [], 0xc00000b7), 0);
  assertEquals(verdict(profile, 0x40000000), 0);
  assertEquals(verdict(profile, 3, [], I386), 0);
  assertEquals(verdict(profile, 0xffffffff), EPERM);
});

Deno.test("64-bit values are compared in both halves", () => {
  const over = (value: bigint, op: string): Seccomp => ({
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["read"], action: "SCMP_ACT_ERRNO", args: [{ index: 2, value, op }] }],
  });
  const bound = 0x1_0000_0005n;
  for (
    const [op, below, at, above] of [
      ["SCMP_CMP_LT", true, false, false],
      ["SCMP_CMP_LE", true, true, false],
      ["SCMP_CMP_EQ", false, true, false],
      ["SCMP_CMP_NE", true, false, true],
      ["SCMP_CMP_GE", false, true, true],
      ["SCMP_CMP_GT", false, false, true],
    ] as const
  ) {
    const hits = [5n, bound - 1n, bound, bound + 1n, 0x2_0000_0000n].map((value) =>
      verdict(over(bound, op), 0, [0n, 0n, value]) === EPERM
    );
    assertEquals(hits, [below, below, at, above, above], op);
  }
});

Deno.test("SCMP_CMP_MASKED_EQ masks the argument and the value", () => {
  const profile: Seccomp = {
    defaultAction: "SCMP_ACT_ERRNO",
    syscalls: [{
      names: ["clone"],
      action: "SCMP_ACT_ALLOW",
      args: [{ index: 0, value: 0x7e020000n, valueTwo: 0n, op: "SCMP_CMP_MASKED_EQ" }],
    }],
  };
  assertEquals(verdict(profile, 56, [0x11n]), ALLOW);
  assertEquals(verdict(profile, 56, [0x10000011n]), EPERM);
});

Deno.test("several conditions on one argument are alternatives, on several arguments they belong together", () => {
  const rule = (...args: [number, bigint][]): Seccomp => ({
    defaultAction: "SCMP_ACT_ERRNO",
    syscalls: [{
      names: ["socket"],
      action: "SCMP_ACT_ALLOW",
      args: args.map(([index, value]) => ({ index, value, op: "SCMP_CMP_EQ" })),
    }],
  });
  const either = rule([0, 1n], [0, 2n]);
  assertEquals([1n, 2n, 3n].map((domain) => verdict(either, 41, [domain])), [ALLOW, ALLOW, EPERM]);
  const both = rule([0, 1n], [1, 2n]);
  assertEquals(verdict(both, 41, [1n, 2n]), ALLOW);
  assertEquals(verdict(both, 41, [1n, 3n]), EPERM);
});

Deno.test("a rule without conditions beats those with, whatever the order", () => {
  const rules: NonNullable<Seccomp["syscalls"]> = [
    { names: ["read"], action: "SCMP_ACT_TRAP", args: [{ index: 0, value: 0n, op: "SCMP_CMP_EQ" }] },
    { names: ["read"], action: "SCMP_ACT_ALLOW" },
    { names: ["read"], action: "SCMP_ACT_KILL" },
  ];
  const profile = { defaultAction: "SCMP_ACT_ERRNO", syscalls: rules };
  assertEquals(verdict(profile, 0, [0n]), ALLOW);
  assertEquals(verdict({ ...profile, syscalls: [rules[1]!, rules[0]!] }, 0, [0n]), ALLOW);
});

Deno.test("32-bit x86 reaches socket() by its own number and through socketcall()", () => {
  const profile: Seccomp = {
    defaultAction: "SCMP_ACT_ERRNO",
    architectures: ["SCMP_ARCH_X86"],
    syscalls: [{ names: ["socket", "mseal"], action: "SCMP_ACT_ALLOW" }],
  };
  assertEquals(verdict(profile, 359, [], I386), ALLOW);
  assertEquals(verdict(profile, 102, [1n], I386), ALLOW);
  assertEquals(verdict(profile, 102, [2n], I386), EPERM);
});

Deno.test("unknown names and architectures of other machines are ignored with a warning", () => {
  const profile = {
    ...allowing("read", "frobnicate"),
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_RISCV64"],
  };
  assertEquals(compileSeccomp(profile, "x86_64").warnings, [
    "linux.seccomp.architectures[1]: no program of SCMP_ARCH_RISCV64 runs on x86_64",
    'unknown seccomp syscall "frobnicate" ignored',
  ]);
});

Deno.test("one profile is compiled once a machine, and so is one that says the same", () => {
  const profile = allowing("read");
  assertStrictEquals(compileSeccomp(profile, "x86_64"), compileSeccomp(profile, "x86_64"));
  assertStrictEquals(compileSeccomp(profile, "x86_64"), compileSeccomp(allowing("read"), "x86_64"));
  assert(compileSeccomp(profile, "x86_64") !== compileSeccomp(profile, "aarch64"));
  assert(compileSeccomp(profile, "x86_64") !== compileSeccomp(allowing("write"), "x86_64"));
});

Deno.test("every name of every architecture, each with a condition of its own, still has the right verdicts", () => {
  const [own] = CONVENTIONS.x86_64;
  const numbers = [...syscallNumbers(own!)];
  const profile: Seccomp = {
    defaultAction: "SCMP_ACT_ERRNO",
    syscalls: numbers.map(([name, nr]) => ({
      names: [name],
      action: "SCMP_ACT_ALLOW",
      args: [{ index: nr % 6, value: BigInt(nr), op: "SCMP_CMP_EQ" }],
    })),
  };
  const { program } = compileSeccomp(profile, "x86_64");
  assert(program.length / 8 > 1000);
  for (const [, nr] of numbers) {
    const args = [0, 1, 2, 3, 4, 5].map((index) => index === nr % 6 ? BigInt(nr) : 7n);
    assertEquals(verdict(profile, nr, args), ALLOW);
    assertEquals(verdict(profile, nr, args.map((value) => value + 1n)), EPERM);
  }
});

Deno.test("a profile that the kernel has no room for is refused, with its size or its first rule too many", () => {
  const profileOf = (length: number): Seccomp => ({
    defaultAction: "SCMP_ACT_ERRNO",
    syscalls: Array.from({ length }, (_, i) => ({
      names: ["ioctl"],
      action: "SCMP_ACT_ALLOW",
      args: [{ index: 1, value: BigInt(i) << 32n, op: "SCMP_CMP_EQ" }],
    })),
  });
  assertThrows(() => compileSeccomp(profileOf(1500), "x86_64"), SpecError, "linux.seccomp: becomes ");
  const words =
    "linux.seccomp.syscalls[4096]: is one of too many rules for ioctl: the kernel takes at most 4096";
  assertThrows(() => compileSeccomp(profileOf(10_000), "x86_64"), SpecError, words);
});
