import { assertEquals, assertThrows } from "@std/assert";
import { ContainerError } from "../errors.ts";
import { parseUser, userOf } from "./user.ts";

Deno.test("userOf() is root with no groups where the document says nothing", () => {
  const root = { uid: 0, gid: 0, additionalGids: [], umask: undefined };
  assertEquals([userOf({}), userOf({ user: {} })], [root, root]);
  assertEquals(userOf({ user: { uid: 1, gid: 2, umask: 0, additionalGids: [3] } }), {
    uid: 1,
    gid: 2,
    additionalGids: [3],
    umask: 0,
  });
});

Deno.test("parseUser() reads what it prints, over the whole range", () => {
  for (const uid of [0, 1, 65534, 65536, 4294967294]) {
    assertEquals(parseUser(`${uid}`), { uid, gid: undefined });
    for (const gid of [0, 1000, 4294967294]) assertEquals(parseUser(`${uid}:${gid}`), { uid, gid });
  }
});

Deno.test("parseUser() takes nothing that is half a number for a number (CVE-2026-30892)", () => {
  const uids = [
    "",
    ":",
    ":2",
    "-1",
    "+1",
    "4294967295",
    "4294967296",
    "0x1",
    "1 ",
    " 1",
    "a",
    "a:b",
    "1e3",
    "1.0",
  ];
  for (const text of [...uids, "18446744073709551616", "00000000001", "root", "١"]) {
    assertThrows(() => parseUser(text), ContainerError, "bad uid: --user", text);
  }
  for (const text of ["1:", "1:-1", "1:x", "1:4294967295", "1:2:3", "1: 2"]) {
    assertThrows(() => parseUser(text), ContainerError, "bad gid: --user", text);
  }
});
