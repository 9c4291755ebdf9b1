import { O_DIRECTORY, O_NOFOLLOW, O_PATH } from "../linux/constants.gen.ts";
import { step } from "./frame.ts";
import type { Plan, Step } from "./plan.ts";

/** The process a verb acts on, as the container's record names it. */
export interface Target {
  readonly pid: number;
  readonly startTime: number;
}

const PROCESS = 0;

/** The first step of every verb: a pidfd that stands for the very process of the record, or ESRCH. */
function identify({ pid, startTime }: Target): Step {
  return step({ op: "identify_process", slot: PROCESS, pid, startTime: BigInt(startTime) }, []);
}

/** A pidfd for the process in slot 0, and nothing else. */
export function identifyPlan(target: Target): Plan {
  return { steps: [identify(target)], slots: ["process"], given: 0 };
}

/** `start`: let the init go on, and wait until it has left the barrier. ENXIO or ENOENT: it is not waiting there. */
export function startPlan(target: Target, folder: string, barrier: string): Plan {
  const slot = 1;
  return {
    steps: [
      identify(target),
      step({
        op: "open",
        slot,
        root: null,
        path: folder,
        flags: O_PATH | O_DIRECTORY | O_NOFOLLOW,
        resolve: 0,
      }, ["--root"]),
      step({ op: "release_barrier", root: slot, path: barrier, process: PROCESS }, []),
    ],
    slots: ["process", "state folder"],
    given: 0,
  };
}

/** `kill`: one signal to the container's process, through a pidfd. */
export function signalPlan(target: Target, signal: number): Plan {
  return {
    steps: [identify(target), step({ op: "pidfd_signal", slot: PROCESS, signal }, [])],
    slots: ["process"],
    given: 0,
  };
}

/** The killing part of `delete`: SIGKILL, then the wait for the end. ESRCH: it has ended already. */
export function killPlan(target: Target, timeoutMs: number): Plan {
  const SIGKILL = 9;
  return {
    steps: [
      identify(target),
      step({ op: "pidfd_signal", slot: PROCESS, signal: SIGKILL }, []),
      step({ op: "wait_exit", slot: PROCESS, timeoutMs }, []),
    ],
    slots: ["process"],
    given: 0,
  };
}
