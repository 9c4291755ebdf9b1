/** The ledger itself: every kind of thing that could be left behind is seen, and nothing else. */
import { assertEquals } from "@std/assert";
import { start, succeed, until } from "./support/command.ts";
import { containerTest, runs } from "./support/containers.ts";
import { difference, leaks, takeLedger } from "./support/ledger.ts";
import { descendants, reapOrphans } from "./support/processes.ts";
import { theSetting } from "./support/setting.ts";

/** The kinds of rows that come while `make` has been done; they must go with what it returns. */
async function kindsOf(make: () => Promise<() => void | Promise<void>>): Promise<string[]> {
  const { tag } = theSetting();
  const before = takeLedger(tag, []);
  const undo = await make();
  const found = difference(before, takeLedger(tag, []));
  await undo();
  assertEquals(await leaks(before, tag, []), []);
  return [...new Set(found.map((row) => row.slice(0, row.indexOf(":"))))];
}

containerTest(
  "the ledger sees a mount, a cgroup, a network link, a file and a descriptor",
  async ({ folder }) => {
    const { tag } = theSetting();
    const place = `${folder}/place`;
    const found = await kindsOf(async () => {
      Deno.mkdirSync(place);
      await succeed(["mount", "-t", "tmpfs", "none", place]);
      return () => succeed(["umount", place]).then(() => {});
    });
    assertEquals(found, ["mount"]);
    const hierarchy = /^(?:\S+ ){4}(\S+) .* - cgroup2? /m.exec(
      Deno.readTextFileSync("/proc/self/mountinfo"),
    )![1]!;
    const group = `${hierarchy}/${tag}-ledger/${tag}-below`;
    assertEquals(
      await kindsOf(() => {
        Deno.mkdirSync(group, { recursive: true });
        return Promise.resolve(() => {
          Deno.removeSync(group);
          Deno.removeSync(`${hierarchy}/${tag}-ledger`);
        });
      }),
      ["cgroup"],
    );
    const link = tag.slice(-9);
    assertEquals(
      await kindsOf(async () => {
        await succeed(["ip", "link", "add", link, "type", "veth", "peer", "name", `${link}p`]);
        return () => succeed(["ip", "link", "delete", link]).then(() => {});
      }),
      ["link"],
    );
    assertEquals(
      await kindsOf(() => {
        const file = Deno.openSync(`/tmp/${tag}.leak`, { create: true, write: true });
        return Promise.resolve(() => {
          file.close();
          Deno.removeSync(`/tmp/${tag}.leak`);
        });
      }),
      ["descriptor", "file"],
    );
  },
  ["root", "ip"],
);

containerTest("the ledger sees a process that lost its parent, until somebody reaps it", async () => {
  const found = await kindsOf(async () => {
    await start(["sh", "-c", "sleep 100 &"]).ended;
    const orphan = await until(
      "the shell's child is the program",
      () => descendants().find(({ name }) => name === "sleep"),
    );
    return async () => {
      Deno.kill(orphan.pid, "SIGKILL");
      await until(
        "it has ended",
        () => descendants().some(({ pid, state }) => pid === orphan.pid && state === "Z"),
      );
      reapOrphans();
    };
  });
  assertEquals(found, ["process"]);
});

containerTest("the ledger sees what a running container is made of", async ({ dunc, bundle, id }) => {
  const { tag } = theSetting();
  const { path } = bundle((config) => runs(config, "sleep 100"));
  const before = takeLedger(tag, [dunc.root]);
  const name = id();
  await dunc.ok("run", "-d", "--bundle", path, name);
  const kinds = difference(before, takeLedger(tag, [dunc.root])).map((row) => row.slice(0, row.indexOf(":")));
  assertEquals([...new Set(kinds)].sort(), ["cgroup", "key", "process", "state"]);
  await dunc.ok("delete", "--force", name);
  assertEquals(await leaks(before, tag, [dunc.root]), []);
}, ["root"]);
