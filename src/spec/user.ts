import { ContainerError } from "../errors.ts";
import type { Process } from "./schema.ts";

/** Who a process runs as, with the specification's defaults filled in. */
export interface User {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  readonly umask: number | undefined;
}

export function userOf({ user }: Process): User {
  return {
    uid: user?.uid ?? 0,
    gid: user?.gid ?? 0,
    additionalGids: user?.additionalGids ?? [],
    umask: user?.umask,
  };
}

const LARGEST = 0xffffffff - 1;

/**
 * Read `UID[:GID]` of `exec --user`: decimal numbers from 0 to 4294967294 and nothing else, because a text that is
 * half read becomes 0 by accident (CVE-2026-30892), and names are never looked up (CVE-2016-3697).
 *
 * Throws ContainerError `bad uid: …` or `bad gid: …`.
 */
export function parseUser(text: string): { readonly uid: number; readonly gid: number | undefined } {
  const colon = text.indexOf(":");
  const uid = parseId(colon < 0 ? text : text.slice(0, colon));
  if (uid === undefined) {
    throw new ContainerError("bad uid", { place: "--user", reason: JSON.stringify(text) });
  }
  if (colon < 0) return { uid, gid: undefined };
  const gid = parseId(text.slice(colon + 1));
  if (gid === undefined) {
    throw new ContainerError("bad gid", { place: "--user", reason: JSON.stringify(text) });
  }
  return { uid, gid };
}

function parseId(text: string): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const number = Number(text);
  // 4294967295 is (uid_t)-1, which setresuid(2) takes for "leave it".
  return number <= LARGEST ? number : undefined;
}
