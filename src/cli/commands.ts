import type { Command, Flag } from "./table.ts";
import { updateFlags } from "./update_table.ts";

export const ID = "<container-id>";

const BUNDLE: Flag = {
  name: "bundle",
  alias: "b",
  kind: "string",
  value: "DIR",
  help: "path to the root of the bundle directory (default: the current directory)",
};

const HANDED_OVER: readonly Flag[] = [
  {
    name: "console-socket",
    kind: "string",
    value: "PATH",
    help: "an AF_UNIX socket that receives the master end of the container's terminal",
  },
  {
    name: "pidfd-socket",
    kind: "string",
    value: "PATH",
    help: "an AF_UNIX socket that receives the process's pidfd",
  },
  { name: "pid-file", kind: "string", value: "PATH", help: "the file to write the process id to" },
];

const PRESERVE_FDS: Flag = {
  name: "preserve-fds",
  kind: "int",
  value: "N",
  default: "0",
  help: "pass N more descriptors, from 3 on, to the container",
};

/** The flags of commands that make a container. */
export const CREATION: readonly Flag[] = [
  BUNDLE,
  ...HANDED_OVER,
  { name: "no-pivot", kind: "bool", help: "do not use pivot_root, for a host that runs from a ramdisk" },
  { name: "no-new-keyring", kind: "bool", help: "do not make a session keyring for the container" },
  PRESERVE_FDS,
];

