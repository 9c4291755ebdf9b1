import { assert, assertEquals } from "@std/assert";
import { mountsBelow, readFileFacts } from "./facts.ts";

Deno.test("mountsBelow() names what is mounted below a directory, once each, and not the directory itself", () => {
  const line = (point: string) => `1 2 0:1 / ${point} rw - tmpfs tmpfs rw\n`;
  const mountinfo = ["/proc", "/proc/keys", "/proc/keys", "/process", "/proc/sys/a"].map(line).join("");
  assertEquals(mountsBelow(mountinfo, "/proc"), ["/proc/keys", "/proc/sys/a"]);
});

Deno.test("readFileFacts() knows this process", () => {
  const facts = readFileFacts();
  assertEquals([facts.uid, facts.gid], [Deno.uid(), Deno.gid()]);
  assertEquals(facts.kernel, Deno.osRelease());
  assert(facts.freeId >= 100_000);
});
