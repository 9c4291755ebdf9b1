import { assertEquals, assertThrows } from "@std/assert";
import { SpecError, type SpecIssue } from "../errors.ts";
import type { Seccomp } from "../spec/schema.ts";
import { readProfile } from "./profile.ts";

const PROFILE: Seccomp = { defaultAction: "SCMP_ACT_ERRNO" };

function issuesOf(profile: Seccomp): readonly SpecIssue[] {
  return assertThrows(() => readProfile(profile, "x86_64"), SpecError).issues;
}

const pathsOf = (profile: Seccomp) => issuesOf(profile).map(({ path }) => path);

Deno.test("every fault of a profile is found, with its path", () => {
  const profile: Seccomp = {
    defaultAction: "SCMP_ACT_SING",
    architectures: ["SCMP_ARCH_X86", "SCMP_ARCH_VAX"],
    flags: ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_X"],
    syscalls: [
      { names: ["read", ""], action: "toString" },
      {
        names: ["", "write"],
        action: "SCMP_ACT_TRAP",
        args: [{ index: 6, value: 0n, op: "SCMP_CMP_EQ" }, { index: 0, value: 0n, op: "constructor" }],
      },
    ],
  };
  assertEquals(pathsOf(profile), [
    "linux.seccomp.defaultAction",
    "linux.seccomp.architectures[1]",
    "linux.seccomp.syscalls[0].action",
    "linux.seccomp.syscalls[1].args[0].index",
    "linux.seccomp.syscalls[1].args[1].op",
    "linux.seccomp.syscalls[1].names[0]",
    "linux.seccomp.flags[1]",
  ]);
});

Deno.test("an errno is refused where the action takes none, and above what it carries", () => {
  for (const action of ["ALLOW", "KILL", "KILL_PROCESS", "KILL_THREAD", "TRAP", "LOG"]) {
    const profile = {
      ...PROFILE,
      syscalls: [{ names: ["read"], action: `SCMP_ACT_${action}`, errnoRet: 1 }],
    };
    assertEquals(issuesOf(profile), [{
      path: "linux.seccomp.syscalls[0].errnoRet",
      message: `SCMP_ACT_${action} takes no errno`,
    }]);
  }
  assertEquals(pathsOf({ defaultAction: "SCMP_ACT_ALLOW", defaultErrnoRet: 1 }), [
    "linux.seccomp.defaultErrnoRet",
  ]);
  assertEquals(pathsOf({ ...PROFILE, defaultErrnoRet: 4096 }), ["linux.seccomp.defaultErrnoRet"]);
  assertEquals(readProfile({ ...PROFILE, defaultErrnoRet: 4095 }, "x86_64").defaultValue, 0x50fff);
  assertEquals(
    readProfile({ defaultAction: "SCMP_ACT_TRACE", defaultErrnoRet: 65535 }, "x86_64").defaultValue,
    0x7ff0ffff,
  );
});

Deno.test("SCMP_ACT_NOTIFY needs a listenerPath, and is not for write nor the default", () => {
  const notify = (...names: string[]): Seccomp => ({
    ...PROFILE,
    listenerPath: "/run/agent.sock",
    syscalls: [{ names, action: "SCMP_ACT_NOTIFY" }, { names: ["write"], action: "SCMP_ACT_ALLOW" }],
  });
  const { listenerPath: _, ...deaf } = notify("mkdir");
  assertEquals(issuesOf(deaf), [{
    path: "linux.seccomp.listenerPath",
    message: "seccomp listenerPath is not set",
  }]);
  assertEquals(issuesOf(notify("mkdir", "write")), [{
    path: "linux.seccomp.syscalls[0].names[1]",
    message: "SCMP_ACT_NOTIFY cannot be used for the write syscall",
  }]);
  assertEquals(issuesOf({ ...PROFILE, defaultAction: "SCMP_ACT_NOTIFY" }), [{
    path: "linux.seccomp.defaultAction",
    message: "SCMP_ACT_NOTIFY cannot be used as default action",
  }]);
  const { syscalls: [notified] = [] } = notify("mkdir");
  const without = [{
    path: "linux.seccomp.syscalls",
    message: "SCMP_ACT_NOTIFY needs write to be allowed: the init tells of its listener by it",
  }];
  assertEquals(issuesOf({ ...notify(), syscalls: [notified!] }), without);
  const denied = { names: ["write"], action: "SCMP_ACT_ERRNO", errnoRet: 5 };
  const allowing = { ...notify(), defaultAction: "SCMP_ACT_ALLOW" };
  assertEquals(issuesOf({ ...allowing, syscalls: [notified!, denied] }), without);
  const sometimes = { ...denied, args: [{ index: 0, op: "SCMP_CMP_EQ", value: 1n }] };
  assertEquals(readProfile({ ...allowing, syscalls: [notified!, sometimes] }, "x86_64").notify, true);
  const { notify: wanted, flags } = readProfile({
    ...notify("mkdir"),
    flags: ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
  }, "x86_64");
  // NEW_LISTENER and WAIT_KILLABLE_RECV.
  assertEquals([wanted, flags], [true, 8 | 32]);
});

Deno.test("flags: speculation is allowed when none are said, an empty list means none", () => {
  const flagsOf = (...flags: string[]) =>
    readProfile({ ...PROFILE, flags: flags.map((flag) => `SECCOMP_FILTER_FLAG_${flag}`) }, "x86_64").flags;
  assertEquals(readProfile(PROFILE, "x86_64").flags, 4);
  assertEquals(flagsOf(), 0);
  assertEquals(flagsOf("TSYNC"), 0);
  assertEquals(flagsOf("LOG", "SPEC_ALLOW"), 2 | 4);
  assertEquals(flagsOf("WAIT_KILLABLE_RECV"), 0);
});

Deno.test("rules that contradict each other are refused with both places", () => {
  const rule = (action: string) => ({
    names: ["socket"],
    action,
    args: [{ index: 0, value: 1n, op: "SCMP_CMP_EQ" }],
  });
  const profile = { ...PROFILE, syscalls: [rule("SCMP_ACT_ALLOW"), rule("SCMP_ACT_TRAP")] };
  assertEquals(issuesOf(profile), [{
    path: "linux.seccomp.syscalls[1]",
    message: "contradicts linux.seccomp.syscalls[0]: for socket, the same arguments meet both",
  }]);
});
