import { assertEquals, assertThrows } from "@std/assert";
import { SpecError, type SpecIssue } from "../errors.ts";
import { parseProcess, parseResources, parseSpec } from "./parse.ts";

Deno.test("parseSpec() keeps 64-bit values to the last digit", () => {
  const { process, linux } = parseSpec(`{
    "process": { "rlimits": [{ "type": "RLIMIT_NOFILE", "soft": 1024, "hard": 18446744073709551615 }] },
    "linux": { "resources": { "memory": { "limit": -1, "swap": 9223372036854775807 }, "pids": { "limit": 0 } } }
  }`);
  assertEquals(process!.rlimits, [{ type: "RLIMIT_NOFILE", soft: 1024n, hard: 18446744073709551615n }]);
  assertEquals(linux!.resources!.memory, { limit: -1n, swap: 9223372036854775807n });
  assertEquals(linux!.resources!.pids, { limit: 0n });
});

Deno.test("parseSpec() ignores fields that the specification does not have", () => {
  assertEquals(parseSpec('{ "ociVersion": "1.0.0", "x-vendor": { "process": 1 }, "Hostname": 7 }'), {
    ociVersion: "1.0.0",
  });
});

Deno.test("parseSpec() says of the section of another platform that it is there, whatever it holds", () => {
  assertEquals(parseSpec('{ "windows": { "network": 1 }, "solaris": 7, "vm": null, "zos": [] }'), {
    windows: true,
    solaris: true,
    zos: true,
  });
});

Deno.test("parseSpec() tells every wrong type at once", () => {
  const { issues } = assertThrows(
    () =>
      parseSpec(
        '{ "process": { "args": "sh", "cwd": 1, "user": { "uid": -1 } }, "hostname": 7, "mounts": {} }',
      ),
    SpecError,
  );
  assertEquals((issues as SpecIssue[]).map(({ path, message }) => `${path}: ${message}`), [
    "process.cwd: must be a string, got the number 1",
    "process.args: must be an array, got a string",
    "process.user.uid: must be from 0 to 4294967295, got -1",
    "hostname: must be a string, got the number 7",
    "mounts: must be an array, got an object",
  ]);
});

Deno.test("a document that is null is told in runc's words, and one that is no object by what it is", () => {
  assertEquals(assertThrows(() => parseSpec("null"), SpecError).message, "config cannot be null");
  assertEquals(
    assertThrows(() => parseProcess("null"), SpecError).message,
    "process property must not be empty",
  );
  assertEquals(assertThrows(() => parseSpec("[]"), SpecError).message, "must be an object, got an array");
  assertEquals(
    assertThrows(() => parseResources("1"), SpecError).message,
    "must be an object, got the number 1",
  );
});

Deno.test("a fault names the document that it is in", () => {
  assertThrows(() => parseSpec("{"), SpecError, "config.json: line 1, column 2");
  assertThrows(() => parseProcess("{"), SpecError, "--process: line 1, column 2");
  assertThrows(() => parseResources("{"), SpecError, "--resources: line 1, column 2");
});
