import { assertEquals } from "@std/assert";
import { capabilityNumber } from "./capabilities.ts";
import { namespaceFlag, NAMESPACES } from "./namespaces.ts";
import { rlimitNumber } from "./rlimits.ts";
import { nodeMask, parseNodes } from "./scheduling.ts";
import { signalName, signalNumber } from "./signals.ts";

Deno.test("capabilityNumber() takes a name with or without CAP_, in any case", () => {
  for (const name of ["CAP_SYS_ADMIN", "SYS_ADMIN", "cap_sys_admin", "Sys_Admin"]) {
    assertEquals(capabilityNumber(name), 21);
  }
  assertEquals([capabilityNumber("CAP_CHOWN"), capabilityNumber("CAP_CHECKPOINT_RESTORE")], [0, 40]);
  for (const name of ["", "CAP_", "CAP_NOTHING", "CAP_CAP_CHOWN"]) {
    assertEquals(capabilityNumber(name), undefined);
  }
});

Deno.test("signalNumber() takes numbers and names with or without SIG, in any case", () => {
  for (const text of ["15", "TERM", "SIGTERM", "sigterm", "Term"]) assertEquals(signalNumber(text), 15);
  assertEquals([signalNumber("0"), signalNumber("64"), signalNumber("SYS")], [0, 64, 31]);
  assertEquals([signalNumber("CLD"), signalNumber("POLL"), signalNumber("IOT")], [17, 29, 6]);
});

Deno.test("signalNumber() knows no signal 65, no real-time names and no other text", () => {
  for (
    const text of ["65", "-1", "", "SIG", "RTMIN", "SIGRTMIN+1", "1.5", "0x9", "SIGSIGTERM", "constructor"]
  ) {
    assertEquals(signalNumber(text), undefined, text);
  }
});

Deno.test("signalName() is the inverse of signalNumber()", () => {
  for (let number = 1; number < 32; number++) assertEquals(signalNumber(signalName(number)), number);
  assertEquals(signalName(40), "signal 40");
});

Deno.test("rlimitNumber() has the kernel's order and takes the specification's names alone", () => {
  const names =
    "CPU FSIZE DATA STACK CORE RSS NPROC NOFILE MEMLOCK AS LOCKS SIGPENDING MSGQUEUE NICE RTPRIO RTTIME";
  names.split(" ").forEach((name, number) => assertEquals(rlimitNumber(`RLIMIT_${name}`), number));
  for (const name of ["NOFILE", "rlimit_nofile", "RLIMIT_", ""]) assertEquals(rlimitNumber(name), undefined);
});

Deno.test("every namespace type has its own flag, and its file in /proc/PID/ns", () => {
  const flags = Object.values(NAMESPACES).map(({ flag }) => flag);
  assertEquals(new Set(flags).size, 8);
  for (const { file } of Object.values(NAMESPACES)) Deno.lstatSync(`/proc/self/ns/${file}`);
  assertEquals(namespaceFlag("network"), 0x40000000);
  assertEquals(namespaceFlag("net"), undefined);
});

Deno.test("parseNodes() reads lists of numbers and ranges, and nothing else", () => {
  assertEquals(parseNodes("0-2,7, 9"), [0, 1, 2, 7, 9]);
  assertEquals(parseNodes("1023"), [1023]);
  assertEquals(parseNodes(""), []);
  for (const text of ["3-1", "1024", "a", "1-", "-1", "1,,x", "0-1024"]) {
    assertEquals(parseNodes(text), undefined, text);
  }
});

Deno.test("nodeMask() has one bit for each number, from the lowest bit of the first byte on", () => {
  const mask = nodeMask([0, 9, 1023]);
  assertEquals([mask.length, mask[0], mask[1], mask[127]], [128, 1, 2, 128]);
  assertEquals(nodeMask([]).length, 0);
});
