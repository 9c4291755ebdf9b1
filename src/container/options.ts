/** What every verb needs to know about its surroundings. Made by `cli/` from the global flags. */
export interface Runtime {
  /** Absolute path of the folder that holds one folder a container (`--root`). */
  readonly root: string;
  /** Whether `root` was named by the caller; a default that does not exist is just empty. */
  readonly rootIsExplicit: boolean;
  readonly cgroupManager: "cgroupfs" | "systemd" | "disabled";
  /** The systemd driver, where it was asked for or a container was made with it: loaded for those alone. */
  readonly systemd?: typeof import("./systemd.ts") | undefined;
  /** Whether refused cgroup writes are tolerated. */
  readonly rootless: boolean;
  /** Whether creations are kept for the first stage: for commands, not for a program that launches by itself. */
  readonly keepsCreations?: boolean;
  readonly log: Log;
}

/** Where records go. One error a command, written by `cli/main.ts`; verbs write warnings and debug lines. */
export interface Log {
  readonly debugEnabled: boolean;
  debug(message: string): void;
  warn(message: string): void;
}

/** `create`. All paths are absolute. */
export interface CreateOptions {
  readonly id: string;
  readonly bundle: string;
  readonly pidFile?: string | undefined;
  readonly consoleSocket?: string | undefined;
  readonly pidfdSocket?: string | undefined;
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
  /** How many descriptors from 3 on the container keeps (0..). */
  readonly preserveFds: number;
}

/** `run`: `create`, then `start`, then (in the foreground) the wait for the end. */
export interface RunOptions extends CreateOptions {
  readonly detach: boolean;
  readonly keep: boolean;
  readonly noSubreaper: boolean;
}

/** `exec`. Unset fields keep what the container's own process has. */
export interface ExecOptions {
  readonly id: string;
  /** Path of a process document (`--process`), or else the arguments. */
  readonly processFile?: string | undefined;
  readonly args: readonly string[];
  readonly cwd?: string | undefined;
  readonly env: readonly string[];
  readonly tty: boolean;
  /** `UID[:GID]` as written. */
  readonly user?: string | undefined;
  readonly additionalGids: readonly number[];
  readonly capabilities: readonly string[];
  readonly noNewPrivileges: boolean;
  readonly processLabel?: string | undefined;
  readonly apparmorProfile?: string | undefined;
  readonly detach: boolean;
  readonly pidFile?: string | undefined;
  readonly consoleSocket?: string | undefined;
  readonly pidfdSocket?: string | undefined;
  readonly preserveFds: number;
  /** `[controller,…:]PATH`, repeatable. */
  readonly cgroups: readonly string[];
  readonly ignorePaused: boolean;
}

export type Status = "creating" | "created" | "running" | "paused" | "stopped";

/** What `state` prints and `list --format json` lists, in this key order (runtime-spec, runtime.md "State"). */
export interface StateDocument {
  readonly ociVersion: string;
  readonly id: string;
  /** 0 when stopped. */
  readonly pid: number;
  readonly status: Status;
  readonly bundle: string;
  readonly rootfs: string;
  /** RFC 3339 with nanoseconds, UTC. */
  readonly created: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly owner: string;
}
