import { ContainerError } from "../errors.ts";
import { errnoOf } from "./files.ts";
import { type CgroupLayout, parseLayout } from "./layout.ts";

/** Read what the host has. Two small files of /proc; call it once a command. */
export function readLayout(): CgroupLayout {
  return parseLayout(readProc("/proc/self/mountinfo"), readProc("/proc/self/cgroup"));
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
