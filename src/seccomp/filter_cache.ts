import type { Seccomp } from "../spec/schema.ts";

/** How many are kept: a program that launches containers knows a few profiles. */
const MOST = 16;

interface Entry<T> {
  readonly profile: Seccomp;
  /** What the profile says, for one that was read again. Made when a second profile comes: most programs have one. */
  text?: string;
  readonly made: T;
}

/** What was made of profiles, found again by what they say. The one used longest ago goes first. */
export class FilterCache<T> {
  readonly #entries: Entry<T>[] = [];

  /** What was made of an equal profile before, or what `make` makes now. What it throws is not kept. */
  get(profile: Seccomp, make: () => T): T {
    const entry = this.#take(profile) ?? { profile, made: make() };
    this.#entries.unshift(entry);
    if (this.#entries.length > MOST) this.#entries.pop();
    return entry.made;
  }

  #take(profile: Seccomp): Entry<T> | undefined {
    if (this.#entries.length === 0) return undefined;
    let at = this.#entries.findIndex((entry) => entry.profile === profile);
    if (at < 0) {
      const text = textOf(profile);
      at = this.#entries.findIndex((entry) => (entry.text ??= textOf(entry.profile)) === text);
    }
    return at < 0 ? undefined : this.#entries.splice(at, 1)[0];
  }
}

const textOf = (profile: Seccomp): string =>
  JSON.stringify(profile, (_, value) => typeof value === "bigint" ? `${value}n` : value);
