import { assertEquals, assertThrows } from "@std/assert";
import { ContainerError } from "../errors.ts";
import { joinedSchema, mustBeThere, rdtGroupOf, rdtWrites, resctrlMount, schemaMismatch } from "./resctrl.ts";
import {
  chooseRdtGroup,
  joinRdtGroup,
  makeRdtGroup,
  missingRdt,
  removeRdtGroup,
  updateRdtGroup,
} from "./resctrl_group.ts";

Deno.test("resctrlMount() finds the last mount of the file system, wherever it is", () => {
  const line = (point: string, type: string) => `36 25 0:32 / ${point} rw,nosuid - ${type} ${type} rw`;
  assertEquals(
    resctrlMount([line("/sys", "sysfs"), line("/a\\040-\\040resctrl", "tmpfs")].join("\n")),
    undefined,
  );
  assertEquals(
    resctrlMount([line("/sys/fs/resctrl", "resctrl"), line("/my\\040rdt", "resctrl"), ""].join("\n")),
    "/my rdt",
  );
});

Deno.test("rdtGroupOf() takes the class that is named, else one named like the container", () => {
  const of = (closID: string | undefined) =>
    rdtGroupOf({ ...(closID && { closID }) }, "c1", "/r", (path) => path !== "/r/c1");
  assertEquals(of("gold"), { root: "/r", directory: "/r/gold", made: false, shared: true });
  assertEquals(of("/"), { root: "/r", directory: "/r", made: false, shared: true });
  assertEquals(of(undefined), { root: "/r", directory: "/r/c1", made: true, shared: false });
  const { monitoring } = rdtGroupOf({ closID: "/", enableMonitoring: true }, "c1", "/r", () => true);
  assertEquals(monitoring, "/r/mon_groups/c1");
});

Deno.test("rdtWrites() joins the older fields in one write, and writes `schemata` after them", () => {
  assertEquals(rdtWrites({}), []);
  assertEquals(rdtWrites({ l3CacheSchema: "L3:0=f", memBwSchema: "MB:0=20" }), ["L3:0=f\nMB:0=20\n"]);
  assertEquals(rdtWrites({ memBwSchema: "MB:0=20" }), ["MB:0=20\n"]);
  assertEquals(rdtWrites({ l3CacheSchema: "L3:0=f\nMB:0=70", memBwSchema: "MB:0=20" }), [
    "L3:0=f\nMB:0=20\n",
  ]);
  assertEquals(joinedSchema({ l3CacheSchema: "L3:0=f\nMB:0=70" }), "L3:0=f\nMB:0=70\n");
  assertEquals(
    rdtWrites({ l3CacheSchema: "L3:0=f", schemata: ["L2:0=1", "MB:0=50"] }),
    ["L3:0=f\n", "L2:0=1\nMB:0=50\n"],
  );
});

Deno.test("mustBeThere() is for a class that is named and not described", () => {
  assertEquals(mustBeThere({ closID: "a" }), true);
  assertEquals(mustBeThere({ closID: "a", schemata: ["L3:0=1"] }), false);
  assertEquals(mustBeThere({}), false);
});

Deno.test("schemaMismatch() compares numbers, not digits, and only what is asked for", () => {
  const file = "    L3:0=007f0;1=0001f\n    MB:0= 20;1= 70\n";
  for (const same of ["L3:0=7f0;1=1F\n", "L3:1=1f", "L3: 0 = 0x7f0", "MB:0=20;1=070\nL3:0=7f0", ""]) {
    assertEquals(schemaMismatch(same, file), undefined, same);
  }
  for (const other of ["L3:0=7f1", "L3:2=1", "L2:0=7f0", "MB:0=0x14", "L3:0=xyz", "nonsense", "L3:0"]) {
    assertEquals(schemaMismatch(`MB:0=20\n${other}`, file), other);
  }
});

/** A folder that looks like resctrl: the kernel's files are ordinary ones. */
function fakeTree(...info: string[]): string {
  const root = Deno.makeTempDirSync({ prefix: "dunc-rdt-" });
  addGroup(root, "L3:0=fff;1=fff\nMB:0=100\n");
  Deno.mkdirSync(`${root}/mon_groups`);
  for (const name of info) Deno.mkdirSync(`${root}/info/${name}`, { recursive: true });
  return root;
}

function addGroup(path: string, schemata = "L3:0=fff;1=fff\nMB:0=100\n"): void {
  Deno.mkdirSync(path, { recursive: true });
  Deno.writeTextFileSync(`${path}/schemata`, schemata);
  Deno.writeTextFileSync(`${path}/tasks`, "");
}

const read = (path: string) => Deno.readTextFileSync(path);
const names = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name).sort();

