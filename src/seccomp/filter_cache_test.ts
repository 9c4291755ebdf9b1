import { assertEquals, assertThrows } from "@std/assert";
import type { Seccomp } from "../spec/schema.ts";
import { FilterCache } from "./filter_cache.ts";

const profile = (value: bigint): Seccomp => ({
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [{ names: ["read"], action: "SCMP_ACT_ERRNO", args: [{ index: 0, op: "SCMP_CMP_EQ", value }] }],
});

/** A cache of numbers that go up with each that is made. */
function counting(): (profile: Seccomp) => number {
  const cache = new FilterCache<number>();
  let count = 0;
  return (profile) => cache.get(profile, () => ++count);
}

Deno.test("a profile that says the same is found again, the same object or not", () => {
  const get = counting();
  const one = profile(1n);
  assertEquals([get(one), get(one), get(profile(1n)), get(profile(2n)), get(profile(1n))], [1, 1, 1, 2, 1]);
  // 1 of 64 bits is not the text "1n", and not the number 1 of another field.
  assertEquals(get({ ...profile(1n), listenerMetadata: "x" }), 3);
});

Deno.test("the profile used longest ago is made anew when there were many", () => {
  const get = counting();
  for (let i = 0n; i < 16n; i++) get(profile(i));
  assertEquals(get(profile(0n)), 1);
  assertEquals(get(profile(16n)), 17);
  assertEquals(get(profile(0n)), 1);
  assertEquals(get(profile(1n)), 18);
});

Deno.test("what cannot be made is tried again", () => {
  const cache = new FilterCache<number>();
  assertThrows(
    () =>
      cache.get(profile(1n), () => {
        throw new Error("no");
      }),
    Error,
    "no",
  );
  assertEquals(cache.get(profile(1n), () => 1), 1);
});
