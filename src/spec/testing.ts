import { assertEquals } from "@std/assert";
import { defaultSpec } from "./defaults.ts";
import { parseSpec } from "./parse.ts";
import { validateSpec, type ValidationContext } from "./validate.ts";

/** A document that may be changed. */
// deno-lint-ignore no-explicit-any
export type Document = any;

export type Change = (document: Document) => void;

/** A copy of the default document of which no part is shared with another. */
export function defaultDocument(): Document {
  return JSON.parse(JSON.stringify(defaultSpec({ cgroup2: false })));
}

/** `path: message` of every issue of the default document after a change. */
export function issuesOf(
  change: Change,
  context: ValidationContext = {},
): { readonly errors: string[]; readonly warnings: string[] } {
  const document = defaultDocument();
  change(document);
  const { errors, warnings } = validateSpec(parseSpec(JSON.stringify(document)), context);
  const text = ({ path, message }: { path: string; message: string }) => `${path}: ${message}`;
  return { errors: errors.map(text), warnings: warnings.map(text) };
}

export function errorsOf(change: Change, context: ValidationContext = {}): string[] {
  return issuesOf(change, context).errors;
}

/** Cases of one fault each: what is changed, and the one error that must come of it. */
export function checkAll(cases: Record<string, Change>, context: ValidationContext = {}): void {
  for (const [error, change] of Object.entries(cases)) assertEquals(errorsOf(change, context), [error]);
}

/** Take a namespace away, then change something. */
export const without = (type: string, change: Change = () => {}): Change => (document) => {
  const { linux } = document;
  linux.namespaces = linux.namespaces.filter((entry: { type: string }) => entry.type !== type);
  change(document);
};
