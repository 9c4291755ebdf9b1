import type { SpecIssue } from "../errors.ts";
import type { Spec } from "./schema.ts";

/** One field of the specification that this build does not carry out. */
export interface Refusal {
  /** Its place in any document: `[]` stands for every index. */
  readonly path: string;
  /** The places where a document asks for it. */
  readonly hits: (spec: Spec) => readonly string[];
}

/** What is not carried out yet. A row goes when its field is. */
export const REFUSED: readonly Refusal[] = [
  { path: "linux.intelRdt", hits: ({ linux }) => linux?.intelRdt === undefined ? [] : ["linux.intelRdt"] },
  {
    path: "linux.mountLabel",
    hits: ({ linux }) => (linux?.mountLabel ?? "") === "" ? [] : ["linux.mountLabel"],
  },
];

/**
 * The fields a document asks for that this build does not carry out, each by its own place: what is not carried out
 * is refused by name, never ignored.
 */
export function refusalsOf(spec: Spec): SpecIssue[] {
  return REFUSED.flatMap(({ hits }) => hits(spec))
    .map((path) => ({ path, message: "is not carried out by this build of dunc" }));
}

/** Which parts of `features` the refusals above take away. */
export function refusedFeatures(): {
  readonly intelRdt: boolean;
} {
  const refuses = (path: string) => REFUSED.some((row) => row.path === path);
  return {
    intelRdt: refuses("linux.intelRdt"),
  };
}