/** Every command, in the order of help texts. */
export function commands(): readonly Command[] {
  return [
    {
      name: "check",
      usage: "tell what this host allows, and what to do about the rest",
      args: "",
      minArgs: 0,
      maxArgs: 0,
      description:
        "Tries out what a container of the calling user is made of: namespaces, mounts, id maps, a cgroup. What\n" +
        "it makes is gone when it ends. Exits with 0 when a container can be run, else with 1.",
      flags: [{
        name: "format",
        alias: "f",
        kind: "string",
        value: "FORMAT",
        default: "table",
        help: "table or json",
      }],
      load: () => import("./check.ts"),
    },
    {
      name: "completion",
      usage: "print what a shell completes command lines of dunc with",
      args: "bash|zsh|fish",
      minArgs: 1,
      maxArgs: 1,
      description:
        "For the shell to source: source <(dunc completion bash), source <(dunc completion zsh), or\n" +
        "dunc completion fish | source.",
      flags: [],
      load: () => import("./completion.ts"),
    },
    {
      name: "create",
      usage: "create a container",
      args: ID,
      minArgs: 1,
      maxArgs: 1,
      description:
        "Makes a container of a bundle. Its process waits until `start` lets it execute the program\n" +
        "that config.json names.",
      flags: CREATION,
      failurePrefix: "dunc create failed",
      load: () => import("./create.ts"),
    },
    {
      name: "delete",
      usage: "delete any resources held by the container",
      args: ID,
      minArgs: 1,
      maxArgs: 1,
      flags: [{ name: "force", alias: "f", kind: "bool", help: "kill the container first if it still runs" }],
      load: () => import("./delete.ts"),
    },
    {
      name: "events",
      usage: "show events such as OOM notifications, and statistics",
      args: ID,
      minArgs: 1,
      maxArgs: 1,
      description: "Prints a line of JSON each time, until nothing runs in the container any more.",
      flags: [
        {
          name: "interval",
          kind: "duration",
          value: "DURATION",
          default: "5s",
          help: "time between two statistics",
        },
        { name: "stats", kind: "bool", help: "print the statistics once and exit" },
      ],
      load: () => import("./events.ts"),
    },
    {
      name: "exec",
      usage: "execute a new process in the container",
      args: `${ID} <command> [command options]  || -p process.json ${ID}`,
      minArgs: 1,
      stopsAtArgument: true,
      description:
        "The process is the container's own of config.json, changed by the flags, or the one that\n" +
        "--process names. A failure of dunc itself exits with 255.",
      flags: [
        ...HANDED_OVER,
        { name: "cwd", kind: "string", value: "DIR", help: "working directory in the container" },
        {
          name: "env",
          alias: "e",
          kind: "strings",
          value: "NAME=VALUE",
          help: "set an environment variable",
        },
        { name: "tty", alias: "t", kind: "bool", help: "give the process a terminal" },
        { name: "user", alias: "u", kind: "string", value: "UID[:GID]", help: "run as this user" },
        { name: "additional-gids", alias: "g", kind: "ints", value: "GID", help: "add a group" },
        {
          name: "process",
          alias: "p",
          kind: "string",
          value: "FILE",
          help: "a process.json to take everything from",
        },
        { name: "detach", alias: "d", kind: "bool", help: "do not wait for the process's end" },
        { name: "process-label", kind: "string", value: "LABEL", help: "SELinux label of the process" },
        { name: "apparmor", kind: "string", value: "PROFILE", help: "AppArmor profile of the process" },
        { name: "no-new-privs", kind: "bool", help: "set no_new_privs" },
        { name: "cap", alias: "c", kind: "strings", value: "CAP", help: "add a capability" },
        PRESERVE_FDS,
        {
          name: "cgroup",
          kind: "strings",
          value: "[CONTROLLER,…:]PATH",
          help: "run in a group below the container's",
        },
        { name: "ignore-paused", kind: "bool", help: "exec in a paused container too" },
      ],
      failureCode: 255,
      failurePrefix: "exec failed",
      load: () => import("./exec.ts"),
    },
    {
      name: "features",
      usage: "print what this build carries out, as JSON",
      args: "",
      minArgs: 0,
      maxArgs: 0,
      flags: [],
      load: () => import("./features.ts"),
    },
    {
      name: "kill",
      usage: "send a signal to the container's process (default: SIGTERM)",
      args: `${ID} [signal]`,
      minArgs: 1,
      maxArgs: 2,
      stopsAtArgument: true,
      flags: [{
        name: "all",
        alias: "a",
        kind: "bool",
        help: "send it to all processes of the container",
        hidden: true,
      }],
      load: () => import("./kill.ts"),
    },
    {
      name: "list",
      usage: "list the containers of the root directory",
      args: "",
      minArgs: 0,
      maxArgs: 0,
      flags: [
        {
          name: "format",
          alias: "f",
          kind: "string",
          value: "FORMAT",
          default: "table",
          help: "table or json",
        },
        { name: "quiet", alias: "q", kind: "bool", help: "print ids only" },
      ],
      load: () => import("./list.ts"),
    },
    {
      name: "pause",
      usage: "stop all processes of the container",
      args: ID,
      minArgs: 1,
      maxArgs: 1,
      flags: [],
      load: () => import("./pause.ts"),
    },
    {
      name: "ps",
      usage: "show the processes of the container",
      args: `${ID} [ps options]`,
      minArgs: 1,
      stopsAtArgument: true,
      description:
        "Runs the host's ps with the options given (default -ef) and shows the lines of the container's\n" +
        "processes, or prints their numbers as JSON.",
      flags: [{
        name: "format",
        alias: "f",
        kind: "string",
        value: "FORMAT",
        default: "table",
        help: "table or json",
      }],
      load: () => import("./ps.ts"),
    },
    {
      name: "resume",
      usage: "let all processes of the container go on",
      args: ID,
      minArgs: 1,
      maxArgs: 1,
      flags: [],
      load: () => import("./resume.ts"),
    },
    {
      name: "run",
      usage: "create and start a container",
      args: ID,
      minArgs: 1,
      maxArgs: 1,
      description:
        "Makes a container of a bundle and starts it. In the foreground it forwards signals, waits, exits\n" +
        "with the program's status (128 + N for signal N) and deletes the container.",
      flags: [
        ...CREATION,
        { name: "detach", alias: "d", kind: "bool", help: "do not wait for the container's end" },
        { name: "keep", kind: "bool", help: "do not delete the container when it has ended" },
        { name: "no-subreaper", kind: "bool", help: "do not become the parent of orphans" },
      ],
      failurePrefix: "dunc run failed",
      load: () => import("./run.ts"),
    },
    {
      name: "seccomp",
      usage: "explain a seccomp profile, tell how two differ, or record one",
      args: `explain CONFIG SYSCALL [ARGUMENT...] | diff CONFIG CONFIG | record [--output FILE] ${ID}`,
      minArgs: 1,
      stopsAtArgument: true,
      description:
        "CONFIG is a config.json, or a file with a seccomp profile alone. `explain` tells for a call, by name or\n" +
        "number, which rule decides and what happens; `diff` names the calls that two profiles answer otherwise;\n" +
        "`record` runs a container and writes the smallest profile that would have let it run (record --help).",
      flags: [{
        name: "machine",
        kind: "string",
        value: "ARCH",
        help: "x86_64 or aarch64 (default: this machine)",
      }],
      load: () => import("./seccomp.ts"),
    },
    {
      name: "spec",
      usage: "write a config.json to start from",
      args: "",
      minArgs: 0,
      maxArgs: 0,
      flags: [
        { ...BUNDLE, help: "the directory to write it to (default: the current directory)" },
        { name: "rootless", kind: "bool", help: "for a container of an ordinary user" },
        {
          name: "from-host",
          kind: "bool",
          help: "make a root file system in rootfs that shows this host's programs, read-only",
        },
      ],
      load: () => import("./spec.ts"),
    },
    {
      name: "start",
      usage: "let a created container execute its program",
      args: ID,
      minArgs: 1,
      maxArgs: 1,
      flags: [],
      load: () => import("./start.ts"),
    },
    {
      name: "state",
      usage: "print the state of a container",
      args: ID,
      minArgs: 1,
      maxArgs: 1,
      flags: [],
      load: () => import("./state.ts"),
    },
    {
      name: "stats",
      usage: "show what containers use, again and again",
      args: "[<container-id>...]",
      minArgs: 0,
      description:
        "A line for each container that is named, or for all that run: CPU (100 % is one CPU), memory\n" +
        "without inactive page cache against the limit, processes, bytes read from and written to devices,\n" +
        "and pressure: the percentage of the last 10 s in which a process waited for CPU, memory, IO.\n" +
        "In a terminal the table is drawn again, elsewhere lines are added. json is a line a container;\n" +
        "prometheus is one text with counters, printed once.",
      flags: [
        {
          name: "format",
          alias: "f",
          kind: "string",
          value: "FORMAT",
          default: "table",
          help: "table, json or prometheus",
        },
        {
          name: "interval",
          kind: "string",
          value: "DURATION",
          default: "2s",
          help: "time between two tables; with --once the time that CPU use is measured over (0.5s)",
        },
        { name: "once", kind: "bool", help: "print one table and exit" },
        { name: "no-stream", kind: "bool", help: "the same as --once", hidden: true },
      ],
      load: () => import("./stats.ts"),
    },
    {
      name: "update",
      usage: "update container resource constraints",
      args: ID,
      minArgs: 1,
      maxArgs: 1,
      description: "Limits come from flags, or from a document of config.json's linux.resources form:\n" +
        "--resources FILE, or - for standard input; other flags are ignored then.",
      flags: updateFlags(),
      load: () => import("./update.ts"),
    },
  ];
}
