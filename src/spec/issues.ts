import type { SpecIssue } from "../errors.ts";

/** What is wrong with a document, and what is only strange. */
export interface Validation {
  readonly errors: readonly SpecIssue[];
  readonly warnings: readonly SpecIssue[];
}

/** Collects issues of one document. */
export class Issues implements Validation {
  readonly errors: SpecIssue[] = [];
  readonly warnings: SpecIssue[] = [];

  /** `hint` is what to do about it, where the message does not say that by itself. */
  error(path: string, message: string, hint?: string): void {
    this.errors.push(hint === undefined ? { path, message } : { path, message, hint });
  }

  warn(path: string, message: string): void {
    this.warnings.push({ path, message });
  }
}
