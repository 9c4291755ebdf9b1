import { originText } from "../errors.ts";
import type { Plan, Step } from "./plan.ts";
import { OPS } from "./schema.ts";

/** A plan for people, one line an operation: its number, the operation, its fields, and what asks for it. */
export function formatPlan(plan: Plan): string {
  return plan.steps.map((step, index) => `${String(index).padStart(4)}  ${formatStep(step, plan)}`).join(
    "\n",
  );
}

function formatStep(step: Step, plan: Plan): string {
  const row: Record<string, string> = OPS[step.op.op];
  const fields = Object.keys(row).map((field) => {
    const value = (step.op as unknown as Record<string, unknown>)[field];
    return `${field}=${formatValue(value, row[field]!, plan)}`;
  });
  const tolerate = step.tolerate === undefined ? "" : `  tolerates ${step.tolerate.join(",")}`;
  const skip = step.skip === undefined ? "" : ` skips ${step.skip}`;
  const origin = originText(step.origin);
  return `${[step.op.op, ...fields].join(" ")}${tolerate}${skip}${origin === "" ? "" : `  # ${origin}`}`;
}

function formatValue(value: unknown, type: string, plan: Plan): string {
  if (type.startsWith("slot")) return value === null ? "-" : `<${plan.slots[value as number]}>`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === "bigint") return `0x${value.toString(16)}`;
  if (typeof value === "number") return value > 9 ? `0x${value.toString(16)}` : String(value);
  return JSON.stringify(value);
}
