import type { SeccompRequest } from "../plan/frame.ts";
import type { Spec } from "../spec/schema.ts";

/** The compiled filter of a config.json, if it has one. */
export function seccompOf(_spec: Spec): SeccompRequest | undefined {
  return undefined;
}
