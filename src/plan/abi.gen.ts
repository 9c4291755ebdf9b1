// Written by scripts/gen_plan_h.ts: do not edit.
/** planAbi() of the table in schema.ts. */
export const PLAN_ABI = 0xd18b4f3e99a21b1n;
