import type { Assembler, Target } from "./assembler.ts";
import { decide } from "./decision.ts";
import { JUMP_EQUAL, JUMP_NOT_LESS, LOAD, NUMBER_OFFSET } from "./instruction.ts";
import type { Rule } from "./rules.ts";

/** From `start` to the next segment, every system call number has this outcome. */
export interface Segment {
  readonly start: number;
  /** Tried in order; then `value`. */
  readonly rules: readonly Rule[];
  readonly value: number;
}

/** Append a segment; one that continues the last makes no new one. `start` is not below the last one's. */
export function addSegment(
  segments: Segment[],
  start: number,
  value: number,
  rules: readonly Rule[] = NONE,
): void {
  const last = segments[segments.length - 1];
  if (last === undefined || last.value !== value || last.rules !== NONE || rules !== NONE) {
    segments.push({ start, rules, value });
  }
}

const NONE: readonly Rule[] = [];

/** The code that finds the segment of a call by halving, and then does what it says. */
export function search(code: Assembler, segments: readonly Segment[]): Target {
  const target = searchBetween(code, segments, 0, segments.length);
  return segments.length > 1 ? code.step(LOAD, NUMBER_OFFSET, target) : target;
}

function searchBetween(code: Assembler, segments: readonly Segment[], from: number, to: number): Target {
  if (to - from === 1) return outcome(code, segments[from]!);
  if (isException(segments, from, to)) {
    const { start } = segments[from + 1]!;
    const otherwise = outcome(code, segments[from]!);
    return code.branch(JUMP_EQUAL, start, outcome(code, segments[from + 1]!), otherwise);
  }
  const middle = (from + to) >>> 1;
  const right = searchBetween(code, segments, middle, to);
  const left = searchBetween(code, segments, from, middle);
  return code.branch(JUMP_NOT_LESS, segments[middle]!.start, right, left);
}

/** One number that differs from those on both sides of it: one comparison instead of two. */
function isException(segments: readonly Segment[], from: number, to: number): boolean {
  if (to - from !== 3) return false;
  const [before, single, after] = segments.slice(from, to) as [Segment, Segment, Segment];
  return after.start - single.start === 1 && before.value === after.value && before.rules.length === 0 &&
    after.rules.length === 0;
}

const outcome = (code: Assembler, { rules, value }: Segment): Target => decide(code, rules, { value });
