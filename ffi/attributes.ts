import { cString } from "./memory.ts";
import { close, openForReading, syscallBuffer } from "./stub.ts";

/** Whether a file has an extended attribute of this name (xattr(7)); false where it cannot be opened. */
export function hasAttribute(path: string, name: string): boolean {
  const fd = openForReading(path);
  if (fd < 0) return false;
  // Size 0 asks for the length alone.
  const length = syscallBuffer(2, "fgetxattr", cString(name), fd);
  close(fd);
  return length >= 0;
}
