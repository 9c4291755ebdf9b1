import { CONVENTIONS, syscallNumbers } from "../src/seccomp/architecture.ts";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { engineProfile } from "./seccomp_oracle/profiles.ts";
import { type Bench, containerTest } from "./bench/bench.ts";

interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly { readonly index: number; readonly value: number; readonly op: string }[];
}

interface Profile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly flags?: readonly string[];
  readonly syscalls: readonly Rule[];
}

/** Everything is allowed but what `syscalls` says. */
const deny = (...syscalls: readonly Rule[]): Profile => ({
  defaultAction: "SCMP_ACT_ALLOW",
  architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  syscalls,
});

const errno = (names: readonly string[], errnoRet?: number): Rule => ({
  names,
  action: "SCMP_ACT_ERRNO",
  ...(errnoRet === undefined ? {} : { errnoRet }),
});

/** What busybox's shell and its applets need, and not unshare. */
const ALLOWED =
  ("access arch_prctl brk capget capset chdir chmod clock_nanosleep clone close close_range dup dup2 " +
    "dup3 execve exit exit_group faccessat faccessat2 fchdir fchown fcntl fstat fstatfs futex getcwd getdents64 " +
    "getegid geteuid getgid getpgrp getpid getppid getrandom gettid getuid ioctl lseek lstat mkdir mmap mprotect " +
    "mremap munmap nanosleep newfstatat open openat pipe pipe2 poll prctl pread64 prlimit64 read readlink readlinkat " +
    "readv rseq rt_sigaction rt_sigprocmask rt_sigreturn rt_sigsuspend sched_yield seccomp sendfile set_robust_list " +
    "set_tid_address setgid setgroups setpgid setresgid setresuid setsid setuid sigaltstack socket stat statfs statx " +
    "sysinfo umask uname vfork wait4 write writev recvmsg sendmsg recvfrom sendto dup fchmod unlink execveat")
    .split(
      " ",
    );

const allowList: Profile = {
  defaultAction: "SCMP_ACT_ERRNO",
  architectures: ["SCMP_ARCH_X86_64"],
  syscalls: [{ names: ALLOWED, action: "SCMP_ACT_ALLOW" }],
};

const under = (bench: Bench, script: string, seccomp: Profile, noNewPrivileges = true) =>
  bench.shell(script, (config) => {
    config.linux.seccomp = seccomp;
    config.process.noNewPrivileges = noNewPrivileges;
  });

for (const noNewPrivileges of [true, false]) {
  const words = noNewPrivileges ? "with" : "without";
  containerTest(`an allow list ${words} noNewPrivileges refuses what it does not name`, async (bench) => {
    const script = "unshare -m true; grep Seccomp: /proc/self/status; grep NoNewPrivs: /proc/self/status";
    const { stdout, stderr } = await under(bench, script, allowList, noNewPrivileges);
    assertStringIncludes(stderr, "Operation not permitted");
    assertEquals(stdout, `Seccomp:\t2\nNoNewPrivs:\t${noNewPrivileges ? 1 : 0}\n`, stderr);
  });
}

containerTest("exec runs under the container's filter", async (bench) => {
  bench.configure((config) => {
    config.process.args = ["sleep", "100"];
    config.linux.seccomp = deny(errno(["mkdir", "mkdirat"], 28));
  });
  const id = bench.id();
  assertEquals((await bench.dunc(["run", "-d", id])).code, 0);
  const { code, stdout, stderr } = await bench.dunc([
    "exec",
    id,
    "sh",
    "-c",
    "grep Seccomp: /proc/self/status; mkdir /tmp/x",
  ]);
  assertEquals([code, stdout], [1, "Seccomp:\t2\n"], stderr);
  assertStringIncludes(stderr, "No space left on device");
  await bench.dunc(["delete", "-f", id]);
});

containerTest("SCMP_ACT_KILL_PROCESS ends a process with SIGSYS", async (bench) => {
  const kill = { names: ["mkdir", "mkdirat"], action: "SCMP_ACT_KILL_PROCESS" };
  const { code, stdout } = await under(bench, "(mkdir /tmp/x); echo $?", deny(kill));
  // 128 + SIGSYS, as a shell counts.
  assertEquals([code, stdout], [0, "159\n"]);
});

containerTest("the init that a filter kills gives the exit code of its signal", async (bench) => {
  const kill = { names: ["mkdir", "mkdirat"], action: "SCMP_ACT_KILL" };
  const { code } = await under(bench, "exec mkdir /tmp/x", deny(kill));
  assertEquals(code, 159);
});

containerTest("errnoRet and defaultErrnoRet reach the caller; without them it is EPERM", async (bench) => {
  const script = "mkdir /tmp/x; chmod 700 /tmp; ln -s a /tmp/b";
  const profile = deny(
    errno(["mkdir", "mkdirat"], 30),
    errno(["chmod", "fchmodat", "fchmodat2"], 2),
    errno(["symlink", "symlinkat"]),
  );
  const { stderr } = await under(bench, script, profile);
  assertStringIncludes(stderr, "Read-only file system");
  assertStringIncludes(stderr, "No such file or directory");
  assertStringIncludes(stderr, "Operation not permitted");
  const other = await under(bench, "unshare -m true", { ...allowList, defaultErrnoRet: 13 });
  assertStringIncludes(other.stderr, "Permission denied");
});

