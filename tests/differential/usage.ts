/** Command lines without a container: help, wrong arguments, flags, names that do not exist. */
import type { Scene, Step } from "../support/differential.ts";
import { PARSER, V15 } from "./reasons.ts";

const NO_ROOT = "runc 1.5 says that a --root is not there; 1.1.5 makes it";

const COMMANDS = (
  "create delete events exec features kill list pause ps resume run spec start state update"
).split(" ");

const MORE_FLAGS = "--cgroup-manager is crun's and podman's, and --criu is not shown, as in runc 1.5";
const NO_CRIU = "checkpoint and restore have an issue of their own";
const CRIU = { code: NO_CRIU, stdout: NO_CRIU, form: NO_CRIU, message: NO_CRIU };

/** Flags that runc 1.1.5 does not list, or lists and 1.5 does not. */
const NEWER: Readonly<Record<string, string>> = {
  create: "--pidfd-socket is of runc 1.2",
  run: "--pidfd-socket is of runc 1.2",
  exec: "--pidfd-socket is of runc 1.2",
  kill: "runc 1.5 does not show --all",
  spec: "--from-host is dunc's own",
  update: "--cpu-burst and --cpu-idle are of runc 1.2",
};

const help = (command: string): Step => ({
  words: `${command} --help`,
  stdout: "help",
  ...(NEWER[command] === undefined ? {} : { differs: { stdout: NEWER[command] } }),
});

export const HELP: Scene = {
  name: "help texts and the version",
  steps: [
    { words: "", stdout: "help", differs: { stdout: MORE_FLAGS } },
    { words: "help", stdout: "help", differs: { stdout: MORE_FLAGS } },
    { words: "h", stdout: "help", differs: { stdout: MORE_FLAGS } },
    { words: "-h", stdout: "help", differs: { stdout: MORE_FLAGS } },
    { words: "--help", stdout: "help", differs: { stdout: MORE_FLAGS } },
    ...COMMANDS.map(help),
    { words: "help state", stdout: "help" },
    { words: "h state", stdout: "help" },
    { words: "state x y z -h", stdout: "help" },
    { words: "help frobnicate" },
    { words: "frobnicate" },
    { words: "frobnicate -h" },
    { words: "checkpoint --help", stdout: "help", differs: CRIU },
    { words: "restore --help", stdout: "help", differs: CRIU },
    { words: "--version", stdout: "version" },
    { words: "-v", stdout: "version" },
    { words: "-version", stdout: "version" },
    { words: "-v state ID", stdout: "version" },
  ],
};

/** The wrong number of arguments. */
const WRONG_COUNTS = [
  "create",
  "create a b",
  "delete",
  "delete a b",
  "events",
  "events a b",
  "exec",
  "features x",
  "kill",
  "kill a b c",
  "list x",
  "pause",
  "pause a b",
  "ps",
  "resume",
  "resume a b",
  "run",
  "run a b",
  "spec x",
  "start",
  "start a b",
  "state",
  "state a b",
  "update",
  "update a b",
];

export const ARGUMENTS: Scene = {
  name: "arguments: too few, too many",
  steps: WRONG_COUNTS.map((words): Step => ({ words, stdout: "usage" })),
};