async function inTree(info: string[], body: (root: string) => void | Promise<void>): Promise<void> {
  const root = fakeTree(...info);
  try {
    await body(root);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

Deno.test("missingRdt() tells what the host lacks, in runc's words", () =>
  inTree(["L3"], (root) => {
    const all = { l3CacheSchema: "L3:0=f", memBwSchema: "MB:0=5", enableMonitoring: true };
    const told = (root: string | undefined) =>
      missingRdt(all, root).map(({ path, message }) => `${path}: ${message}`);
    assertEquals(told(root), [
      "linux.intelRdt.memBwSchema: intelRdt.memBwSchema is specified in config, but Intel RDT/MBA is not enabled",
      "linux.intelRdt.enableMonitoring: intelRdt.enableMonitoring is specified in config, but Intel RDT " +
      "monitoring is not enabled",
    ]);
    for (const nowhere of [undefined, `${root}/info`]) {
      assertEquals(told(nowhere), [
        "linux.intelRdt: intelRdt is specified in config, but Intel RDT is not supported or enabled " +
        "(is resctrl mounted?)",
      ]);
    }
    assertEquals(missingRdt({ schemata: ["L2:0=1"] }, root), []);
  }));

Deno.test("a group of the container's own is made, and goes with it", () =>
  inTree(["L3"], (root) => {
    const intelRdt = { enableMonitoring: true };
    const chosen = chooseRdtGroup(intelRdt, "c1", root);
    assertEquals(names(root), ["info", "mon_groups", "schemata", "tasks"]);
    // The kernel fills a new directory; here the test does.
    const { monitoring: _, ...plain } = chosen;
    assertEquals(makeRdtGroup({}, plain).made, true);
    addGroup(chosen.directory);
    Deno.mkdirSync(`${chosen.directory}/mon_groups`);
    const again = makeRdtGroup(intelRdt, { ...chosen, made: false });
    Deno.writeTextFileSync(`${chosen.monitoring}/tasks`, "");
    joinRdtGroup({ ...again, made: true }, 77);
    assertEquals([read(`${root}/c1/tasks`), read(`${chosen.monitoring}/tasks`)], ["77", "77"]);
    updateRdtGroup(chosen, { l3CacheSchema: "L3:0=3" });
    assertEquals(read(`${root}/c1/schemata`), "L3:0=3\n");
    // rmdir of a kernel's directory takes its files along.
    Deno.removeSync(chosen.monitoring!, { recursive: true });
    for (const name of names(chosen.directory)) {
      Deno.removeSync(`${chosen.directory}/${name}`, { recursive: true });
    }
    removeRdtGroup(chosen);
    assertEquals(names(root), ["info", "mon_groups", "schemata", "tasks"]);
    removeRdtGroup(chosen);
  }));

Deno.test("a class that is there must be as described, and is written to by `schemata` alone", () =>
  inTree(["L3", "MB"], (root) => {
    addGroup(`${root}/gold`, "    L3:0=0f0;1=0ff\n");
    const same = { closID: "gold", l3CacheSchema: "L3:0=f0" };
    assertEquals(chooseRdtGroup(same, "c1", root).made, false);
    assertThrows(
      () => chooseRdtGroup({ ...same, l3CacheSchema: "L3:0=f1" }, "c1", root),
      ContainerError,
      "the class exists with another schema: " + root + '/gold/schemata: "L3:0=f1" is not in it',
    );
    const described = { ...same, schemata: ["MB:0=50"] };
    makeRdtGroup(described, chooseRdtGroup(described, "c1", root));
    assertEquals(read(`${root}/gold/schemata`), "MB:0=50\n");
    // One that came to be in between: looked at again, not overwritten.
    const wanted = { closID: "late", l3CacheSchema: "L3:0=1" };
    const late = chooseRdtGroup(wanted, "c1", root);
    addGroup(late.directory, "L3:0=1\n");
    assertEquals([late.made, makeRdtGroup(wanted, late).made], [true, false]);
  }));

Deno.test("a class that is named and not described must be there", () =>
  inTree(["L3"], (root) => {
    assertThrows(
      () => chooseRdtGroup({ closID: "none" }, "c1", root),
      ContainerError,
      "must be pre-created when l3CacheSchema, schemata and memBwSchema are empty",
    );
    assertEquals(chooseRdtGroup({ closID: "/" }, "c1", root).directory, root);
  }));

Deno.test("a class with a name stays while it has tasks, and so does what was there before", () =>
  inTree(["L3"], (root) => {
    const group = { root, directory: `${root}/gold`, made: true, shared: true };
    addGroup(group.directory);
    Deno.writeTextFileSync(`${group.directory}/tasks`, "1\n");
    removeRdtGroup(group);
    removeRdtGroup({ ...group, made: false });
    assertEquals(names(group.directory), ["schemata", "tasks"]);
  }));

Deno.test("the kernel's own words about a schema are part of the error", () =>
  inTree(["L3"], (root) => {
    Deno.writeTextFileSync(`${root}/info/last_cmd_status`, "mask 0x5 has non-consecutive 1-bits\n");
    assertThrows(
      () =>
        updateRdtGroup({ root, directory: `${root}/gone`, made: true, shared: true }, {
          l3CacheSchema: "L3:0=5",
        }),
      ContainerError,
      'write "L3:0=5": ' +
        `${root}/gone/schemata: no such file or directory (hint: last_cmd_status: mask 0x5`,
    );
  }));
