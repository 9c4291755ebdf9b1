import { containerPids } from "../container/pids.ts";
import { ContainerError } from "../errors.ts";
import type { Call } from "./table.ts";

export function run({ args, flags, runtime, print }: Call): number {
  const format = flags.string("format") ?? "table";
  if (format !== "table" && format !== "json") throw new ContainerError("invalid format option");
  const pids = containerPids(runtime, args[0]!);
  if (format === "json") print(`${JSON.stringify(pids.length === 0 ? null : pids)}\n`);
  else print(ownLines(hostProcesses(args.slice(1)), new Set(pids)));
  return 0;
}

function hostProcesses(options: readonly string[]): string {
  let output: Deno.CommandOutput;
  try {
    output = new Deno.Command("ps", { args: options.length === 0 ? ["-ef"] : [...options] }).outputSync();
  } catch (error) {
    throw new ContainerError("run ps", { errno: (error as { code?: string }).code ?? "ENOENT" });
  }
  if (!output.success) {
    const reason = `exit status ${output.code}: ${new TextDecoder().decode(output.stderr).trim()}`;
    throw new ContainerError("ps failed", { reason });
  }
  return new TextDecoder().decode(output.stdout);
}

/** The header and the lines whose PID is one of the container's. Throws ContainerError where there is no such column. */
export function ownLines(text: string, pids: ReadonlySet<number>): string {
  const [header = "", ...lines] = text.split("\n");
  const column = header.trim().split(/\s+/).indexOf("PID");
  if (column < 0) throw new ContainerError("couldn't find PID field in ps output");
  const own = lines.filter((line) => pids.has(Number(line.trim().split(/\s+/)[column])));
  return [header, ...own, ""].join("\n");
}
