import { checked, syscall, syscallBuffer } from "./stub.ts";

/** A counter that becomes readable when something is added to it (eventfd(2)), for cgroup.event_control. */
export function eventDescriptor(): number {
  const EFD_CLOEXEC = 0o2000000;
  return checked(syscall("eventfd2", 0, EFD_CLOEXEC), "eventfd");
}

/** Read an eventfd to zero. */
export function resetEvent(fd: number): void {
  syscallBuffer(2, "read", new Uint8Array(8), fd, 8);
}
