// Written by scripts/gen_plan_h.ts: do not edit.
/** planAbi() of the table in schema.ts. */
export const PLAN_ABI = 0xabe291b005fdd3a0n;
