import { AARCH64, ARM, X32, X86, X86_64 } from "../linux/syscalls.gen.ts";

/** The machine a filter is compiled for. */
export type Machine = "x86_64" | "aarch64";

/** One calling convention that a filter tells apart. */
export interface Architecture {
  /** The profile's name of it. */
  readonly name: string;
  /** What the kernel puts into `seccomp_data.arch` (AUDIT_ARCH_* of linux/audit.h). */
  readonly audit: number;
  /** How many bits of an argument a condition looks at: libseccomp takes x32 for 32 as well. */
  readonly bits: 32 | 64;
  readonly table: string;
  /** socket(2) and the System V calls also come through socketcall(2) and ipc(2). */
  readonly multiplexed: boolean;
}

/** Bit 30 of the number marks a call of the x32 convention (asm/unistd.h, __X32_SYSCALL_BIT). */
export const X32_BIT = 0x40000000;

const SCMP_ARCH_X86_64 = {
  name: "SCMP_ARCH_X86_64",
  audit: 0xc000003e,
  bits: 64,
  table: X86_64,
  multiplexed: false,
} as const;
const SCMP_ARCH_X86 = {
  name: "SCMP_ARCH_X86",
  audit: 0x40000003,
  bits: 32,
  table: X86,
  multiplexed: true,
} as const;
const SCMP_ARCH_X32 = {
  name: "SCMP_ARCH_X32",
  audit: 0xc000003e,
  bits: 32,
  table: X32,
  multiplexed: false,
} as const;
const SCMP_ARCH_AARCH64 = {
  name: "SCMP_ARCH_AARCH64",
  audit: 0xc00000b7,
  bits: 64,
  table: AARCH64,
  multiplexed: false,
} as const;
const SCMP_ARCH_ARM = {
  name: "SCMP_ARCH_ARM",
  audit: 0x40000028,
  bits: 32,
  table: ARM,
  multiplexed: false,
} as const;

/** The conventions that programs of a machine can use; the first is its own. */
export const CONVENTIONS: Readonly<Record<Machine, readonly Architecture[]>> = {
  x86_64: [SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32],
  aarch64: [SCMP_ARCH_AARCH64, SCMP_ARCH_ARM],
};

/** Every architecture the runtime specification names (config-linux.md, Seccomp). */
const KNOWN =
  "X86 X86_64 X32 ARM AARCH64 MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64 PPC64LE " +
  "S390 S390X PARISC PARISC64 RISCV64 LOONGARCH64 M68K SH SHEB";

/** Whether the specification knows an architecture by this name. */
export const isKnownArchitecture = (name: string): boolean =>
  name.startsWith("SCMP_ARCH_") && KNOWN.split(" ").includes(name.slice("SCMP_ARCH_".length));

let numbers: Map<Architecture, ReadonlyMap<string, number>> | undefined;

/** The system calls of an architecture: name to number, x32's with its bit. Split on first use. */
export function syscallNumbers(architecture: Architecture): ReadonlyMap<string, number> {
  numbers ??= new Map();
  let table = numbers.get(architecture);
  if (table === undefined) numbers.set(architecture, table = tableOf(architecture.table));
  return table;
}

function tableOf(text: string): ReadonlyMap<string, number> {
  const table = new Map<string, number>();
  let next = 0;
  for (const token of text.split(" ")) {
    if (token.charCodeAt(0) <= 57) next = Number(token);
    else table.set(token, next++);
  }
  return table;
}
