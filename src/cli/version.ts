import { commit } from "../container/commit.ts";
import { OCI_VERSION } from "../spec/version.ts";

/** The version of dunc: deno.json's (a test keeps them equal). */
export const VERSION = "0.1.0";

/**
 * What `--version` prints: the program, the commit, then the specification, one `name: value` a line, which is what
 * moby looks for (`spec:`) and what containerd's client splits.
 */
export function versionText(program = "dunc"): string {
  return [`${program} version ${VERSION}`, `commit: ${commit()}`, `spec: ${OCI_VERSION}`, ""].join("\n");
}
