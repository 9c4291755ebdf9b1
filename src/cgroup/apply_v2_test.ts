import { assert, assertEquals, assertThrows } from "@std/assert";
import { ContainerError } from "../errors.ts";
import { createCgroup, delegateCgroup } from "./apply.ts";
import { exists } from "./files.ts";
import { containerPids } from "./pids.ts";
import { readLayout } from "./read_layout.ts";
import { removeCgroup } from "./remove.ts";
import { startInside, TEST_KERNEL, testUnless, whyNotV2, withGroups } from "./testing.ts";

const layout = readLayout();
const reason = whyNotV2(layout);
const test = (name: string, fn: () => Promise<void>) => testUnless(reason, name, fn);
const request = { layout, writes: [], rootless: false, explicit: true };
const available = () => Deno.readTextFileSync("/sys/fs/cgroup/cgroup.controllers").trim();

test("createCgroup() enables the host's controllers in every group above the container's, not in its own", () =>
  withGroups(layout, (paths) => {
    const leaf = { "": `${paths[""]}/a/b` };
    const { made } = createCgroup({ ...request, paths: leaf });
    assertEquals(made, [paths[""]!, `${paths[""]}/a`, `${paths[""]}/a/b`]);
    const read = (path: string, file: string) => Deno.readTextFileSync(`${path}/${file}`).trim();
    assertEquals(read(leaf[""], "cgroup.controllers"), available());
    assertEquals(read(`${paths[""]}/a`, "cgroup.subtree_control"), available());
    assertEquals(read(leaf[""], "cgroup.subtree_control"), "");
  }));

test("createCgroup() makes a group that a process can join", () =>
  withGroups(layout, async (paths) => {
    createCgroup({ ...request, paths });
    const process = startInside(paths);
    assertEquals(containerPids(paths), [process.pid]);
    assertThrows(
      () => createCgroup({ ...request, paths }),
      ContainerError,
      "is not empty: 1 process(es) found",
    );
    await process.end();
    removeCgroup(paths, TEST_KERNEL);
    assert(!exists(paths[""]!));
  }));

test("createCgroup() says which controller a missing file belongs to, and leaves nothing behind", () =>
  withGroups(layout, (paths) => {
    const write = (controller: string, file: string, ...origin: string[]) => ({
      controller,
      file,
      text: "1",
      origin: ["linux", "resources", ...origin],
    });
    const refusal = (one: ReturnType<typeof write>) =>
      assertThrows(() => createCgroup({ ...request, paths, writes: [one] }), ContainerError).message;
    assertEquals(
      refusal(write("nothing", "nothing.max", "unified", "nothing.max")),
      `error setting cgroup config: linux.resources.unified["nothing.max"]: ${paths[""]}/nothing.max: ` +
        `unified resource "nothing.max" can't be set: controller "nothing" not available`,
    );
    assert(
      refusal(write("nothing", "nothing.max", "nothing")).includes(
        "the nothing controller is not enabled here",
      ),
    );
    assert(
      refusal(write("cgroup", "cgroup.nothing", "unified", "cgroup.nothing")).includes(
        `unable to set unified resource "cgroup.nothing": no such file or directory`,
      ),
    );
    assert(!exists(paths[""]!));
  }));

test("createCgroup() goes on as threaded below a group with processes of its own, but not with limits", () =>
  withGroups(layout, async (paths) => {
    createCgroup({ ...request, paths });
    // A threaded child makes its sibling "domain invalid": the way to it without limits of a domain controller.
    Deno.mkdirSync(`${paths[""]}/threads`);
    Deno.writeTextFileSync(`${paths[""]}/threads/cgroup.type`, "threaded");
    const inner = { "": `${paths[""]}/inner` };
    const writes = [{ controller: "memory", file: "memory.max", text: "max", origin: ["linux"] }];
    assertThrows(
      () => createCgroup({ ...request, paths: inner, writes }),
      ContainerError,
      `cannot enter cgroupv2 "${paths[""]}" with domain controllers -- it is in domain threaded mode`,
    );
    createCgroup({ ...request, paths: inner });
    assertEquals(Deno.readTextFileSync(`${inner[""]}/cgroup.type`), "threaded\n");
    const process = startInside(paths);
    Deno.writeTextFileSync(`${inner[""]}/cgroup.threads`, String(process.pid));
    assertEquals(containerPids(inner), [process.pid]);
    await process.end();
  }));

test("delegateCgroup() gives the user the directory and the files that the kernel lists, and no limit", () =>
  withGroups(layout, (paths) => {
    createCgroup({ ...request, paths });
    delegateCgroup(paths[""]!, 4321);
    const owner = (file: string) => Deno.lstatSync(`${paths[""]}${file}`).uid;
    assertEquals(["", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads"].map(owner), [
      4321,
      4321,
      4321,
      4321,
    ]);
    assertEquals(owner("/cgroup.max.depth"), 0);
  }));
