import { assertEquals, assertMatch } from "@std/assert";
import { bootId, kernelMounts, planHost } from "./host.ts";
import { missingModules } from "./lsm.ts";
import { maySetGroups, ownNamespaces } from "./namespaces.ts";
import { userName } from "./user_name.ts";

Deno.test("kernelMounts() finds procfs and sysfs wherever they are, the deepest first", () => {
  const mountinfo = [
    "22 27 0:21 / /proc rw,relatime - proc proc rw",
    "23 27 0:22 / /sys rw,relatime shared:5 - sysfs sysfs rw",
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw",
    "40 27 0:21 / /srv/a\\040b/proc rw - proc proc rw",
    "",
  ].join("\n");
  assertEquals(kernelMounts(mountinfo), ["/srv/a b/proc", "/proc", "/sys"]);
});

Deno.test("planHost() looks for the kernel's mounts only where they are asked for", () => {
  assertEquals(planHost({ userNamespace: false, noPivot: false }).kernelMounts, []);
  assertEquals(planHost({ userNamespace: false, noPivot: true }).kernelMounts.includes("/proc"), true);
});

Deno.test("planHost() knows that a user namespace may make no device", () => {
  assertEquals(planHost({ userNamespace: true, noPivot: false }).canMknod, false);
  assertEquals(planHost({ userNamespace: false, noPivot: false }).canMknod, true);
});

Deno.test("bootId() is the same at every call, and a UUID", () => {
  assertMatch(bootId(), /^[0-9a-f-]{36}$/);
  assertEquals(bootId(), bootId());
});

Deno.test("missingModules() refuses a profile or label that this host could not apply, with its place", () => {
  const issues = missingModules({ apparmorProfile: "some", selinuxLabel: "" }, "process");
  const enabled = read("/sys/module/apparmor/parameters/enabled").startsWith("Y");
  assertEquals(issues.map(({ path }) => path), enabled ? [] : ["process.apparmorProfile"]);
  assertEquals(missingModules({ apparmorProfile: "" }, "process"), []);
  assertEquals(missingModules(undefined, "process"), []);
});

Deno.test("ownNamespaces() finds no difference to this process and none to one that is not there", () => {
  assertEquals(ownNamespaces(Deno.pid), 0);
  assertEquals(ownNamespaces(0x7fffffff), 0);
});

Deno.test("maySetGroups() is true of a process without a user namespace of its own, and of none", () => {
  assertEquals(maySetGroups(Deno.pid), read("/proc/self/setgroups").trim() !== "deny");
  assertEquals(maySetGroups(0x7fffffff), true);
});

Deno.test("userName() is the name in /etc/passwd, or the number", () => {
  assertEquals(userName(0), "root");
  assertEquals(userName(4294967294), "#4294967294");
});

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
