import type { Need } from "../support/setting.ts";
import type { Cell } from "./cells.ts";
import type { Stage } from "./stage.ts";

/** One scenario of the security reference (section 1). */
export interface Scenario {
  readonly id: string;
  /** A sentence about what holds, with the number it was published under. */
  readonly title: string;
  readonly run: (stage: Stage) => Promise<void>;
  /** Cells it cannot be tried in, each with the reason. */
  readonly not?: Partial<Record<Cell["name"], string>>;
  /** What of it cannot be tried on this kind of machine, with the reason. */
  readonly untried?: string;
  /** Whether it is about exec, so that the first stage is a cell of its own for it. */
  readonly exec?: boolean;
  readonly needs?: readonly Need[];
}
