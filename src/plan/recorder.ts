import { O_NOFOLLOW, O_WRONLY } from "../linux/constants.gen.ts";
import { step } from "./frame.ts";
import { type Plan, Slots } from "./plan.ts";

/**
 * The plan of the process that serves a seccomp listener, its only given slot, and writes down which calls came to it:
 * to the file `path`, which is there and empty. It ends when nobody stands under the filter any more.
 */
export function recorderPlan(path: string): Plan {
  const slots = new Slots();
  const listener = slots.give("listener");
  const out = slots.make(path);
  const flags = O_WRONLY | O_NOFOLLOW;
  const origin = ["--output"];
  const steps = [
    // A Ctrl-C is the container's: without its recorder it would have no system calls any more.
    step({ op: "setsid" }, origin),
    step({ op: "open", slot: out, root: null, path, flags, resolve: 0 }, origin),
    step({ op: "record_calls", listener, out }, origin),
  ];
  return { steps, slots: slots.names, given: slots.given };
}
