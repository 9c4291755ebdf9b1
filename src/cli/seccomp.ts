import { machine } from "../container/seccomp.ts";
import { ContainerError } from "../errors.ts";
import type { Machine } from "../seccomp/architecture.ts";
import { type Difference, explainCall, type Explanation, profileDifferences } from "../seccomp/explain.ts";
import { parseSpec } from "../spec/parse.ts";
import type { Seccomp } from "../spec/schema.ts";
import { ioError } from "../state/folder.ts";
import { absolute } from "./runtime.ts";
import { record } from "./seccomp_record.ts";
import type { Call } from "./table.ts";

export function run({ args, flags, print, runtime }: Call): number {
  const [verb, ...operands] = args;
  if (verb === "record") return record(operands, { runtime, print });
  const target = machineOf(flags.string("machine"));
  if (verb === "explain" && operands.length >= 2) print(explain(operands, target));
  else if (verb === "diff" && operands.length === 2) print(diff(operands, target));
  else {throw new ContainerError(
      "seccomp: give `explain CONFIG SYSCALL [ARGUMENT...]`, `diff CONFIG CONFIG` or `record CONTAINER`",
    );}
  return 0;
}

function machineOf(name: string | undefined): Machine {
  if (name === undefined) return machine();
  if (name === "x86_64" || name === "aarch64") return name;
  throw new ContainerError("--machine", { reason: `${JSON.stringify(name)} is neither x86_64 nor aarch64` });
}

function explain([path, syscall, ...values]: readonly string[], target: Machine): string {
  const number = /^\d+$/.test(syscall!) ? Number(syscall) : syscall!;
  const explanations = explainCall(profileAt(path!), target, number, values.map(argumentOf));
  if (explanations.length > 0) return explanations.map(explanationText).join("");
  throw new ContainerError("seccomp explain", {
    reason: `${target} has no system call ${JSON.stringify(syscall)}`,
  });
}

const explanationText = ({ architecture, number, action, reason, steps }: Explanation): string =>
  `${architecture} ${number}: ${action} (${steps} instructions)\n  ${reason}\n`;

function diff([before, after]: readonly string[], target: Machine): string {
  return profileDifferences(profileAt(before!), profileAt(after!), target).map(differenceText).join("");
}

const differenceText = ({ architecture, name, before, after }: Difference): string =>
  `${architecture} ${name ?? "(calls without a rule)"}: ${before} -> ${after}\n`;

/** A number of 64 bits: decimal, hexadecimal, or negative. */
function argumentOf(text: string): bigint {
  const [, sign, digits] = /^(-?)(0x[0-9a-fA-F]+|\d+)$/.exec(text) ?? [];
  if (digits === undefined) {
    throw new ContainerError("seccomp explain", { reason: `${JSON.stringify(text)} is no whole number` });
  }
  return sign === "-" ? -BigInt(digits) : BigInt(digits);
}

/** The profile in a config.json, or in a file that holds a profile alone. */
function profileAt(path: string): Seccomp {
  let text: string;
  try {
    text = Deno.readTextFileSync(absolute(path));
  } catch (error) {
    throw ioError("read seccomp profile", path, error);
  }
  const profile = parseSpec(isProfile(text) ? `{"linux":{"seccomp":${text}}}` : text).linux?.seccomp;
  if (profile === undefined) throw new ContainerError(path, { reason: "has no linux.seccomp" });
  return profile;
}

function isProfile(text: string): boolean {
  try {
    return Object.hasOwn(JSON.parse(text), "defaultAction");
  } catch {
    // What is wrong with it, the reader of config.json says.
    return false;
  }
}
