/** An open file of a group that tells of its changes (kernfs files answer poll(2) with POLLPRI). */
export interface WatchedFile {
  /** The whole text, read from the start; "" once its group is gone. */
  read(): string;
  /** Wait until the file has changed since the last read(); false when `timeoutMs` passed first. */
  wait(timeoutMs: number): boolean;
  close(): void;
}

/** What the control of groups needs beyond file calls: raw system calls, which `ffi/` makes. */
export interface CgroupKernel {
  /** Open a file for watching; undefined when it is not there. @throws ContainerError for any other errno */
  watch(path: string): WatchedFile | undefined;
  /** kill(2). False when there is no such process (any more). */
  signal(pid: number, signal: number): boolean;
  /**
   * Load a BPF_PROG_TYPE_CGROUP_DEVICE program and attach it to the group at `directory` with BPF_F_ALLOW_MULTI.
   * Programs that are attached already are replaced by it (one: atomically, with BPF_F_REPLACE), never added to.
   *
   * @param program eBPF instructions, 8 bytes each
   * @throws ContainerError, with the errno
   */
  attachDeviceProgram(directory: string, program: Uint8Array): void;
}

/** Wait without a system call of our own. For the few waits where the kernel tells of nothing. */
export function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
