import { assert, assertEquals } from "@std/assert";
import { createCgroup } from "./apply.ts";
import { oomSource, readOomKills } from "./oom.ts";
import { readLayout } from "./read_layout.ts";
import { startInside, testUnless, whyNotV1, withGroups } from "./testing.ts";

const layout = readLayout();

testUnless(
  whyNotV1(layout),
  "readOomKills() counts what the kernel kills for want of memory",
  () =>
    withGroups(layout, async (paths) => {
      const origin = ["linux", "resources", "memory", "limit"];
      const limit = (file: string) => ({ controller: "memory", file, text: "8388608", origin });
      const writes = [limit("memory.limit_in_bytes"), limit("memory.memsw.limit_in_bytes")];
      createCgroup({ layout, paths, writes, rootless: false, explicit: true });
      assertEquals(readOomKills(paths), 0n);
      const hog = startInside(paths, [
        "sh",
        "-c",
        "sleep 0.1; head -c 50000000 /dev/zero | tail -c 50000000 | wc -c",
      ]);
      await hog.ended;
      assert(readOomKills(paths)! >= 1n);
      assertEquals(oomSource(paths), {
        version: 1,
        file: `${paths.memory}/memory.oom_control`,
        control: `${paths.memory}/cgroup.event_control`,
      });
    }),
);

Deno.test("oomSource() is memory.events on v2, and nothing without a memory group", () => {
  assertEquals(oomSource({ "": "/u" }), { version: 2, file: "/u/memory.events" });
  assertEquals(oomSource({ pids: "/p" }), undefined);
  assertEquals(readOomKills({}), undefined);
});
