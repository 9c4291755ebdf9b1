/**
 * The name that help and version are printed under: `runc` where dunc stands in for it under that name (a link, a copy),
 * since callers look for "runc version" and "runc - Open Container Initiative runtime"; `dunc` under any other name.
 */
export function programName(): string {
  return nameOf(ownCommandLine());
}

/** The same, of the words of a command line that end with NUL each, as `/proc/self/cmdline` has them. */
export function nameOf(commandLine: string): string {
  const first = commandLine.split("\0")[0]!;
  return first.slice(first.lastIndexOf("/") + 1) === "runc" ? "runc" : "dunc";
}

function ownCommandLine(): string {
  try {
    return Deno.readTextFileSync("/proc/self/cmdline");
  } catch {
    return "";
  }
}
