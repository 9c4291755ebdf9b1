import { KEPT_VERBS, OPS, WORDS } from "./schema.ts";

/** FNV-1a (64 bits) over the table, so that C built from another table answers EPROTO before any operation. */
export function planAbi(): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const ch of JSON.stringify([OPS, WORDS, KEPT_VERBS])) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(ch.charCodeAt(0))) * 0x100000001b3n);
  }
  return hash;
}
