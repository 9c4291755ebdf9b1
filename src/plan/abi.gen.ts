// Written by scripts/gen_plan_h.ts: do not edit.
/** planAbi() of the table in schema.ts. */
export const PLAN_ABI = 0x6a04387a40e8fe21n;
