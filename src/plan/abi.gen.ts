// Written by scripts/gen_plan_h.ts: do not edit.
/** planAbi() of the table in schema.ts. */
export const PLAN_ABI = 0x3261bba237a6348dn;
