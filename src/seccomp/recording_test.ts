import { assertEquals, assertThrows } from "@std/assert";
import { SpecError } from "../errors.ts";
import type { Seccomp } from "../spec/schema.ts";
import { ALLOW, NOTIFY } from "./action.ts";
import { decodeProgram } from "./instruction.ts";
import { callWords, interpret, programFault } from "./interpret.ts";
import { heardNames, recordingFilter } from "./recording.ts";

const X86_64 = 0xc000003e;
const I386 = 0x40000003;
const EPERM = 0x50001;
const MARK = 0x8877_6655_4433_2211n;
const WRITE = 1;

function verdictOf(profile: Seccomp | undefined) {
  const program = decodeProgram(recordingFilter(profile, "x86_64", MARK).program);
  assertEquals(programFault(program), undefined);
  return (nr: number, args: readonly bigint[] = [], arch = X86_64) =>
    interpret(program, callWords({ nr, arch, args })).value;
}

Deno.test("every call of every convention is heard where there is no profile", () => {
  const verdict = verdictOf(undefined);
  assertEquals([0, 59, 435, 0x40000000, 0xfffffff].map((nr) => verdict(nr)), Array(5).fill(NOTIFY));
  assertEquals([0, 59].map((nr) => verdict(nr, [], I386)), [NOTIFY, NOTIFY]);
});

Deno.test("a write with the mark is not heard: by it the listener is handed over", () => {
  const verdict = verdictOf(undefined);
  assertEquals(verdict(WRITE, [7n, 1n, 8n, MARK]), ALLOW);
  assertEquals(verdict(WRITE, [7n, 1n, 8n, MARK ^ 1n]), NOTIFY);
  assertEquals(verdict(WRITE, [7n, 1n, 8n, MARK ^ 1n << 63n]), NOTIFY);
  assertEquals(verdict(0, [7n, 1n, 8n, MARK]), NOTIFY);
  assertEquals(verdict(WRITE, [7n, 1n, 8n, MARK], I386), NOTIFY);
});

Deno.test("what a profile denies is denied, what it lets happen is heard", () => {
  const args = [{ index: 0, op: "SCMP_CMP_EQ", value: 0n }];
  const verdict = verdictOf({
    defaultAction: "SCMP_ACT_ERRNO",
    syscalls: [
      { names: ["read", "write"], action: "SCMP_ACT_ALLOW" },
      { names: ["personality"], action: "SCMP_ACT_LOG", args },
    ],
  });
  const personality = 135;
  assertEquals([0, WRITE, 2].map((nr) => verdict(nr)), [NOTIFY, NOTIFY, EPERM]);
  assertEquals([verdict(personality, [0n]), verdict(personality, [1n])], [NOTIFY, EPERM]);
});

Deno.test("a faulty profile is refused", () => {
  assertThrows(() => recordingFilter({ defaultAction: "SCMP_ACT_SING" }, "x86_64", MARK), SpecError);
});

Deno.test("heard calls have the names of their conventions, and unknown ones none", () => {
  const calls = [
    { arch: X86_64, number: 0 },
    { arch: I386, number: 1 },
    { arch: X86_64, number: 0x40000000 + 520 },
    { arch: X86_64, number: 9999 },
    { arch: 0xc00000b7, number: 0 },
  ];
  const { names, architectures } = heardNames(calls, "x86_64");
  assertEquals([...names], ["read", "exit", "execve"]);
  assertEquals(architectures, ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]);
  assertEquals(heardNames([{ arch: 0xc00000b7, number: 63 }], "aarch64"), {
    names: new Set(["read"]),
    architectures: ["SCMP_ARCH_AARCH64"],
  });
});
