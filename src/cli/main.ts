import { ContainerError } from "../errors.ts";
import { parseArgv, UsageError } from "./argv.ts";
import { commands } from "./commands.ts";
import { type LogWriter, openLog, writeError, writeOutput } from "./log_writer.ts";
import { absolute, runtimeOf, withDriver } from "./runtime.ts";
import { type Command, type FlagValues, GLOBAL_FLAGS } from "./table.ts";

/** The exit code of a topic that nobody knows, as runc's. */
const NO_TOPIC = 3;

/**
 * The program: one command line to one exit code. The only place that catches errors and prints them, once.
 */
export async function main(argv: readonly string[]): Promise<number> {
  let log: LogWriter | undefined;
  let command: Command | undefined;
  try {
    const call = parseArgv(argv, commands(), GLOBAL_FLAGS);
    command = call.command;
    if (call.help || (command === undefined && !call.globals.bool("version"))) {
      return await printHelp(command);
    }
    if (command === undefined || call.globals.bool("version")) return await printVersion();
    log = openLog(logOptions(call.globals));
    const runtime = await withDriver(runtimeOf(call.globals, log));
    const { run } = await command.load();
    const complain = (line: string) => writeError(`${line}\n`);
    return await run({ ...call, runtime, print: writeOutput, complain });
  } catch (error) {
    if (error instanceof UsageError) return await printUsageError(error);
    (log ?? plainLog()).fail(messageOf(error, command));
    return exitCodeOf(error, command);
  }
}

/** For what goes wrong before there is a log: text on standard error. */
const plainLog = (): LogWriter => openLog({ format: "text", debug: false });

/** The log of a command line with a mistake. */
function logOf({ kind, command, globals }: UsageError): LogWriter {
  // Of global flags with a mistake among them, none is trusted.
  if (kind === "flag" && command === undefined) return plainLog();
  try {
    return openLog(logOptions(globals));
  } catch {
    return plainLog();
  }
}

function logOptions(globals: FlagValues) {
  const format = globals.string("log-format") ?? "text";
  if (format !== "text" && format !== "json") throw new ContainerError(`invalid log-format: ${format}`);
  const file = globals.string("log");
  return {
    file: file === undefined || file === "" ? undefined : absolute(file),
    format: format as "text" | "json",
    debug: globals.bool("debug"),
  };
}

function messageOf(error: unknown, command: Command | undefined): string {
  const prefix = command?.failurePrefix === undefined ? "" : `${command.failurePrefix}: `;
  if (error instanceof ContainerError) return prefix + error.message;
  // Not one of ours: a mistake in dunc. Say where, so that it can be reported.
  const where = error instanceof Error ? error.stack ?? error.message : String(error);
  return `${prefix}internal error: ${where.split("\n").slice(0, 4).map((line) => line.trim()).join(" | ")}`;
}

function exitCodeOf(error: unknown, command: Command | undefined): number {
  if (error instanceof ContainerError && error.detail.exitCode !== undefined) return error.detail.exitCode;
  return command?.failureCode ?? 1;
}

async function printHelp(command: Command | undefined): Promise<number> {
  writeOutput(await helpText(command));
  return 0;
}

async function printVersion(): Promise<number> {
  const [{ versionText }, { programName }] = await Promise.all([
    import("./version.ts"),
    import("./program_name.ts"),
  ]);
  writeOutput(versionText(programName()));
  return 0;
}

async function helpText(command: Command | undefined): Promise<string> {
  const [{ commandHelp, programHelp }, { programName }] = await Promise.all([
    import("./help.ts"),
    import("./program_name.ts"),
  ]);
  return command === undefined ? programHelp(commands(), programName()) : commandHelp(command, programName());
}

/** runc's forms: what is wrong and the help on standard output, the error in the log and on standard error. */
async function printUsageError(error: UsageError): Promise<number> {
  const { command, kind, message } = error;
  const log = logOf(error);
  if (kind === "command") {
    log.fail(message);
    return NO_TOPIC;
  }
  const head = kind === "flag" ? `Incorrect Usage: ${message}` : "Incorrect Usage.";
  writeOutput(`${head}\n\n${await helpText(command)}`);
  log.fail(kind === "flag" ? message : `dunc: ${message}`);
  return 1;
}
