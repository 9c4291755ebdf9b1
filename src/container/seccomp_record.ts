import { jsonText } from "../cgroup/stats_text.ts";
import { close, receive, waitExit } from "../../ffi/stub.ts";
import { parseReport } from "../launch/conversation.ts";
import { reportToError } from "../launch/report.ts";
import { type Child, spawnPlan } from "../launch/spawn.ts";
import type { SeccompRequest } from "../plan/frame.ts";
import { recorderPlan } from "../plan/recorder.ts";
import { WORDS } from "../plan/schema.ts";
import { narrowedProfile, narrowingIssues } from "../seccomp/narrowed_profile.ts";
import { type HeardCall, heardNames, recordingFilter } from "../seccomp/recording.ts";
import { ContainerError, SpecError } from "../errors.ts";
import type { Seccomp, Spec } from "../spec/schema.ts";
import { ioError } from "../state/folder.ts";
import type { RunOptions, Runtime } from "./options.ts";
import { prepare } from "./prepare.ts";
import { runPrepared } from "./run.ts";
import { machine } from "./seccomp.ts";
import type { ListenerTaker } from "./seccomp_agent.ts";

/** `seccomp record`: `run` in the foreground, and where the profile goes. */
export interface RecordOptions extends RunOptions {
  /** Absolute path; a file that is there is replaced. */
  readonly output: string;
}

/**
 * Run a container and write the smallest profile that would have let it run, no further than the profile that its
 * config.json has. Every call of its processes between the filter and the end is heard and let happen.
 *
 * Returns the program's exit code. Throws as `run` does; also for a profile that cannot be narrowed, and for a folder of
 * the output in which no file can be made.
 */
export function recordContainer(runtime: Runtime, options: RecordOptions): number {
  const prepared = prepare(runtime, options, { barrier: false, detach: false }, recordingOf);
  const calls = temporaryFile(options.output);
  try {
    const recorder = new Recorder(calls);
    let code: number;
    try {
      code = runPrepared(runtime, options, { ...prepared, connectListener: () => recorder });
    } finally {
      recorder.end();
    }
    writeProfile(calls, recordedProfile(prepared.spec, readCalls(calls)), options.output);
    return code;
  } catch (error) {
    Deno.removeSync(calls);
    throw error;
  }
}

/** Hears of the calls of a container through a process of its own: this one waits for the container. */
class Recorder implements ListenerTaker {
  #child: Child | undefined;

  constructor(private readonly path: string) {}

  take(listener: number): void {
    this.#child = spawnPlan(recorderPlan(this.path), { given: [listener], preserveFds: 0 });
  }

  close(): void {}

  /** Wait until nobody stands under the filter any more. Throws ContainerError when not every call was written down. */
  end(): void {
    const child = this.#child;
    if (child === undefined) return;
    try {
      const last = receive(child.socket);
      const report = last === undefined ? undefined : parseReport(last.bytes);
      if (report?.word === WORDS.failed) throw reportToError(report, child.plan);
      const exit = waitExit(child.pidfd, { wait: true, reap: true });
      if (exit?.signal !== undefined) {
        throw new ContainerError("record system calls", {
          reason: `the recorder was killed by signal ${exit.signal}`,
        });
      }
    } finally {
      close(child.socket);
      close(child.pidfd);
    }
  }
}

/** The filter of a recording, in the place of the one that config.json asks for. */
function recordingOf({ linux }: Spec): SeccompRequest {
  const profile = givenProfile(linux?.seccomp);
  const issues = profile === undefined ? [] : narrowingIssues(profile);
  if (issues.length > 0) throw new SpecError(issues);
  const [mark] = crypto.getRandomValues(new BigUint64Array(1)) as unknown as [bigint];
  return { ...recordingFilter(profile, machine(), mark), notify: true };
}

/** As in runc, a profile that says nothing is none. */
const givenProfile = (profile: Seccomp | undefined): Seccomp | undefined =>
  profile?.defaultAction === "" && (profile.syscalls ?? []).length === 0 ? undefined : profile;

/** What a container that was made by `create` calls behind its filter, where `run` does not: it waits for `start`. */
const OF_CREATE = ["close", "execve", "read"];
/** And that of an ordinary user, whose `exec` must reach it meanwhile. */
const OF_ROOTLESS_CREATE = ["prctl"];

function recordedProfile({ linux }: Spec, calls: readonly HeardCall[]): Seccomp {
  const { names, architectures } = heardNames(calls, machine());
  const mapped = (linux?.uidMappings ?? []).length > 0;
  const own = [...OF_CREATE, ...(mapped ? OF_ROOTLESS_CREATE : [])];
  return narrowedProfile(givenProfile(linux?.seccomp), new Set([...names, ...own]), architectures);
}

/** An empty file beside the output: that nothing can be written there is found out before the container runs. */
function temporaryFile(output: string): string {
  try {
    return Deno.makeTempFileSync({
      dir: output.slice(0, output.lastIndexOf("/")) || "/",
      prefix: ".seccomp-",
    });
  } catch (error) {
    throw ioError("write the profile", `--output ${output}`, error);
  }
}

/** What `record_calls` wrote (c/ops_record.c): architecture and number, 32 bits each. */
function readCalls(path: string): HeardCall[] {
  const bytes = Deno.readFileSync(path);
  const words = new Uint32Array(bytes.buffer, 0, bytes.length >> 2);
  return Array.from(
    { length: words.length >> 1 },
    (_, i) => ({ arch: words[2 * i]!, number: words[2 * i + 1]! }),
  );
}

function writeProfile(temporary: string, profile: Seccomp, output: string): void {
  try {
    Deno.writeTextFileSync(temporary, `${jsonText(profile, 2)}\n`);
    Deno.chmodSync(temporary, 0o644);
    Deno.renameSync(temporary, output);
  } catch (error) {
    throw ioError("write the profile", `--output ${output}`, error);
  }
}