containerTest("conditions on arguments decide", async (bench) => {
  const profile = deny({
    ...errno(["kill"], 11),
    args: [{ index: 1, op: "SCMP_CMP_EQ", value: 10 }],
  });
  const { stdout, stderr } = await under(bench, "kill -0 $$ && echo zero; kill -10 $$", profile);
  assertEquals(stdout, "zero\n");
  assertStringIncludes(stderr, "Resource temporarily unavailable");
});

containerTest("a call newer than the profile is answered as a kernel without it would", async (bench) => {
  const numbers = syscallNumbers(CONVENTIONS.x86_64[0]!);
  // All older than unshare(2).
  const names = ALLOWED.filter((name) => numbers.get(name)! < numbers.get("unshare")!);
  const profile: Profile = {
    ...allowList,
    defaultErrnoRet: 13,
    syscalls: [{ names, action: "SCMP_ACT_ALLOW" }],
  };
  assertStringIncludes((await under(bench, "unshare -m true", profile)).stderr, "Function not implemented");
  const { architectures: _, ...unlisted } = profile;
  assertStringIncludes((await under(bench, "unshare -m true", unlisted)).stderr, "Permission denied");
  // runc, too, keeps to the architectures that are listed.
  assertStringIncludes((await bench.runc(["run", bench.id()])).stderr, "Permission denied");
});

containerTest("every flag that is known loads", async (bench) => {
  for (const flags of [[], ["LOG"], ["SPEC_ALLOW"], ["TSYNC"], ["LOG", "SPEC_ALLOW", "WAIT_KILLABLE_RECV"]]) {
    const names = flags.map((flag) => `SECCOMP_FILTER_FLAG_${flag}`);
    const profile = { ...deny(errno(["mkdir"])), flags: names };
    const { code, stdout, stderr } = await under(bench, "grep Seccomp: /proc/self/status", profile);
    assertEquals([code, stdout], [0, "Seccomp:\t2\n"], `${names.join()}: ${stderr}`);
  }
});

containerTest("a profile's faults are all named with their places, and nothing is left", async (bench) => {
  const profile = deny(
    { names: ["mkdir"], action: "SCMP_ACT_SING" },
    { ...errno(["kill"]), args: [{ index: 6, op: "SCMP_CMP_ALMOST", value: 1 }] },
    { names: ["chmod"], action: "SCMP_ACT_ALLOW", errnoRet: 1 },
  );
  const seccomp = { ...profile, architectures: ["SCMP_ARCH_VAX"], flags: ["SECCOMP_FILTER_FLAG_X"] };
  const { code, stderr } = await under(bench, "true", seccomp);
  assertEquals(code, 1);
  for (
    const words of [
      "linux.seccomp.syscalls[0].action",
      "linux.seccomp.syscalls[1].args[0].index",
      "linux.seccomp.syscalls[1].args[0].op",
      "linux.seccomp.syscalls[2].errnoRet",
      "linux.seccomp.architectures[0]",
      "linux.seccomp.flags[0]: seccomp flag SECCOMP_FILTER_FLAG_X is not known to",
    ]
  ) assertStringIncludes(stderr, words);
  assert(!stderr.includes("\n    at "), stderr);
});

containerTest("what a listener may not be for is refused by name", async (bench) => {
  const notify = { names: ["mkdir"], action: "SCMP_ACT_NOTIFY" };
  const withoutPath = await under(bench, "true", deny(notify));
  assertStringIncludes(withoutPath.stderr, "linux.seccomp.listenerPath: seccomp listenerPath is not set");
  const ofWrite = await under(bench, "true", deny({ ...notify, names: ["mkdir", "write"] }));
  assertStringIncludes(
    ofWrite.stderr,
    "linux.seccomp.syscalls[0].names[1]: SCMP_ACT_NOTIFY cannot be used for the write syscall",
  );
  const asDefault = await under(bench, "true", { ...deny(), defaultAction: "SCMP_ACT_NOTIFY" });
  assertStringIncludes(asDefault.stderr, "SCMP_ACT_NOTIFY cannot be used as default action");
});

containerTest(
  "what a profile says in vain is told with --debug, and nobody is bothered else",
  async (bench) => {
    bench.configure((config) => {
      config.process.args = ["true"];
      config.linux.seccomp = {
        ...deny(errno(["mkdir", "no_such_call"])),
        architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_S390X"],
      };
    });
    const { stderr } = await bench.dunc(["--debug", "run", bench.id()]);
    const levels = stderr.split("\n").filter((line) => /no_such_call|S390X/.test(line)).map((line) =>
      /level=(\w+)/.exec(line)?.[1]
    );
    assertEquals(levels, ["debug", "debug"]);
    assertEquals((await bench.dunc(["run", bench.id()])).stderr, "");
  },
);

