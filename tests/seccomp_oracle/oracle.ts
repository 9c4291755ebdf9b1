import type { Machine } from "../../src/seccomp/architecture.ts";
import { decodeProgram, type Instruction } from "../../src/seccomp/instruction.ts";
import type { Seccomp } from "../../src/spec/schema.ts";

/** libseccomp's tokens (seccomp.h). */
export const TOKENS: Readonly<Record<string, number>> = {
  SCMP_ARCH_X86_64: 0xc000003e,
  SCMP_ARCH_X86: 0x40000003,
  SCMP_ARCH_X32: 0x4000003e,
  SCMP_ARCH_AARCH64: 0xc00000b7,
  SCMP_ARCH_ARM: 0x40000028,
};

const OPERATORS = ["", "NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"].map((name) => `SCMP_CMP_${name}`);

const ACTIONS: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x30000,
  SCMP_ACT_ERRNO: 0x50000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_NOTIFY: 0x7fc00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
};

/** How libseccomp lays a program out (SCMP_FLTATR_CTL_OPTIMIZE). */
export type Layout = "list" | "tree";

/** Build the program that asks libseccomp; undefined where gcc or libseccomp's headers are missing. */
export function buildOracle(folder: string): string | undefined {
  const source = new URL("oracle.c", import.meta.url).pathname;
  const path = `${folder}/oracle`;
  try {
    const probe = new Deno.Command("gcc", { args: ["-E", "-include", "seccomp.h", "-x", "c", "/dev/null"] });
    if (!probe.outputSync().success) return undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const args = ["-Wall", "-Wextra", "-Werror", "-O1", "-o", path, source, "-lseccomp"];
  const { success, stderr } = new Deno.Command("gcc", { args }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return path;
}

export function returnValueOf(action: string, errnoRet: number | undefined): number {
  const takesData = action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE";
  return ACTIONS[action]! + (takesData ? errnoRet ?? 1 : 0);
}

/** A profile as the oracle reads it, its rules as runc would hand them to libseccomp. */
export function oracleLines(profile: Seccomp, machine: Machine, layout: Layout): string {
  const fallback = returnValueOf(profile.defaultAction, profile.defaultErrnoRet);
  const lines = [
    `begin ${fallback.toString(16)} ${layout === "tree" ? 2 : 1}`,
    `machine ${TOKENS[machine === "x86_64" ? "SCMP_ARCH_X86_64" : "SCMP_ARCH_AARCH64"]!.toString(16)}`,
    ...(profile.architectures ?? []).map((name) => `arch ${TOKENS[name]!.toString(16)}`),
  ];
  for (const { names, action, errnoRet, args = [] } of profile.syscalls ?? []) {
    const value = returnValueOf(action, errnoRet);
    if (value === fallback) continue;
    const conditions = args.map(({ index, op, value, valueTwo = 0n }) =>
      `${index} ${OPERATORS.indexOf(op)} ${value.toString(16)} ${valueTwo.toString(16)}`
    );
    const repeated = new Set(args.map(({ index }) => index)).size < args.length;
    for (const name of names) {
      for (const group of repeated ? conditions.map((condition) => [condition]) : [conditions]) {
        lines.push(`rule ${value.toString(16)} ${name} ${[group.length, ...group].join(" ")}`);
      }
    }
  }
  return [...lines, "end", ""].join("\n");
}

/** What libseccomp made of one profile: a program, or a negative errno. */
export type Answer = { readonly program: Instruction[] } | { readonly errno: number };

/** Ask for the programs of many profiles at once. */
export async function askPrograms(oracle: string, requests: readonly string[]): Promise<Answer[]> {
  const output = await ask(oracle, requests.join(""));
  const view = new DataView(output.buffer, output.byteOffset, output.byteLength);
  let at = 0;
  return requests.map(() => {
    const rc = view.getInt32(at, true);
    const length = view.getUint32(at + 4, true);
    at += 8 + length;
    return rc === 0 ? { program: decodeProgram(output.slice(at - length, at)) } : { errno: rc };
  });
}

/** The numbers libseccomp has for names; negative for one that the architecture lacks. */
export async function askNumbers(
  oracle: string,
  architecture: string,
  names: readonly string[],
): Promise<number[]> {
  const token = TOKENS[architecture]!.toString(16);
  const output = await ask(oracle, names.map((name) => `resolve ${token} ${name}\n`).join(""));
  const view = new DataView(output.buffer, output.byteOffset, output.byteLength);
  return names.map((_, i) => view.getInt32(4 * i, true));
}

async function ask(oracle: string, input: string): Promise<Uint8Array> {
  const child = new Deno.Command(oracle, { stdin: "piped", stdout: "piped", stderr: "inherit" }).spawn();
  const written = (async () => {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
  })();
  const { success, stdout } = await child.output();
  await written;
  if (!success) throw new Error("the oracle failed");
  return stdout;
}
