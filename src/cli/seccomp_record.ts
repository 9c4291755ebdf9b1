import { recordContainer } from "../container/seccomp_record.ts";
import { parseArgv } from "./argv.ts";
import { CREATION, ID } from "./commands.ts";
import { creationOptions } from "./creation.ts";
import { commandHelp } from "./help.ts";
import { absolute } from "./runtime.ts";
import { type Call, type Command, GLOBAL_FLAGS } from "./table.ts";

/**
 * `seccomp record`, a command line of its own behind the word: its flags are `run`'s, while those of `explain` end at
 * the first argument, which may be a negative number.
 */
export function record(
  words: readonly string[],
  { runtime, print }: Pick<Call, "runtime" | "print">,
): number {
  const command = recordCommand();
  const help = GLOBAL_FLAGS.filter(({ name }) => name === "help");
  const call = parseArgv([command.name, ...words], [command], help);
  if (call.help) {
    print(commandHelp(command));
    return 0;
  }
  return recordContainer(runtime, {
    ...creationOptions(call.args[0]!, call.flags),
    detach: false,
    keep: false,
    noSubreaper: false,
    output: absolute(call.flags.string("output") || "seccomp.json"),
  });
}

/** The command line behind `seccomp record`. */
function recordCommand(): Command {
  return {
    name: "seccomp record",
    usage: "run a container and write the smallest seccomp profile that would have let it run",
    args: ID,
    minArgs: 1,
    maxArgs: 1,
    description:
      "Runs a container in the foreground, as `run` does, and hears of every system call of its processes. The\n" +
      "profile denies by default, allows what was called, and what `create` needs beside that; where config.json\n" +
      "has a profile already, it stays in force and the new one goes no further: its conditions and denials stay.",
    flags: [
      {
        name: "output",
        alias: "o",
        kind: "string",
        value: "FILE",
        default: "seccomp.json",
        help: "the file to write the profile to",
      },
      ...CREATION,
    ],
    load: () => import("./seccomp.ts"),
  };
}
