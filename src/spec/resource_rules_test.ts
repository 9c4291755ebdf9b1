import { assertEquals } from "@std/assert";
import { type Change, checkAll, errorsOf, issuesOf } from "./testing.ts";

Deno.test("the size of a huge page is a part of a file's name, and must be one", () => {
  const limit = (pageSize: string): Change => ({ linux }) =>
    linux.resources.hugepageLimits = [{ pageSize: "2MB", limit: 1 }, { pageSize, limit: 1 }];
  for (const size of ["64KB", "1GB", "16GB"]) assertEquals(errorsOf(limit(size)), [], size);
  for (const size of ["", "2M", "MB", "02MB", "2MB/../../x", "2MB.max"]) {
    checkAll({
      [
        `linux.resources.hugepageLimits[1].pageSize: must be like 64KB, 2MB or 1GB, got ${
          JSON.stringify(size)
        }`
      ]: limit(size),
    });
  }
});

Deno.test("limits of kernel memory get runc's warning: kernels no longer have them", () => {
  for (const name of ["kernel", "kernelTCP"]) {
    const { errors, warnings } = issuesOf(({ linux }) => linux.resources.memory = { [name]: 1_000_000 });
    assertEquals(errors, []);
    assertEquals(warnings, [
      "linux.resources.memory: Kernel memory settings are ignored and will be removed",
    ]);
  }
});
