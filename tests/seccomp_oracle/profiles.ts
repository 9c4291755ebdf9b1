import { CONVENTIONS, type Machine, syscallNumbers } from "../../src/seccomp/architecture.ts";
import type { Seccomp } from "../../src/spec/schema.ts";

type Syscall = NonNullable<Seccomp["syscalls"]>[number];
type Arg = NonNullable<Syscall["args"]>[number];

/** Numbers in [0, 1) that look random and are the same in every run (xorshift of 32 bits). */
export function randomFrom(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1);
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 0x100000000;
  };
}

/** A list in another order; a sort that compares at random would not be the same in every run. */
function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const order = [...list];
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}

const ACTIONS = ["ALLOW", "ERRNO", "ERRNO", "KILL", "KILL_PROCESS", "KILL_THREAD", "TRAP", "TRACE", "LOG"];
const OPERATORS = ["NE", "LT", "LE", "EQ", "EQ", "GE", "GT", "MASKED_EQ"];
const UPPER = ["LT", "LE"];
const VALUES = [
  0n,
  1n,
  2n,
  5n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  0x100000005n,
  0x7e020000n,
  0xffffffff00000000n,
  0xffffffffffffffffn,
];

/** Calls that only an administrator needs: what a profile for ordinary containers leaves out. */
const ADMINISTRATION =
  ("acct add_key bpf clock_adjtime clock_settime create_module delete_module finit_module " +
    "fsconfig fsmount fsopen fspick get_kernel_syms init_module io_uring_enter io_uring_register io_uring_setup " +
    "ioperm iopl kcmp kexec_file_load kexec_load keyctl lookup_dcookie mbind mount mount_setattr move_mount " +
    "move_pages nfsservctl open_by_handle_at open_tree perf_event_open pivot_root query_module quotactl " +
    "quotactl_fd reboot request_key set_mempolicy setns settimeofday stime swapoff swapon sysfs syslog umount " +
    "umount2 unshare uselib userfaultfd ustat vhangup vm86 vm86old personality clone clone3 socket ptrace")
    .split(" ");

/** A profile such as container engines ship: all but the administrator's calls, and a few with conditions. */
export function engineProfile(machine: Machine): Seccomp {
  const names = new Set(CONVENTIONS[machine].flatMap((convention) => [...syscallNumbers(convention).keys()]));
  const allowed = [...names].filter((name) => !ADMINISTRATION.includes(name)).sort();
  const personality = (value: bigint): Syscall => ({
    names: ["personality"],
    action: "SCMP_ACT_ALLOW",
    args: [{ index: 0, value, op: "SCMP_CMP_EQ" }],
  });
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 1,
    architectures: CONVENTIONS[machine].map(({ name }) => name),
    syscalls: [
      { names: allowed, action: "SCMP_ACT_ALLOW" },
      { names: ["ptrace"], action: "SCMP_ACT_ALLOW" },
      ...[0x0n, 0x8n, 0x20000n, 0x20008n, 0xffffffffn].map(personality),
      { names: ["socket"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 40n, op: "SCMP_CMP_NE" }] },
      {
        names: ["clone"],
        action: "SCMP_ACT_ALLOW",
        args: [{ index: 0, value: 0x7e020000n, valueTwo: 0n, op: "SCMP_CMP_MASKED_EQ" }],
      },
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
    ],
  };
}

/**
 * How the rules of one call relate.
 * - `plain`: all of one action; several conditions only of equality. What profiles in use are like.
 * - `ranges`: all of one action, any conditions together.
 * - `contradicting`: conditions as in `plain`, each rule with an action of its own.
 * In the first and the last, SCMP_CMP_NE stands alone: libseccomp's tree has one node for "equal" and "not equal", and
 * loses rules of a call that has both.
 */
export type Kind = "plain" | "ranges" | "contradicting";

