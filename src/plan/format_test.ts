import { assertEquals } from "@std/assert";
import { formatPlan } from "./format.ts";

Deno.test("formatPlan() is one line an operation: number, fields, what is tolerated, and what asks for it", () => {
  const text = formatPlan({
    slots: ["console socket", "rootfs"],
    given: 1,
    steps: [
      { op: { op: "sethostname", name: 'a "b"\n' }, origin: ["hostname"] },
      {
        op: { op: "symlink", root: 1, path: "dev/fd", target: "/proc/self/fd" },
        origin: ["linux", "devices"],
        tolerate: [17],
        skip: 2,
      },
      { op: { op: "setgroups", gids: new Uint8Array(8) }, origin: [] },
      { op: { op: "send_descriptor", socket: null, slot: 0, text: "" }, origin: ["mounts", 3, "source"] },
      { op: { op: "capset", effective: 33n, permitted: 0n, inheritable: 0n }, origin: ["process"] },
    ],
  });
  assertEquals(text.split("\n"), [
    '   0  sethostname name="a \\"b\\"\\n"  # hostname',
    '   1  symlink root=<rootfs> path="dev/fd" target="/proc/self/fd"  tolerates 17 skips 2  # linux.devices',
    "   2  setgroups gids=8 bytes",
    '   3  send_descriptor socket=- slot=<console socket> text=""  # mounts[3].source',
    "   4  capset effective=0x21 permitted=0x0 inheritable=0x0  # process",
  ]);
});
