/** The kernel's files of a container's groups, on whichever layout this is. */
import { cgroupDirectories } from "./ledger.ts";

/** Whether v2 alone is mounted, or v1 trees (hybrid or not). */
export function layoutHere(): "v1" | "v2" {
  return isThere("/sys/fs/cgroup/cgroup.controllers") ? "v2" : "v1";
}

/** The text of a file in whichever of a container's groups has it; undefined where none has. */
export function groupText(id: string, file: string): string | undefined {
  for (const directory of groupsOf(id)) {
    try {
      return Deno.readTextFileSync(`${directory}/${file}`).trim();
    } catch { /* Another tree's file. */ }
  }
  return undefined;
}

/** A container's own directories, in every tree. */
export function groupsOf(id: string): string[] {
  return cgroupDirectories().filter((path) => path.endsWith(`/${id}`));
}

/** Whether groups below the top one have this file here. */
export function groupFileExists(file: string): boolean {
  const controller = file.slice(0, file.indexOf("."));
  if (layoutHere() === "v1") {
    const tree = v1Trees().find(({ options }) => options.includes(controller));
    // Files of a top group may differ from those below it.
    return tree !== undefined ? inGroup(tree.point, file) : unifiedHas(controller);
  }
  return inGroup("/sys/fs/cgroup", file);
}

/** Where the v2 tree is mounted; undefined where it is not. */
export function unifiedMount(): string | undefined {
  return Deno.readTextFileSync("/proc/self/mountinfo").split("\n").find((line) =>
    line.includes(" - cgroup2 ")
  )
    ?.split(" ")[4];
}

/** Whether a host has a controller in its v2 tree. */
export function unifiedHas(controller: string): boolean {
  const mount = unifiedMount();
  return mount !== undefined &&
    Deno.readTextFileSync(`${mount}/cgroup.controllers`).trim().split(" ").includes(controller);
}

function inGroup(tree: string, file: string): boolean {
  const group = `${tree}/dunc-test-${crypto.randomUUID().slice(0, 8)}`;
  Deno.mkdirSync(group);
  try {
    return isThere(`${group}/${file}`);
  } finally {
    Deno.removeSync(group);
  }
}

function v1Trees(): { point: string; options: string[] }[] {
  return Deno.readTextFileSync("/proc/self/mountinfo").split("\n").filter((line) =>
    line.includes(" - cgroup ")
  )
    .map((line) => ({ point: line.split(" ")[4]!, options: line.split(" ").at(-1)!.split(",") }));
}

export function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
