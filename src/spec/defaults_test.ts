import { assertEquals } from "@std/assert";
import { defaultSpec, defaultSpecText } from "./defaults.ts";
import { parseSpec } from "./parse.ts";

const types = (text: string) => parseSpec(text).linux!.namespaces!.map(({ type }) => type);

Deno.test("defaultSpecText() is JSON with tabs and without a newline at the end, as runc writes it", () => {
  const text = defaultSpecText({ cgroup2: false });
  assertEquals([text.startsWith('{\n\t"ociVersion": "'), text.endsWith("\n}")], [true, true]);
  assertEquals(JSON.parse(text), defaultSpec({ cgroup2: false }));
});

Deno.test("defaultSpec() asks for a cgroup namespace where there is v2 alone", () => {
  assertEquals(types(defaultSpecText({ cgroup2: false })), ["pid", "network", "ipc", "uts", "mount"]);
  assertEquals(types(defaultSpecText({ cgroup2: true })), [
    "pid",
    "network",
    "ipc",
    "uts",
    "mount",
    "cgroup",
  ]);
});

Deno.test("defaultSpec() gives no inheritable and no ambient capabilities (CVE-2022-29162)", () => {
  const sets = parseSpec(defaultSpecText({ cgroup2: false })).process!.capabilities!;
  assertEquals(Object.keys(sets).sort(), ["bounding", "effective", "permitted"]);
});

Deno.test("defaultSpec() for an ordinary user maps one id, and asks for nothing that it could not have", () => {
  const spec = parseSpec(defaultSpecText({ cgroup2: false, rootless: { uid: 1000, gid: 100 } }));
  assertEquals(spec.linux!.uidMappings, [{ containerID: 0, hostID: 1000, size: 1 }]);
  assertEquals(spec.linux!.gidMappings, [{ containerID: 0, hostID: 100, size: 1 }]);
  const names = spec.linux!.namespaces!.map(({ type }) => type);
  assertEquals([names.includes("user"), names.includes("network")], [true, false]);
  assertEquals(spec.linux!.resources, undefined);
  const options = spec.mounts!.flatMap(({ options }) => options ?? []);
  assertEquals(options.filter((option) => /^[ug]id=/.test(option)), []);
  const sys = spec.mounts!.find(({ destination }) => destination === "/sys")!;
  assertEquals([sys.type, sys.source, sys.options![0]], ["none", "/sys", "rbind"]);
});