containerTest("runc and dunc give one answer under one profile", async (bench) => {
  const script = "unshare -m true; mkdir /tmp/x; kill -10 $$; chmod 700 /tmp; hostname x; echo $?";
  const profile = {
    ...allowList,
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
    syscalls: [
      ...allowList.syscalls,
      { names: ["kill"], action: "SCMP_ACT_ALLOW", args: [{ index: 1, value: 9, op: "SCMP_CMP_LE" }] },
      errno(["sethostname", "no_such_call"], 95),
    ],
  };
  const ours = await under(bench, script, profile);
  const theirs = await bench.runc(["run", bench.id()]);
  assertEquals(ours, theirs);
  assertStringIncludes(ours.stdout + ours.stderr, "Operation not supported");
});

containerTest(
  "a profile of four hundred names, three architectures and conditions loads and holds",
  async (bench) => {
    const text = JSON.stringify(
      engineProfile("x86_64"),
      (_, value) => typeof value === "bigint" ? Number(value) : value,
    );
    const script = "ls / >/dev/null && echo works; unshare -m true; mount -t tmpfs none /tmp";
    const { stdout, stderr } = await under(bench, script, JSON.parse(text));
    assertEquals(stdout, "works\n");
    assertEquals(stderr.match(/Operation not permitted|permission denied/g)?.length, 2, stderr);
  },
);

containerTest("seccomp explain tells the rule of a config.json, and diff what changes", async (bench) => {
  bench.configure((config) => config.linux.seccomp = allowList);
  const { code, stdout } = await bench.dunc([
    "seccomp",
    "--machine",
    "x86_64",
    "explain",
    "config.json",
    "read",
  ]);
  assertEquals(code, 0);
  assertStringIncludes(stdout, "SCMP_ARCH_X86_64 0: SCMP_ACT_ALLOW (");
  assertStringIncludes(stdout, "  linux.seccomp.syscalls[0]\n");
  const changed = { ...allowList, syscalls: [{ ...allowList.syscalls[0]!, names: [...ALLOWED, "mount"] }] };
  Deno.writeTextFileSync(`${bench.bundle}/profile.json`, JSON.stringify(changed));
  const command = ["seccomp", "--machine", "x86_64", "diff", "config.json", "profile.json"];
  assertEquals(
    (await bench.dunc(command)).stdout,
    "SCMP_ARCH_X86_64 mount: SCMP_ACT_ERRNO(1) -> SCMP_ACT_ALLOW\n",
  );
  for (
    const wrong of [["explain", "config.json"], ["explain", "config.json", "no_such_call"], [
      "diff",
      "config.json",
    ]]
  ) {
    const failed = await bench.dunc(["seccomp", ...wrong]);
    assertEquals([failed.code, failed.stdout], [1, ""]);
    assertStringIncludes(failed.stderr, "seccomp");
  }
});

containerTest(
  "features lists the actions, operators, architectures and flags that profiles may have",
  async (bench) => {
    const { linux: { seccomp } } = JSON.parse((await bench.dunc(["features"])).stdout);
    const [machine, other] = [["x86_64", "aarch64"], ["aarch64", "x86_64"]]
      .find(([name]) => name === Deno.build.arch)!;
    const explain = async (change: Partial<Profile>, target = machine) => {
      const profile = { ...deny(errno(["mkdir"])), ...change, listenerPath: "/run/agent" };
      Deno.writeTextFileSync(`${bench.bundle}/profile.json`, JSON.stringify(profile));
      const { code, stdout, stderr } = await bench.dunc(
        ["seccomp", "--machine", target!, "explain", "profile.json", "mkdirat"],
      );
      assertEquals([code, stderr], [0, ""], JSON.stringify(change));
      return stdout;
    };
    assertEquals(seccomp.actions.length, 9);
    for (const action of seccomp.actions) {
      const stdout = await explain({ syscalls: [{ names: ["mkdirat"], action }] });
      assertStringIncludes(stdout, action === "SCMP_ACT_KILL" ? "SCMP_ACT_KILL_THREAD" : action);
    }
    for (const op of seccomp.operators) {
      await explain({ syscalls: [{ ...errno(["mkdirat"]), args: [{ index: 0, value: 1, op }] }] });
    }
    for (const name of seccomp.archs) {
      const both = await explain({ architectures: [name] }) + await explain({ architectures: [name] }, other);
      assertStringIncludes(both, `${name} `);
    }
    // What the kernel of this machine has, it loads.
    assertEquals(seccomp.supportedFlags, seccomp.knownFlags);
    for (const flag of seccomp.supportedFlags) {
      const { code } = await under(bench, "true", { ...deny(errno(["mkdir"])), flags: [flag] });
      assertEquals(code, 0, flag);
    }
  },
);
