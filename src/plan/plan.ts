import type { Origin } from "../errors.ts";
import type { Op } from "./schema.ts";

/** One operation and the place in config.json (or the flag) that asks for it. `origin` never crosses to C. */
export interface Step {
  readonly op: Op;
  readonly origin: Origin;
  /** Errnos after which the plan goes on (at most four, each 1..255). */
  readonly tolerate?: readonly number[];
  /** After a tolerated errno, how many of the following steps are passed over. */
  readonly skip?: number;
}

/**
 * What the init carries out, in order. Slots are descriptors by index: the first `given` of them are handed over
 * at the start, in the order of `slots`; the others are filled by operations.
 */
export interface Plan {
  readonly steps: readonly Step[];
  /** A name a slot, for people. */
  readonly slots: readonly string[];
  readonly given: number;
  /** Paths are walked by our own code, a component at a time: the kernel has no openat2. */
  readonly ownWalk?: boolean;
}

/** Hands out slots while a plan is built. Slots that are given come first. */
export class Slots {
  readonly names: string[] = [];
  #given = 0;

  /** A slot whose descriptor the runtime hands over at the start. */
  give(name: string): number {
    if (this.#given !== this.names.length) {
      throw new TypeError(`slot ${name} is given after others were made`);
    }
    this.#given++;
    return this.make(name);
  }

  make(name: string): number {
    return this.names.push(name) - 1;
  }

  get given(): number {
    return this.#given;
  }
}