export const FLAGS: Scene = {
  name: "flags: unknown, without a value, with a wrong one",
  steps: [
    {
      words: "--frobnicate state ID",
      stdout: "usage",
      differs: { stdout: "runc 1.5 has a colon there, as for commands" },
    },
    { words: "state --frobnicate ID", stdout: "usage" },
    { words: "state ID --frobnicate", stdout: "usage", differs: { stdout: PARSER, message: PARSER } },
    { words: "state -x ID", stdout: "usage" },
    { words: "delete -fx ID", stdout: "usage" },
    { words: "run ID --bundle", stdout: "usage", differs: { stdout: PARSER, message: PARSER } },
    { words: "run ID -b", stdout: "usage", differs: { stdout: PARSER, message: PARSER } },
    { words: "delete --force=maybe ID", stdout: "usage" },
    { words: "run --preserve-fds x ID", stdout: "usage" },
    { words: "run --preserve-fds=1x ID", stdout: "usage" },
    { words: "exec -g x ID true", stdout: "usage" },
    { words: "events --interval x ID", stdout: "usage" },
    { words: "update --pids-limit x ID", stdout: "usage" },
    { words: "update --blkio-weight x ID", stdout: "usage" },
    { words: "--log-format yaml state ID" },
    {
      words: "--rootless maybe state ID",
      differs: { message: "runc 1.1.5 does not look at it before it makes a cgroup" },
    },
    { words: "--root / list", bare: true, differs: { code: V15, stdout: V15, form: V15, message: V15 } },
    { words: "--log HERE/none/log list", bare: true },
    { words: ["--root", "", "list"], bare: true },
    // Read as runc's parser reads them: what follows is that there is no such container.
    { words: "delete --force=false ID" },
    { words: "delete -f=0 ID" },
    { words: "delete -force=F ID" },
    { words: "delete --force=t ID" },
    { words: "delete -force ID" },
    { words: "delete ID -f" },
    { words: "delete ID --force=true" },
    { words: "state -- ID" },
    { words: "state -- -x" },
    { words: "kill ID -9" },
    { words: "kill -9 ID", differs: { stdout: PARSER, message: PARSER } },
    { words: "--debug=false state ID" },
    { words: "-debug=0 state ID" },
    { words: "-log-format=json state ID" },
    { words: "-log-format json state ID" },
    {
      words: "-root HERE/state list",
      bare: true,
      alone: true,
      differs: { code: NO_ROOT, stdout: NO_ROOT, form: NO_ROOT, message: NO_ROOT, files: NO_ROOT },
    },
    {
      words: "--root=HERE/state list -q",
      bare: true,
      alone: true,
      differs: { code: NO_ROOT, form: NO_ROOT, message: NO_ROOT, files: NO_ROOT },
    },
    {
      words: "-root=HERE/state list -format=json",
      bare: true,
      alone: true,
      differs: { code: NO_ROOT, stdout: NO_ROOT, form: NO_ROOT, message: NO_ROOT, files: NO_ROOT },
    },
    { words: "--systemd-cgroup=false list -f json" },
    { words: "--rootless=true list -f=json" },
    { words: "--rootless false list --format=table" },
    { words: "list --format yaml" },
    { words: ["list", "--format", ""] },
    { words: "list -q -f json" },
    { words: "list --quiet=false" },
    { words: "state --debug ID", differs: { stdout: PARSER, message: PARSER } },
    { words: "state ID --log-format json", differs: { stdout: PARSER, message: PARSER } },
  ],
};

/** Commands on a container that does not exist. */
const ABSENT = [
  "state ID",
  "start ID",
  "kill ID",
  "kill ID KILL",
  "kill -a ID",
  "delete ID",
  "delete --force ID",
  "pause ID",
  "resume ID",
  "ps ID",
  "ps -f json ID",
  "exec ID true",
  "exec -d ID true",
  "exec -p HERE/none ID",
  "events ID",
  "events --stats ID",
  "update --memory 10M ID",
];

/** Ids that may not be. */
const IDS = ["a/b", "..", ".", "", "a b", "é", "a:b", "/a", "a\n"];

export const NOBODY: Scene = {
  name: "containers that do not exist, and ids that cannot",
  steps: [
    ...ABSENT.map((words): Step => ({ words })),
    ...IDS.map((id): Step => ({ words: ["create", "-b", "BUNDLE", "--", id] })),
    { words: ["state", "a/b"] },
    { words: ["state", ""] },
    { words: ["delete", "-f", "../x"] },
    { words: ["kill", "a b"] },
  ],
};

const SPEC_FILES = {
  files: "runc 1.5 gives no ambient capabilities in the document that it starts from",
};

export const SPEC: Scene = {
  name: "spec and features",
  steps: [
    { words: "spec", alone: true, differs: SPEC_FILES },
    { words: "spec", alone: true, prepare: (here) => Deno.writeTextFileSync(`${here}/config.json`, "mine") },
    { words: "spec --bundle HERE/none" },
    { words: "spec -b HERE/box", prepare: (here) => Deno.mkdirSync(`${here}/box`) },
    { words: "spec -b HERE/box" },
    { words: "spec --rootless", alone: true, differs: SPEC_FILES },
    { words: "spec -rootless=false", alone: true, differs: SPEC_FILES },
    {
      words: "features",
      stdout: "json",
      differs: { stdout: "a document of runtime-spec 1.3, of what this build carries out" },
    },
  ],
};
