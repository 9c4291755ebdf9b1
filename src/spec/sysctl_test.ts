import { assertEquals } from "@std/assert";
import { hostSysctls, sysctlPath } from "./sysctl.ts";

Deno.test("sysctlPath() takes the first separator for the one that parts the names", () => {
  assertEquals(sysctlPath("net.ipv4.ip_forward"), "net/ipv4/ip_forward");
  assertEquals(sysctlPath("net/ipv4/conf/eth0.1/forwarding"), "net/ipv4/conf/eth0.1/forwarding");
  assertEquals(sysctlPath("net.ipv4.conf.eth0/1.forwarding"), "net/ipv4/conf/eth0.1/forwarding");
});

Deno.test("hostSysctls() refuses what would reach the host through a namespace that is the host's own", () => {
  const linux = {
    namespaces: [{ type: "network", path: "/proc/1/ns/net" }, { type: "ipc" }],
    sysctl: { "net.ipv4.ip_forward": "1", "kernel.shmmax": "1" },
  };
  assertEquals(hostSysctls(linux, new Set()), []);
  assertEquals(hostSysctls(linux, new Set(["network"])).map(({ path }) => path), [
    'linux.sysctl["net.ipv4.ip_forward"]',
  ]);
  assertEquals(hostSysctls(linux, new Set(["ipc"])).map(({ path }) => path), [
    'linux.sysctl["kernel.shmmax"]',
  ]);
});
