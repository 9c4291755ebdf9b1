import { assertEquals, assertThrows } from "@std/assert";
import { SpecError } from "../errors.ts";
import type { Seccomp } from "../spec/schema.ts";
import { narrowedProfile, narrowingIssues } from "./narrowed_profile.ts";

const NATIVE = ["SCMP_ARCH_X86_64"];
const EQUAL = [{ index: 0, op: "SCMP_CMP_EQ", value: 5n }];
const narrowed = (existing: Seccomp | undefined, ...names: string[]) =>
  narrowedProfile(existing, names, NATIVE);

Deno.test("without a profile the names are allowed, sorted, and everything else is an error", () => {
  assertEquals(narrowed(undefined, "write", "read", "brk"), {
    defaultAction: "SCMP_ACT_ERRNO",
    architectures: NATIVE,
    syscalls: [{ names: ["brk", "read", "write"], action: "SCMP_ACT_ALLOW" }],
  });
});

Deno.test("a profile that allows by name is cut to what was called, and keeps conditions, log and default", () => {
  const existing: Seccomp = {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 38,
    flags: [],
    syscalls: [
      { names: ["read", "write", "open"], action: "SCMP_ACT_ALLOW" },
      { names: ["personality", "clone"], action: "SCMP_ACT_ALLOW", args: EQUAL },
      { names: ["kill"], action: "SCMP_ACT_LOG" },
      { names: ["read"], action: "SCMP_ACT_ALLOW", args: EQUAL },
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 1 },
      { names: ["mount"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
    ],
  };
  assertEquals(narrowed(existing, "read", "personality", "kill", "unheard"), {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 38,
    architectures: NATIVE,
    flags: [],
    syscalls: [
      { names: ["read"], action: "SCMP_ACT_ALLOW" },
      { names: ["kill"], action: "SCMP_ACT_LOG" },
      { names: ["personality"], action: "SCMP_ACT_ALLOW", args: EQUAL },
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 1 },
    ],
  });
});

Deno.test("under a default that allows, denials stay, those by a condition as its opposite", () => {
  const existing: Seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [
      { names: ["mkdir"], action: "SCMP_ACT_ERRNO", errnoRet: 28 },
      { names: ["kill", "tkill"], action: "SCMP_ACT_KILL_PROCESS", args: EQUAL },
      { names: ["chmod"], action: "SCMP_ACT_ERRNO" },
    ],
  };
  assertEquals(narrowed(existing, "kill", "read"), {
    defaultAction: "SCMP_ACT_ERRNO",
    architectures: NATIVE,
    syscalls: [
      { names: ["read"], action: "SCMP_ACT_ALLOW" },
      { names: ["kill"], action: "SCMP_ACT_ALLOW", args: [{ ...EQUAL[0]!, op: "SCMP_CMP_NE" }] },
      existing.syscalls![0]!,
      existing.syscalls![1]!,
    ],
  });
});

Deno.test("what cannot be kept is refused with its place: an agent, and conditions without an opposite", () => {
  const two = [...EQUAL, { index: 1, op: "SCMP_CMP_EQ", value: 5n }];
  const masked = [{ index: 0, op: "SCMP_CMP_MASKED_EQ", value: 5n, valueTwo: 1n }];
  const deny = (args: typeof two, ...names: string[]) => ({ names, action: "SCMP_ACT_ERRNO", args });
  const existing: Seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [
      { names: ["mkdir"], action: "SCMP_ACT_NOTIFY" },
      deny(two, "kill"),
      deny(masked, "clone"),
      deny(EQUAL, "ioctl", "read"),
      deny([{ ...EQUAL[0]!, value: 6n }], "ioctl"),
      deny(EQUAL, "write"),
    ],
  };
  const places = (profile: Seccomp) => narrowingIssues(profile).map(({ path }) => path);
  assertEquals(places(existing), [
    "linux.seccomp.syscalls[0].action",
    ...[1, 2, 3, 4].map((i) => `linux.seccomp.syscalls[${i}].args`),
  ]);
  assertThrows(() => narrowed(existing, "read"), SpecError, "linux.seccomp.syscalls[2].args");
  // Where the default denies, a denial by conditions is just kept.
  assertEquals(places({ ...existing, defaultAction: "SCMP_ACT_ERRNO" }), [
    "linux.seccomp.syscalls[0].action",
  ]);
});
