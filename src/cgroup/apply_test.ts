import { assert, assertEquals, assertThrows } from "@std/assert";
import { ContainerError } from "../errors.ts";
import { createCgroup } from "./apply.ts";
import { deviceList, deviceWrites } from "./devices.ts";
import type { FileWrite } from "./file_write.ts";
import { exists } from "./files.ts";
import { directoriesOf } from "./paths.ts";
import { containerPids } from "./pids.ts";
import { readLayout } from "./read_layout.ts";
import { removeCgroup } from "./remove.ts";
import { startInside, TEST_KERNEL, testUnless, whyNotV1, withGroups } from "./testing.ts";

const layout = readLayout();
const NOBODY = ["--reuid=65534", "--regid=65534", "--clear-groups"];
const reason = whyNotV1(layout);
const test = (name: string, fn: () => Promise<void>) => testUnless(reason, name, fn);

function whyNotNobody(): string | undefined {
  if (reason !== undefined) return reason;
  const { success } = new Deno.Command("setpriv", {
    args: [...NOBODY, "sh", "-c", `test -x "$0" && test -r "$1"`, Deno.execPath(), import.meta.filename!],
  }).outputSync();
  return success ? undefined : "an ordinary user cannot read deno or this folder";
}

const request = { layout, writes: [] as FileWrite[], rootless: false, explicit: true };

test("createCgroup() makes a group in every v1 tree that a process can join, and removeCgroup() removes all", () =>
  withGroups(layout, async (paths) => {
    const created = createCgroup({ ...request, paths });
    assertEquals(created.paths, paths);
    assertEquals(created.made.toSorted(), directoriesOf(paths).toSorted());
    const process = startInside(paths);
    assertEquals(containerPids(paths), [process.pid]);
    await process.end();
    removeCgroup(paths, TEST_KERNEL);
    assertEquals(directoriesOf(paths).filter(exists), []);
  }));

test("createCgroup() fills the cpusets of a new path from above, except for what the container sets", () =>
  withGroups(layout, (paths) => {
    const deep = { cpuset: `${paths.cpuset}/a/b` };
    const writes = [{ controller: "cpuset", file: "cpuset.cpus", text: "0", origin: ["linux"] }];
    const { made } = createCgroup({ ...request, paths: deep, writes });
    assertEquals(made, [paths.cpuset!, `${paths.cpuset}/a`, `${paths.cpuset}/a/b`]);
    const all = Deno.readTextFileSync("/sys/fs/cgroup/cpuset/cpuset.cpus");
    assertEquals(Deno.readTextFileSync(`${paths.cpuset}/a/cpuset.cpus`), all);
    assertEquals(Deno.readTextFileSync(`${paths.cpuset}/a/b/cpuset.cpus`), "0\n");
    assertEquals(
      Deno.readTextFileSync(`${paths.cpuset}/a/b/cpuset.mems`),
      Deno.readTextFileSync("/sys/fs/cgroup/cpuset/cpuset.mems"),
    );
  }));

test("createCgroup() gives the kernel's device list the rules and the default ones", () =>
  withGroups(layout, (paths) => {
    const writes = deviceWrites(deviceList([{ allow: true, access: "rwm" }, {
      allow: false,
      type: "c",
      major: 1,
      minor: 11,
      access: "w",
    }]));
    createCgroup({ ...request, paths, writes });
    assertEquals(Deno.readTextFileSync(`${paths.devices}/devices.list`), "a *:* rwm\n");
    createCgroup({ ...request, paths, writes: deviceWrites(deviceList([])) });
    const lines = Deno.readTextFileSync(`${paths.devices}/devices.list`).trim().split("\n");
    assertEquals(lines.length, 11);
    assert(lines.includes("c 136:* rwm"));
  }));

test("createCgroup() names the field, the file and the errno of a refused limit and leaves nothing behind", () =>
  withGroups(layout, (paths) => {
    const origin = ["linux", "resources", "pids", "limit"];
    const writes = [{ controller: "pids", file: "pids.max", text: "-7", origin }];
    const error = assertThrows(() => createCgroup({ ...request, paths, writes }), ContainerError);
    assertEquals(
      error.message,
      `error setting cgroup config: linux.resources.pids.limit: failed to write "-7": write ` +
        `${paths.pids}/pids.max: invalid argument`,
    );
    assertEquals(directoriesOf(paths).filter(exists), []);
  }));

test("createCgroup() refuses a limit of a controller that is not there, in runc's words", () =>
  withGroups(layout, (paths) => {
    const writes = [{ controller: "net_cls", file: "net_cls.classid", text: "1", origin: ["linux"] }];
    assertThrows(
      () => createCgroup({ ...request, paths, writes }),
      ContainerError,
      "cannot set net_cls limit: container could not join or create cgroup",
    );
  }));

