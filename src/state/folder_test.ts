import { assertEquals, assertThrows } from "@std/assert";
import { ContainerError } from "../errors.ts";
import {
  BARRIER,
  checkFolder,
  checkRoot,
  files,
  folderOf,
  hasBarrier,
  listIds,
  loadConfig,
  loadRecord,
  loadResources,
  lockFolder,
  makeFolder,
  removeFolder,
  saveConfig,
  saveRecord,
  saveResources,
} from "./folder.ts";
import type { ContainerRecord } from "./record.ts";

const record = (id: string): ContainerRecord => ({
  version: 1,
  id,
  incarnation: "0",
  bundle: "/b",
  rootfs: "/b/rootfs",
  created: "2026-01-02T03:04:05Z",
  annotations: {},
  bootId: "b",
  cgroupPaths: {},
  cgroupManager: "cgroupfs",
  rootless: false,
  ownPidNamespace: true,
  ownMountNamespace: true,
});

/** Run with a folder that is gone afterwards. */
function inFolder(body: (path: string) => void): void {
  const path = Deno.makeTempDirSync({ prefix: "dunc-unit-" });
  try {
    body(path);
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
}

const mode = (path: string) => Deno.lstatSync(path).mode! & 0o7777;

Deno.test("folderOf() takes plain names alone for ids", () => {
  for (const id of ["a", "A_9", "a.b", "...", "-x", "+", "x".repeat(1024)]) {
    assertEquals(folderOf("/r", id).path, `/r/${id}`);
  }
  for (const id of [".", "..", "a/b", "/", "a b", "a\n", "a\0", "é", "a:b", "~", "x".repeat(1025)]) {
    assertThrows(() => folderOf("/r", id), ContainerError, "invalid container ID format");
  }
  assertThrows(() => folderOf("/r", ""), ContainerError, "container id cannot be empty");
});

Deno.test("makeFolder() makes folders that nobody else can look into, whatever the umask", () =>
  inFolder((path) => {
    const old = Deno.umask(0);
    try {
      makeFolder(`${path}/r`, folderOf(`${path}/r`, "c1"));
    } finally {
      Deno.umask(old);
    }
    assertEquals([mode(`${path}/r`), mode(`${path}/r/c1`)], [0o700, 0o700]);
  }));

Deno.test("makeFolder() lets one of two creators win, and tells the other", () =>
  inFolder((path) => {
    makeFolder(path, folderOf(path, "c1"));
    assertThrows(
      () => makeFolder(path, folderOf(path, "c1")),
      ContainerError,
      "container with given ID already exists: c1",
    );
  }));

Deno.test("checkRoot() refuses a root folder that somebody else could have arranged", () =>
  inFolder((path) => {
    Deno.mkdirSync(`${path}/open`);
    Deno.chmodSync(`${path}/open`, 0o777);
    Deno.symlinkSync(path, `${path}/link`);
    Deno.writeTextFileSync(`${path}/file`, "");
    assertThrows(() => checkRoot(`${path}/open`), ContainerError, "others may write to it");
    assertThrows(() => checkRoot(`${path}/link`), ContainerError, "is not a directory");
    assertThrows(() => checkRoot(`${path}/file`), ContainerError, "is not a directory");
    checkRoot(`${path}/missing`);
    checkRoot(path);
  }));

Deno.test("checkFolder() refuses a container's folder that somebody else could have arranged", () =>
  inFolder((path) => {
    const folder = folderOf(path, "c1");
    checkFolder(path, folder);
    makeFolder(path, folder);
    checkFolder(path, folder);
    Deno.chmodSync(folder.path, 0o770);
    assertThrows(() => checkFolder(path, folder), ContainerError, "others may write to it");
    Deno.renameSync(folder.path, `${path}/elsewhere`);
    Deno.symlinkSync(`${path}/elsewhere`, folder.path);
    assertThrows(() => checkFolder(path, folder), ContainerError, "is not a directory");
  }));

Deno.test("a record is loaded as it was saved, and its folder holds no other name afterwards", () =>
  inFolder((path) => {
    const folder = folderOf(path, "c1");
    makeFolder(path, folder);
    assertThrows(() => loadRecord(folder), ContainerError, "container does not exist");
    saveRecord(folder, record("c1"));
    saveRecord(folder, { ...record("c1"), process: { pid: 7, startTime: 8 } });
    assertEquals(loadRecord(folder).process, { pid: 7, startTime: 8 });
    assertEquals([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["state.json"]);
    assertEquals(mode(`${folder.path}/state.json`), 0o600);
  }));

Deno.test("every name that is written into a folder is one that `delete` knows of", () =>
  inFolder((path) => {
    const folder = folderOf(path, "c1");
    makeFolder(path, folder);
    saveRecord(folder, record("c1"));
    saveConfig(folder, "{}");
    saveResources(folder, "{}");
    lockFolder(folder).release();
    for (const { name } of Deno.readDirSync(folder.path)) assertEquals(files().includes(name), true, name);
    assertEquals([loadConfig(folder), loadResources(folder)], ["{}", "{}"]);
  }));

Deno.test("a container without a folder does not exist, in the words that clients match on", () => {
  const folder = folderOf("/nonexistent-root", "c1");
  assertThrows(() => loadRecord(folder), ContainerError, "container does not exist");
  assertThrows(() => lockFolder(folder), ContainerError, "container does not exist");
  assertEquals([hasBarrier(folder), loadResources(folder)], [false, undefined]);
  assertThrows(() => loadConfig(folder), ContainerError, "/nonexistent-root/c1: no such file or directory");
  removeFolder(folder);
});

Deno.test("hasBarrier() is what tells a created container from a started one", () =>
  inFolder((path) => {
    const folder = folderOf(path, "c1");
    makeFolder(path, folder);
    assertEquals(hasBarrier(folder), false);
    Deno.writeTextFileSync(`${folder.path}/${BARRIER}`, "");
    assertEquals(hasBarrier(folder), true);
  }));

Deno.test("listIds() is sorted, leaves files out, and tells a missing root folder from an empty one", () =>
  inFolder((path) => {
    for (const id of ["b", "a", "c.1"]) makeFolder(path, folderOf(path, id));
    Deno.writeTextFileSync(`${path}/note`, "");
    assertEquals(listIds(path), ["a", "b", "c.1"]);
    removeFolder(folderOf(path, "b"));
    assertEquals(listIds(path), ["a", "c.1"]);
    assertEquals(listIds(`${path}/missing`), undefined);
  }));

Deno.test("one holder of the lock waits for the other", async () => {
  const path = Deno.makeTempDirSync({ prefix: "dunc-unit-" });
  try {
    const folder = folderOf(path, "c1");
    makeFolder(path, folder);
    const lock = lockFolder(folder);
    // Another open file of the same name: flock(2) holds between them even in one process.
    using file = Deno.openSync(`${folder.path}/lock`, { read: true });
    let taken = false;
    const waits = file.lock(true).then(() => taken = true);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assertEquals(taken, false);
    lock.release();
    await waits;
    assertEquals(taken, true);
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
});
