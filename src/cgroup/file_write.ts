// Pure: no I/O in this file.
import type { Origin } from "../errors.ts";

/** One value that goes into one file of a container's group. */
export interface FileWrite {
  /** Whose directory: on v1 a key of CgroupPaths, on v2 the controller that has to be enabled for the file. */
  readonly controller: string;
  readonly file: string;
  readonly text: string;
  /** The place in config.json that asks for it. */
  readonly origin: Origin;
  /** Errnos after which the write counts as done, for example ENOENT of a file that older kernels lack. */
  readonly tolerate?: readonly string[];
  /**
   * Errnos after which the write is tried once more when all the others are done: two values that the kernel
   * checks against each other fit only in one order, which depends on what was there before.
   */
  readonly retry?: readonly string[];
  /** What is written instead where the file does not exist. */
  readonly otherwise?: FileWrite;
  /** The kernel clamps this value without a word; the name that runc gives it when it turned out different. */
  readonly clamped?: string;
}