/** Calls that 32-bit x86 multiplexes, and the ones profiles have conditions for. */
const CHOSEN = ["socket", "connect", "semop", "shmat", "clone", "accept4", "personality", "ioctl", "prctl"];

/** A profile made from random numbers; `names` are what it may name. */
export function randomProfile(
  random: () => number,
  machine: Machine,
  names: readonly string[],
  kind: Kind,
): Seccomp {
  const below = (limit: number) => Math.floor(random() * limit);
  const one = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const actionFields = () => {
    const action = `SCMP_ACT_${one(ACTIONS)}`;
    const takesData = action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE";
    return { action, ...(takesData && random() < 0.7 ? { errnoRet: one([1, 2, 13, 38, 95]) } : {}) };
  };
  const condition = (index: number, operators: readonly string[]): Arg => {
    const op = `SCMP_CMP_${one(operators)}`;
    return {
      index,
      op,
      value: one(VALUES),
      ...(op === "SCMP_CMP_MASKED_EQ" ? { valueTwo: one(VALUES) } : {}),
    };
  };
  const conditions = (isOnlyRule: boolean, mayBound: boolean): Arg[] => {
    const count = 1 + below(3);
    // Now and then the same argument twice, which makes two rules of it.
    const indices = random() < 0.1 ? [0, 0] : shuffled([0, 1, 2, 3, 4, 5], random).slice(0, count);
    const alone = isOnlyRule
      ? OPERATORS
      : OPERATORS.filter((op) => op !== "NE" && (mayBound || !UPPER.includes(op)));
    const operators = kind === "ranges" ? OPERATORS : indices.length === 1 ? alone : ["EQ", "MASKED_EQ"];
    return indices.map((index) => condition(index, operators));
  };
  const [own, ...others] = CONVENTIONS[machine].map(({ name }) => name);
  const { action: defaultAction, errnoRet } = actionFields();
  const syscalls: Syscall[] = [];
  const plain = one([0, 1, 5, 40, 300]);
  if (plain > 0) {
    const some = Array.from({ length: plain }, () => one(names));
    syscalls.push({ names: [...new Set(some)], ...actionFields() });
  }
  const chosen = Array.from({ length: below(12) }, () => random() < 0.4 ? one(CHOSEN) : one(names));
  for (const called of new Set(chosen)) {
    const shared = actionFields();
    const count = 1 + below(4);
    // Of two upper bounds with different actions the one given first keeps the smaller upper halves (db.c sets
    // `act_t` where it means `act_f`): an accident that we do not follow.
    let mayBound = true;
    for (let rules = count; rules > 0; rules--) {
      const fields = kind === "contradicting" ? actionFields() : shared;
      const args = conditions(count === 1, mayBound);
      if (kind === "contradicting" && args.some(({ op }) => UPPER.includes(op.slice("SCMP_CMP_".length)))) {
        mayBound = false;
      }
      syscalls.push({ names: [called], ...fields, ...(random() < 0.95 ? { args } : {}) });
    }
  }
  const listed = [own!, ...others].filter(() => random() < 0.7);
  return {
    defaultAction,
    ...(errnoRet === undefined ? {} : { defaultErrnoRet: errnoRet }),
    ...(listed.length === 0 ? {} : { architectures: listed }),
    syscalls: shuffled(syscalls, random),
  };
}

/** The same profile with SCMP_ACT_NOTIFY where it has SCMP_ACT_TRAP; write, which may not be notified, is allowed. */
export function notifying(profile: Seccomp): Seccomp {
  const syscalls = profile.syscalls!.map((rule) => ({
    ...rule,
    names: rule.names.filter((name) => name !== "write"),
    action: rule.action === "SCMP_ACT_TRAP" ? "SCMP_ACT_NOTIFY" : rule.action,
  })).filter(({ names }) => names.length > 0);
  return {
    ...profile,
    listenerPath: "/run/agent",
    syscalls: [...syscalls, { names: ["write"], action: "SCMP_ACT_ALLOW" }],
  };
}
