// Written by scripts/gen_plan_h.ts: do not edit.
/** planAbi() of the table in schema.ts. */
export const PLAN_ABI = 0x92d3e40c74821404n;
