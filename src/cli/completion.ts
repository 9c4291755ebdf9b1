import { commands } from "./commands.ts";
import { bashCompletion, fishCompletion, zshCompletion } from "./completion_text.ts";
import { type Call, GLOBAL_FLAGS } from "./table.ts";
import { ContainerError } from "../errors.ts";

/** `completion SHELL`: what the shell is to source. */
export function run({ args, print }: Call): number {
  const text = textFor(args[0]!);
  if (text === undefined) {
    throw new ContainerError(`unknown shell ${JSON.stringify(args[0])}`, {
      reason: "must be bash, zsh or fish",
    });
  }
  print(text);
  return 0;
}

function textFor(shell: string): string | undefined {
  switch (shell) {
    case "bash":
      return bashCompletion(commands(), GLOBAL_FLAGS);
    case "zsh":
      return zshCompletion(commands(), GLOBAL_FLAGS);
    case "fish":
      return fishCompletion(commands(), GLOBAL_FLAGS);
    default:
      return undefined;
  }
}
