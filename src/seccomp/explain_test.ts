import { assertEquals } from "@std/assert";
import type { Seccomp } from "../spec/schema.ts";
import { explainCall, profileDifferences } from "./explain.ts";

const PROFILE: Seccomp = {
  defaultAction: "SCMP_ACT_ERRNO",
  architectures: ["SCMP_ARCH_X86_64"],
  syscalls: [
    { names: ["read", "exit_group"], action: "SCMP_ACT_ALLOW" },
    {
      names: ["clone"],
      action: "SCMP_ACT_ALLOW",
      args: [{ index: 0, value: 0x7e020000n, valueTwo: 0n, op: "SCMP_CMP_MASKED_EQ" }],
    },
  ],
};

const explained = (syscall: string | number, ...args: bigint[]) =>
  explainCall(PROFILE, "x86_64", syscall, args).map((
    { architecture, action, reason },
  ) => [architecture, action, reason]);

Deno.test("explainCall() names the rule that decides, and its conditions", () => {
  assertEquals(explained("clone", 0x11n)[0], [
    "SCMP_ARCH_X86_64",
    "SCMP_ACT_ALLOW",
    "linux.seccomp.syscalls[1]: args[0] & 0x7e020000 == 0x0",
  ]);
  assertEquals(explained(0), [["SCMP_ARCH_X86_64", "SCMP_ACT_ALLOW", "linux.seccomp.syscalls[0]"]]);
});

Deno.test("explainCall() tells why no rule decides", () => {
  const fallback = "linux.seccomp.defaultAction, SCMP_ACT_ERRNO(1): ";
  assertEquals(explained("clone", 0x10000000n)[0]?.slice(1), [
    "SCMP_ACT_ERRNO(1)",
    `${fallback}no rule of the call has its conditions met`,
  ]);
  assertEquals(explained("mount")[0]?.slice(1), ["SCMP_ACT_ERRNO(1)", `${fallback}no rule names the call`]);
  assertEquals(explained("clone3")[0]?.slice(1), [
    "SCMP_ACT_ERRNO(38)",
    "the call is newer than every call the profile names",
  ]);
  assertEquals(explained("mount")[1], [
    "SCMP_ARCH_X86",
    "SCMP_ACT_KILL_THREAD",
    "linux.seccomp.architectures does not name the architecture",
  ]);
  assertEquals(explained("frobnicate"), []);
});

Deno.test("profileDifferences() is empty for one profile, and names each call that two answer otherwise", () => {
  assertEquals(profileDifferences(PROFILE, structuredClone(PROFILE), "x86_64"), []);
  const other = {
    ...PROFILE,
    syscalls: [{ names: ["read", "write", "exit_group"], action: "SCMP_ACT_ALLOW" }],
  };
  assertEquals(profileDifferences(PROFILE, other, "x86_64"), [
    { architecture: "SCMP_ARCH_X86_64", name: "write", before: "SCMP_ACT_ERRNO(1)", after: "SCMP_ACT_ALLOW" },
    {
      architecture: "SCMP_ARCH_X86_64",
      name: "clone",
      before: "SCMP_ACT_ALLOW if args[0] & 0x7e020000 == 0x0, else SCMP_ACT_ERRNO(1)",
      after: "SCMP_ACT_ERRNO(1)",
    },
  ]);
});
