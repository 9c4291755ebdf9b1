import { checkHost, type CheckResult } from "../container/check.ts";
import { ContainerError } from "../errors.ts";
import type { Call } from "./table.ts";

export function run({ flags, runtime, print }: Call): number {
  const format = flags.string("format") ?? "table";
  if (format !== "table" && format !== "json") throw new ContainerError("invalid format option");
  const result = checkHost(runtime);
  print(format === "json" ? `${JSON.stringify(result, null, 2)}\n` : text(result));
  return result.usable ? 0 : 1;
}

/** One line a finding: `ok       mounts: …`, with what to do about it, and one line that sums up. */
export function text({ user, usable, findings }: CheckResult): string {
  const width = Math.max(...findings.map(({ name }) => name.length)) + 2;
  const lines = findings.map(({ name, status, detail, fix }) =>
    `${status.padEnd(9)}${name.padEnd(width)}${detail}${fix === undefined ? "" : ` (fix: ${fix})`}`
  );
  const lacking = findings.filter(({ status, required }) => status === "missing" && required === true)
    .map(({ name }) => name).join(", ");
  const summary = usable
    ? `${user} can run containers here`
    : `${user} cannot run containers here: ${lacking}`;
  return [...lines, "", summary, ""].join("\n");
}
