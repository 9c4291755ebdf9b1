import { assert, assertEquals } from "@std/assert";
import { creationPlans } from "./creation.ts";
import { fnv32 } from "./kept.ts";
import { creationName, encodeCreation, HOLES, isHoleless } from "./kept_creation.ts";
import type { Plan } from "./plan.ts";

const init: Plan = {
  steps: [{ op: { op: "sethostname", name: `${HOLES.id}-x` }, origin: [] }],
  slots: [],
  given: 0,
};

function verbsWith(pid: number, startTime: number): Uint8Array<ArrayBuffer> {
  const verbs = new Uint8Array(64);
  const view = new DataView(verbs.buffer);
  view.setUint32(8, pid, true);
  view.setBigUint64(16, BigInt(startTime), true);
  return verbs;
}

function encode(verbs = verbsWith(HOLES.pid, HOLES.startTime)) {
  const record = (process: string) => `{"id":"${HOLES.id}","at":"${HOLES.created}"${process}}`;
  return encodeCreation({
    barrier: true,
    terminal: false,
    bundle: "/b",
    config: "{}",
    rootfs: "/b/rootfs",
    rootfsIdentity: [1n, 2n],
    layout: "0::/\n",
    init,
    verbs,
    host: creationPlans({
      id: HOLES.id,
      creating: record(""),
      created: record(`,"pid":${HOLES.pid},"start":${HOLES.startTime}`),
      config: "{}",
      verbs,
      groups: [{ directory: `/cg/${HOLES.id}`, inherited: [] }],
      writes: [],
      files: [],
    }),
  }, { bootId: "boot", uid: 0, buildId: new Uint8Array(16) })!;
}

/** The two patch tables: places and holes. */
function patches(bytes: Uint8Array<ArrayBuffer>): { readonly at: number; readonly hole: number }[][] {
  const view = new DataView(bytes.buffer);
  return [344, 352].map((ref) => {
    const [at, size] = [view.getUint32(ref, true), view.getUint32(ref + 4, true)];
    return Array.from({ length: size / 8 }, (_, index) => ({
      at: view.getUint32(at + index * 8, true),
      hole: view.getUint32(at + index * 8 + 4, true),
    }));
  });
}

Deno.test("encodeCreation() finds each hole, the numbers in operations too, from the highest place down", () => {
  const bytes = encode();
  const [first, last] = patches(bytes);
  const decoder = new TextDecoder();
  for (const list of [first!, last!]) {
    assertEquals(list.map(({ at }) => at), list.map(({ at }) => at).sort((a, b) => b - a));
    for (const { at, hole } of list.filter(({ hole }) => hole === 0)) {
      assertEquals(decoder.decode(bytes.subarray(at, at + HOLES.id.length)), HOLES.id, `${hole}`);
    }
  }
  const count = (list: typeof first, hole: number) => list!.filter((patch) => patch.hole === hole).length;
  assertEquals(count(last, 3), 1, "the pid in the record");
  assertEquals(count(last, 4), 1, "the start time in the record");
  assertEquals(count(last, 5), 1, "the pid in an operation");
  assertEquals(count(last, 6), 1, "the start time in an operation");
  assertEquals(first!.some(({ hole }) => hole >= 3), false, "no process is known before there is one");
  assert(count(first, 0) >= 3, "folder, record, group and host name");
});

Deno.test("encodeCreation() makes a file that its own checksum covers", () => {
  const bytes = encode();
  const view = new DataView(bytes.buffer);
  const checksum = view.getUint32(112, true);
  view.setUint32(112, 0, true);
  assertEquals(fnv32(bytes), checksum);
  assertEquals(view.getUint32(108, true), bytes.length);
});

Deno.test("encodeCreation() keeps nothing that is larger than the first stage reads", () => {
  assertEquals(encode(new Uint8Array(600_000)), undefined);
});

Deno.test("isHoleless() refuses texts that look like holes", () => {
  assertEquals(isHoleless('{"a":"b"}'), true);
  for (const text of ["\x7f", `x${HOLES.pid}`, `${HOLES.startTime}`]) assertEquals(isHoleless(text), false);
});

Deno.test("creationName() depends on the bundle, its config.json and the barrier", () => {
  const names = new Set(
    [["/a", "{}", true], ["/b", "{}", true], ["/a", "{1}", true], ["/a", "{}", false]].map((key) =>
      creationName(...key as [string, string, boolean])
    ),
  );
  assertEquals(names.size > 2, true);
  assertEquals(creationName("/a", "{}", true), creationName("/a", "{}", true));
});