test("createCgroup() refuses a group with processes, also in a group below, and leaves it alone", () =>
  withGroups(layout, async (paths) => {
    const inner = Object.fromEntries(Object.entries(paths).map(([key, path]) => [key, `${path}/inner`]));
    createCgroup({ ...request, paths: inner });
    const process = startInside(inner);
    assertThrows(
      () => createCgroup({ ...request, paths }),
      ContainerError,
      "container's cgroup is not empty: 1 process(es) found",
    );
    assert(directoriesOf(inner).every(exists));
    createCgroup({ ...request, paths, inhabitant: process.pid });
    await process.end();
  }));

test("createCgroup() refuses a frozen group, and a new group inside a frozen one", () =>
  withGroups(layout, (paths) => {
    createCgroup({ ...request, paths });
    Deno.writeTextFileSync(`${paths.freezer}/freezer.state`, "FROZEN");
    const words = "container's cgroup unexpectedly frozen";
    assertThrows(() => createCgroup({ ...request, paths }), ContainerError, words);
    const inside = { freezer: `${paths.freezer}/inside` };
    assertThrows(() => createCgroup({ ...request, paths: inside }), ContainerError, words);
    assert(!exists(inside.freezer));
  }));

test("createCgroup() writes what stands for a missing file, tolerates, and retries after the others", () =>
  withGroups(layout, (paths) => {
    const origin = ["linux", "resources", "cpu"];
    const cpu = (file: string, text: string, more: Partial<FileWrite> = {}): FileWrite => ({
      controller: "cpu",
      file,
      text,
      origin,
      ...more,
    });
    const writes = [
      cpu("cpu.none", "1", { tolerate: ["ENOENT"] }),
      cpu("cpu.none", "1", { otherwise: cpu("cpu.shares", "77", { clamped: "cpu-shares" }) }),
      // A burst above the quota is EINVAL until the quota is raised.
      cpu("cpu.cfs_quota_us", "1000"),
      cpu("cpu.cfs_burst_us", "50000", { retry: ["EINVAL"] }),
      cpu("cpu.cfs_quota_us", "60000"),
    ];
    createCgroup({ ...request, paths, writes });
    assertEquals(Deno.readTextFileSync(`${paths.cpu}/cpu.shares`), "77\n");
    assertEquals(Deno.readTextFileSync(`${paths.cpu}/cpu.cfs_burst_us`), "50000\n");
    assertThrows(
      () => createCgroup({ ...request, paths, writes: [cpu("cpu.shares", "1", { clamped: "cpu-shares" })] }),
      ContainerError,
      "error setting cgroup config: the minimum allowed cpu-shares is 2",
    );
  }));

testUnless(
  whyNotNobody(),
  "an ordinary user goes on without groups when nothing asks for them, and is refused when something does",
  async () => {
    const outcome = async (explicit: boolean, limited: boolean) => {
      const script = `
      import { createCgroup } from ${JSON.stringify(import.meta.resolve("./apply.ts"))};
      import { readLayout } from ${JSON.stringify(import.meta.resolve("./read_layout.ts"))};
      import { containerPaths } from ${JSON.stringify(import.meta.resolve("./paths.ts"))};
      import { deviceList, deviceWrites } from ${JSON.stringify(import.meta.resolve("./devices.ts"))};
      const layout = readLayout();
      const paths = containerPaths(layout, "/dunc-test-user", "x");
      const limit = { controller: "pids", file: "pids.max", text: "9", origin: ["linux"] };
      const writes = [...deviceWrites(deviceList([])), ...${limited} ? [limit] : []];
      try {
        console.log(JSON.stringify(createCgroup({ layout, paths, writes, rootless: true, explicit: ${explicit} })));
      } catch (error) { console.log(error.message); }`;
      const shared = await Deno.makeTempDir();
      try {
        await Deno.chmod(shared, 0o755);
        const bundle = `${shared}/script.ts`;
        await Deno.writeTextFile(bundle, script);
        const { stdout, stderr } = await new Deno.Command("setpriv", {
          args: [...NOBODY, Deno.execPath(), "run", "-A", "--no-check", bundle],
          env: { DENO_DIR: "/nonexistent", HOME: "/nonexistent" },
        }).output();
        return new TextDecoder().decode(stdout).trim() || new TextDecoder().decode(stderr);
      } finally {
        await Deno.remove(shared, { recursive: true });
      }
    };
    assertEquals(await outcome(false, false), `{"paths":{},"made":[]}`);
    const limited = await outcome(false, true);
    assert(limited.startsWith("cannot set pids limit: container could not join or create cgroup"), limited);
    const explicit = await outcome(true, false);
    assert(/^unable to apply cgroup configuration: mkdir: .*permission denied/.test(explicit), explicit);
  },
);
