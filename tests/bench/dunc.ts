import { call, type CommandOptions, type Outcome } from "../support/command.ts";
import { theSetting } from "../support/setting.ts";

export type { CommandOptions as RunOptions, Outcome as Result } from "../support/command.ts";

/** The executable under test. */
export function duncPath(): string {
  return theSetting().dunc;
}

/** Run a command to its end; after the time (default 20 s) it alone is killed, and the test fails. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Outcome> {
  return call([command, ...args], options);
}
