import { ContainerError } from "../errors.ts";
import { errnoOf } from "./files.ts";
import { type CgroupLayout, parseLayout } from "./layout.ts";

/** Read what the host has. Two small files of /proc; call it once a command. */
export function readLayout(): CgroupLayout {
  return parseLayout(readProc("/proc/self/mountinfo"), readProc("/proc/self/cgroup"));
}

/**
 * What a layout is read from, as text: /proc/self/cgroup, then the cgroup lines of /proc/self/mountinfo. The first
 * stage makes the same (c/front_create.c) and compares.
 */
export function readLayoutText(): string {
  const mounts = readProc("/proc/self/mountinfo").split("\n").filter((line) => line.includes(" - cgroup"));
  return readProc("/proc/self/cgroup") + mounts.map((line) => `${line}\n`).join("");
}

function readProc(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new ContainerError("find the cgroup mounts", {
      place: path,
      errno: errnoOf(error),
      hint: "is /proc mounted?",
    });
  }
}
