import { artefact } from "../../ffi/artefacts.ts";
import { close, conversationPair, sealedMemfd, spawnInit } from "../../ffi/stub.ts";
import { encodePlan } from "../plan/encode.ts";
import type { Plan } from "../plan/plan.ts";

/** A running init: the process that carries out a plan, and our end of the conversation with it. */
export interface Child {
  readonly plan: Plan;
  /** Pid and pidfd of the first stage; the container process is another one where the plan clones. */
  readonly pid: number;
  readonly pidfd: number;
  readonly socket: number;
}

/** What `spawnPlan` hands over beside the plan. */
export interface SpawnOptions {
  /** Descriptors of the plan's given slots, in their order. They stay open on our side. */
  readonly given: readonly number[];
  /** How many descriptors from 3 on are the container's own (`--preserve-fds`, LISTEN_FDS). */
  readonly preserveFds: number;
}

/**
 * Start the sealed init with a plan. The init runs from a memfd of its own bytes, never from a file of the host
 * (CVE-2019-5736), and the plan is sealed, so that what was checked is what is carried out.
 *
 * Throws ContainerError when the process cannot be made.
 */
export function spawnPlan(plan: Plan, options: SpawnOptions): Child {
  const opened: number[] = [];
  const keep = (fd: number): number => (opened.push(fd), fd);
  try {
    const init = keep(sealedMemfd("dunc-init", artefact("dunc-init"), true));
    const bytes = keep(sealedMemfd("dunc-plan", encodePlan(plan), false));
    const [ours, theirs] = conversationPair();
    keep(theirs);
    try {
      const { pid, pidfd } = spawnInit(init, 3 + options.preserveFds, [theirs, bytes, ...options.given]);
      return { plan, pid, pidfd, socket: ours };
    } catch (error) {
      close(ours);
      throw error;
    }
  } finally {
    for (const fd of opened) close(fd);
  }
}
