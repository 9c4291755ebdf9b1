import { assertEquals } from "@std/assert";
import { type Change, checkAll, errorsOf, without } from "./testing.ts";

Deno.test("paths are masked and made read-only in a mount namespace only; the list that asks for it is named", () => {
  const words = "unable to restrict sys entries without a private MNT namespace";
  checkAll({
    [`linux.maskedPaths: ${words}`]: without("mount"),
    [`linux.readonlyPaths: ${words}`]: without("mount", ({ linux }) => delete linux.maskedPaths),
  });
  assertEquals(
    errorsOf(without("mount", ({ linux }) => {
      linux.maskedPaths = [];
      delete linux.readonlyPaths;
    })),
    [],
  );
});

Deno.test("the clocks of a time namespace are monotonic and boottime, with less than a second of nanoseconds", () => {
  const offsets = (timeOffsets: unknown): Change => ({ linux }) => {
    linux.namespaces.push({ type: "time" });
    linux.timeOffsets = timeOffsets;
  };
  assertEquals(errorsOf(offsets({ monotonic: { secs: -1 }, boottime: { nanosecs: 999_999_999 } })), []);
  checkAll({
    "linux.timeOffsets.realtime: is no clock of a time namespace: must be monotonic or boottime": offsets({
      realtime: { secs: 1 },
    }),
    'linux.timeOffsets["monotonic 1 0\\nboottime"]: is no clock of a time namespace: must be monotonic or boottime':
      offsets({ "monotonic 1 0\nboottime": {} }),
    "linux.timeOffsets.boottime.nanosecs: must be at most 999999999, got 1000000000": offsets({
      boottime: { nanosecs: 1_000_000_000 },
    }),
  });
});

Deno.test("network devices move into a network namespace, under names that the kernel takes", () => {
  const devices = (netDevices: unknown): Change => ({ linux }) => linux.netDevices = netDevices;
  assertEquals(errorsOf(devices({ eth0: {}, "a.1": { name: "eth%d" } })), []);
  assertEquals(errorsOf(without("network", devices({}))), []);
  checkAll({
    "linux.netDevices: unable to move network devices without a private NET namespace": without(
      "network",
      devices({ eth0: {} }),
    ),
    'linux.netDevices["a/b"]: invalid network device name "a/b"': devices({ "a/b": {} }),
    'linux.netDevices.eth0.name: invalid network device name "sixteen-letters-"': devices({
      eth0: { name: "sixteen-letters-" },
    }),
  });
  checkAll({
    'linux.netDevices.b: another network device gets the name "x"': devices({
      a: { name: "x" },
      b: { name: "x" },
    }),
    'linux.netDevices.b: another network device gets the name "b"': devices({ a: { name: "b" }, b: {} }),
    'linux.netDevices.a.name: invalid network device name "%s"': devices({ a: { name: "%s" } }),
    'linux.netDevices.a.name: invalid network device name "%d%d"': devices({ a: { name: "%d%d" } }),
  });
  assertEquals(errorsOf(devices({ a: { name: "net%d" }, b: { name: "net%d" } })), []);
  assertEquals(errorsOf(devices({ eth0: { name: "fifteen-letters" } })), []);
  for (const name of [".", "..", "a b", "a:b", "a\tb"]) {
    assertEquals(errorsOf(devices({ eth0: { name } })).length, 1, name);
  }
  assertEquals(
    errorsOf(devices({ eth0: {} }), { ordinaryUser: true })[1],
    [
      "linux.netDevices: network devices are not supported for rootless containers",
    ][0],
  );
});
