import { theSetting } from "../support/setting.ts";

/** Calls that gate.c knows by name. */
export type Call =
  | "openat2"
  | "openat"
  | "mkdirat"
  | "mknodat"
  | "symlinkat"
  | "unlinkat"
  | "chdir"
  | "execve"
  | "move_mount"
  | "mount_setattr"
  | "open_tree"
  | "fsopen"
  | "fsconfig"
  | "fsmount"
  | "mount"
  | "pivot_root"
  | "setns"
  | "clone3"
  | "faccessat2";

/** What gate.c is told (its head has the meaning of each). */
export interface GateOptions {
  readonly user?: number | undefined;
  /** Calls that answer ENOSYS. */
  readonly missing?: readonly Call[];
  /** Calls of the init that are watched. */
  readonly watched?: readonly Call[];
  readonly log?: string;
  /** Before the Nth watched call this script runs. */
  readonly stop?: { readonly at: number; readonly script: string };
}

/** A watched call of the init: its name, the directory it starts from, and the path it looks up. */
export interface LookUp {
  readonly call: string;
  readonly directory: string;
  readonly path: string;
}

let program: string | undefined;

/** The words before a command that put it behind the gate; none when nothing is asked of it. */
export function gateWords({ user, missing = [], watched = [], log, stop }: GateOptions): string[] {
  if (user === undefined && missing.length + watched.length === 0) return [];
  return [
    program ??= compile(),
    ...(user === undefined ? [] : ["-u", String(user)]),
    ...missing.flatMap((call) => ["-e", call]),
    ...watched.flatMap((call) => ["-w", call]),
    ...(log === undefined ? [] : ["-o", log]),
    ...(stop === undefined ? [] : ["-n", String(stop.at), "-x", stop.script]),
  ];
}

export function readLookUps(log: string): LookUp[] {
  return Deno.readTextFileSync(log).split("\n").filter((line) => line !== "").map((line) => {
    const [call, directory, path] = line.split("\t");
    return { call: call!, directory: directory!, path: path! };
  });
}

function compile(): string {
  const source = new URL("./gate.c", import.meta.url).pathname;
  const path = `${theSetting().folder}/gate`;
  const args = ["-O1", "-Wall", "-Wextra", "-Werror", "-o", path, source];
  const { code, stderr } = new Deno.Command("gcc", { args }).outputSync();
  if (code !== 0) throw new Error(`gcc gate.c: ${new TextDecoder().decode(stderr)}`);
  return path;
}
