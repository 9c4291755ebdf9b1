import { assertEquals } from "@std/assert";
import { type Change, checkAll, errorsOf } from "./testing.ts";

Deno.test("a device number that would be cut off, and so name another device, is refused", () => {
  const device = (major: number, minor: number): Change => ({ linux }) =>
    linux.devices = [{ type: "c", path: "/dev/x", major, minor }];
  checkAll({
    // 4097 is 1 in twelve bits: /dev/null and /dev/mem are there.
    "linux.devices[0].major: must be from 0 to 4095, got 4097": device(4097, 3),
    "linux.devices[0].major: must be from 0 to 4095, got -1": device(-1, 3),
    "linux.devices[0].minor: must be from 0 to 1048575, got 1048579": device(1, 1_048_579),
    "linux.devices[0].minor: must be from 0 to 1048575, got -1": device(1, -1),
  });
  assertEquals(errorsOf(device(4095, 1_048_575)), []);
  assertEquals(errorsOf(device(0, 0)), []);
});

Deno.test("a rule about devices takes -1 for every number, and no other that is none", () => {
  const rule = (major: number, minor: number): Change => ({ linux }) =>
    linux.resources.devices = [{ allow: true, type: "c", access: "rwm", major, minor }];
  assertEquals(errorsOf(rule(-1, -1)), []);
  checkAll({
    "linux.resources.devices[0].major: must be from -1 to 4294967295, got -2": rule(-2, 0),
    "linux.resources.devices[0].minor: must be from -1 to 4294967295, got 4294967296": rule(0, 4_294_967_296),
  });
});

Deno.test("a rule about devices is named by its index", () => {
  checkAll({
    "linux.resources.devices[1].access: device access at 1 field cannot be empty": ({ linux }) =>
      linux.resources.devices.push({ allow: true }),
  });
});
