/** A config.json to be changed by a test. */
// deno-lint-ignore no-explicit-any
export type Config = any;
