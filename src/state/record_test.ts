import { assertEquals, assertThrows } from "@std/assert";
import { ContainerError } from "../errors.ts";
import { type ContainerRecord, parseRecord, recordText } from "./record.ts";

const RECORD: ContainerRecord = {
  version: 1,
  id: "c1",
  incarnation: "00112233445566778899aabbccddeeff",
  bundle: "/b",
  rootfs: "/b/rootfs",
  created: "2026-01-02T03:04:05.678901234Z",
  annotations: { "org.example.key": "v\n" },
  process: { pid: 42, startTime: 4711 },
  bootId: "b",
  cgroupPaths: { memory: "/sys/fs/cgroup/memory/c1" },
  cgroupManager: "cgroupfs",
  rootless: false,
  ownPidNamespace: true,
  ownMountNamespace: true,
};

Deno.test("parseRecord() reads what recordText() writes, with and without a process", () => {
  const { process: _, ...creating } = RECORD;
  for (const record of [RECORD, creating]) assertEquals(parseRecord(recordText(record), "c1"), record);
});

Deno.test("parseRecord() takes no prefix of a record for one", () => {
  const text = recordText(RECORD);
  for (let size = 0; size < text.length; size++) {
    assertThrows(
      () => parseRecord(text.slice(0, size), "c1"),
      ContainerError,
      "load container c1: state.json: ",
    );
  }
});

Deno.test("parseRecord() says what is damaged, and how to get rid of it", () => {
  const cases: Record<string, Record<string, unknown>> = {
    "unknown version 2": { version: 2 },
    "unknown version undefined": { version: undefined },
    'belongs to container "c2"': { id: "c2" },
    "no bundle": { bundle: 7 },
    "no bootId": { bootId: undefined },
    "no annotations": { annotations: null },
    "annotations holds no text": { annotations: { a: 1 } },
    "cgroupPaths holds no text": { cgroupPaths: { a: {} } },
    "no process": { process: {} },
  };
  for (const [reason, change] of Object.entries(cases)) {
    const { message } = assertThrows(
      () => parseRecord(JSON.stringify({ ...RECORD, ...change }), "c1"),
      ContainerError,
    );
    assertEquals(message.startsWith(`load container c1: state.json: ${reason} (hint: `), true, message);
  }
});

Deno.test("parseRecord() takes no pid that kill(2) would read as a group, as everybody or as nobody", () => {
  for (const pid of [0, -1, -42, 1.5, 2 ** 53, "42", null]) {
    const text = JSON.stringify({ ...RECORD, process: { pid, startTime: 1 } });
    assertThrows(() => parseRecord(text, "c1"), ContainerError, "no process");
  }
});
