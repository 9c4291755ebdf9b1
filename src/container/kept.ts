import { buildId, fileIdentity } from "../../ffi/stub.ts";
import { freezeFile, freezeTexts } from "../cgroup/freeze.ts";
import { directoriesOf } from "../cgroup/paths.ts";
import { processDirectory } from "../cgroup/pids.ts";
import { encodeKept, encodeKeptExec, fnv32, KEPT_EXECS, type KeptIdentity, keptPlans } from "../plan/kept.ts";
import type { Plan } from "../plan/plan.ts";
import type { KEPT_VERBS } from "../plan/schema.ts";
import type { Spec } from "../spec/schema.ts";
import { BARRIER, files, type Folder, saveKept } from "../state/folder.ts";
import type { ContainerRecord } from "../state/record.ts";
import { type Container, stateDocument } from "./container.ts";
import { isNotifying } from "./notify.ts";
import type { ExecOptions, Status } from "./options.ts";

/**
 * Write the plans of a container's later verbs into its folder, for the first stage of the executable. What the
 * engine alone can do is left out.
 */
export function keepPlans(folder: Folder, record: ContainerRecord, spec: Spec): void {
  const bytes = verbsFile(folder, record, spec);
  if (bytes !== undefined) saveKept(folder, "plans", bytes);
}

/** The file of the plans of a container's later verbs; undefined where it cannot be one. */
export function verbsFile(
  folder: Folder,
  record: ContainerRecord,
  spec: Spec,
): Uint8Array<ArrayBuffer> | undefined {
  const stateText = (status: Status) =>
    JSON.stringify(stateDocument({ folder, record, status }, ""), null, 2);
  const plans = keptPlans({
    id: record.id,
    target: record.process!,
    barrier: BARRIER,
    freezer: freezeFile(record.cgroupPaths),
    freeze: freezeTexts(record.cgroupPaths),
    processes: processDirectory(record.cgroupPaths),
    cgroups: directoriesOf(record.cgroupPaths),
    states: {
      created: stateText("created"),
      running: stateText("running"),
      paused: stateText("paused"),
      stopped: stateText("stopped"),
    },
    files: files(),
    engine: engineVerbs(record, spec),
  });
  return encodeKept(plans, identityOf(record));
}

function identityOf(record: ContainerRecord): KeptIdentity {
  const { id, incarnation, bootId } = record;
  return { id, incarnation, bootId, uid: Deno.uid() ?? 0, buildId: buildId() };
}

/**
 * Keep a process of `exec` that has just been executed, so that the first stage carries it out when it comes again.
 * Flags that change more than the process are the engine's for ever.
 */
export function keepExec(
  { folder, record }: Container,
  options: ExecOptions,
  plan: Plan,
  config: string,
): void {
  if (!isKeepable(options) || hasListener(plan) || record.intelRdt !== undefined) return;
  const key = execKey(options);
  if (key === undefined) return;
  const identity = fileIdentity(config);
  const bytes = encodeKeptExec({
    key,
    plan,
    target: record.process!,
    freezer: freezeFile(record.cgroupPaths),
    config: identity === undefined ? undefined : { path: config, identity },
  }, identityOf(record));
  if (bytes !== undefined) saveKept(folder, `exec-${fnv32(key) % KEPT_EXECS}`, bytes);
}

function isKeepable(options: ExecOptions): boolean {
  const { pidfdSocket, preserveFds, noNewPrivileges, ignorePaused } = options;
  const plain = options.additionalGids.length + options.capabilities.length + options.cgroups.length === 0;
  const labels = options.processLabel ?? options.apparmorProfile;
  return plain && labels === undefined && pidfdSocket === undefined && preserveFds === 0 &&
    !noNewPrivileges && !ignorePaused;
}

/** A seccomp listener goes to an agent, with a document: the engine's work. */
const hasListener = ({ steps }: Plan): boolean =>
  steps.some(({ op }) => op.op === "seccomp" && op.listener === 1);

/** What a process of `exec` is known by: c/front_exec.c makes the same bytes of a command line. */
function execKey(options: ExecOptions): Uint8Array<ArrayBuffer> | undefined {
  // Where its terminal goes, if it has one: another plan, or none at all.
  const terminal = [
    options.tty ? "t" : "-",
    options.consoleSocket === undefined ? "-" : "c",
    options.detach ? "d" : "-",
  ].join("");
  const words = [...options.env, "", options.cwd ?? "", options.user ?? "", terminal];
  const encode = (list: readonly string[]) =>
    new TextEncoder().encode(list.map((word) => `${word}\0`).join(""));
  if (options.processFile === undefined) return encode([...words, ...options.args]);
  const head = encode([...words, ""]);
  try {
    const document = Deno.readFileSync(options.processFile);
    const key = new Uint8Array(head.length + document.length);
    key.set(head);
    key.set(document, head.length);
    return key;
  } catch {
    // Gone since it was read: nothing to know it by.
    return undefined;
  }
}

export function engineVerbs(record: ContainerRecord, spec: Spec): (typeof KEPT_VERBS[number])[] {
  const verbs: (typeof KEPT_VERBS[number])[] = [];
  if ((spec.hooks?.poststart ?? []).length > 0) verbs.push("start");
  // The folder of its socket is in the state folder.
  if (isNotifying(spec)) verbs.push("delete", "deleteForce");
  // systemd is to be told.
  if (record.systemd !== undefined) verbs.push("delete", "deleteForce");
  // SIGKILL goes to the whole group, and others may be left when the first process has ended.
  if (!record.ownPidNamespace) verbs.push("kill", "delete", "deleteForce");
  const more = !record.ownMountNamespace || record.intelRdt !== undefined;
  if ((spec.hooks?.poststop ?? []).length > 0 || more) {
    verbs.push("delete", "deleteForce");
  }
  return verbs;
}
