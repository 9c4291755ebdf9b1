import type { CgroupKernel, WatchedFile } from "../src/cgroup/kernel.ts";
import { ContainerError, errnoName } from "../src/errors.ts";
import { attachDeviceProgram, close, killProcess, openForReading, pollAny, readFromStart } from "./stub.ts";

const POLLPRI = 2;

/** The system calls that the control of groups needs, made by libdunc.so. */
export function cgroupKernel(): CgroupKernel {
  return {
    watch,
    signal: killProcess,
    attachDeviceProgram: (directory, program) =>
      attachDeviceProgram(directory, program as Uint8Array<ArrayBuffer>),
  };
}

function watch(path: string): WatchedFile | undefined {
  const fd = openForReading(path);
  if (fd === -2) return undefined;
  if (fd < 0) throw new ContainerError("open", { place: path, errno: errnoName(-fd) });
  const buffer = new Uint8Array(4096);
  return {
    read() {
      const size = readFromStart(fd, buffer);
      // ENODEV: the group was removed while the file was open.
      return size <= 0 ? "" : new TextDecoder().decode(buffer.subarray(0, size));
    },
    wait: (timeoutMs) => pollAny([{ fd, events: POLLPRI }], timeoutMs),
    close: () => close(fd),
  };
}
