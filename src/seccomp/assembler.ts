import { type Instruction, JUMP, RETURN } from "./instruction.ts";

/** Where a jump goes: a value to return, or a place that `Assembler` gave out. */
export type Target = { readonly value: number } | { readonly place: number };

/** A conditional jump reaches this far. */
const REACH = 255;

/**
 * Puts a program together from its end to its start: BPF jumps only forwards, so every target is known when a jump
 * to it is written. A place is counted from the end.
 */
export class Assembler {
  readonly #reversed: Instruction[] = [];
  readonly #returns = new Map<number, number>();

  get length(): number {
    return this.#reversed.length;
  }

  /** One instruction that goes on to `next`. */
  step(code: number, k: number, next: Target): Target {
    this.#fallInto(next);
    return this.#push({ code, jt: 0, jf: 0, k });
  }

  /** A comparison of the accumulator with `k`. */
  branch(code: number, k: number, whenTrue: Target, whenFalse: Target): Target {
    if (sameTarget(whenTrue, whenFalse)) return whenTrue;
    // Reaching the other target may put one instruction in between.
    const f = this.#reachable(whenFalse, REACH - 1);
    const t = this.#reachable(whenTrue, REACH);
    return this.#push({ code, jt: this.length - t, jf: this.length - f, k });
  }

  /** The program that starts at `entry`. */
  program(entry: Target): Instruction[] {
    this.#fallInto(entry);
    return this.#reversed.toReversed();
  }

  #push(instruction: Instruction): Target {
    return { place: this.#reversed.push(instruction) };
  }

  /** A place within reach that is or leads to the target; written if there is none. */
  #reachable(target: Target, reach: number): number {
    const place = "place" in target ? target.place : this.#returns.get(target.value);
    if (place !== undefined && this.length - place <= reach) return place;
    if ("place" in target) {
      return this.#reversed.push({ code: JUMP, jt: 0, jf: 0, k: this.length - target.place });
    }
    const written = this.#reversed.push({ code: RETURN, jt: 0, jf: 0, k: target.value });
    this.#returns.set(target.value, written);
    return written;
  }

  /** See to it that the next instruction written is followed by the target. */
  #fallInto(target: Target): void {
    if ("place" in target && target.place === this.length) return;
    if ("place" in target) this.#push({ code: JUMP, jt: 0, jf: 0, k: this.length - target.place });
    else if (this.#returns.get(target.value) !== this.length) {
      this.#returns.set(target.value, this.#reversed.push({ code: RETURN, jt: 0, jf: 0, k: target.value }));
    }
  }
}

const sameTarget = (a: Target, b: Target): boolean =>
  "place" in a ? "place" in b && a.place === b.place : "value" in b && a.value === b.value;
