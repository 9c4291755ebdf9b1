import { assertEquals } from "@std/assert";
import { defaultSpec, defaultSpecText } from "./defaults.ts";
import { parseSpec } from "./parse.ts";
import { OCI_VERSION } from "./version.ts";

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

Deno.test("defaultSpec() binds directories of the host read-only with all below them, into a root that may be written", () => {
  const spec = parseSpec(defaultSpecText({ cgroup2: false, bound: ["/usr", "/etc"] }));
  const options = ["rbind", "rro", "nosuid", "nodev"];
  assertEquals(spec.mounts!.slice(-2), [
    { destination: "/usr", type: "bind", source: "/usr", options },
    { destination: "/etc", type: "bind", source: "/etc", options },
  ]);
  assertEquals(spec.root!.readonly, false);
});

// What `runc spec` of Debian's runc 1.1.5 writes, without its white space.
const SETS = '["CAP_AUDIT_WRITE","CAP_KILL","CAP_NET_BIND_SERVICE"]';
const RECORDED_HEAD = [
  '{"ociVersion":"1.0.2-dev","process":{"terminal":true,"user":{"uid":0,"gid":0},"args":["sh"],',
  '"env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","TERM=xterm"],"cwd":"/",',
  `"capabilities":{"bounding":${SETS},"effective":${SETS},"permitted":${SETS},"ambient":${SETS}},`,
  '"rlimits":[{"type":"RLIMIT_NOFILE","hard":1024,"soft":1024}],"noNewPrivileges":true},',
  '"root":{"path":"rootfs","readonly":true},"hostname":"runc",',
];
const RECORDED_MOUNTS = [
  '{"destination":"/proc","type":"proc","source":"proc"}',
  '{"destination":"/dev","type":"tmpfs","source":"tmpfs","options":["nosuid","strictatime","mode=755","size=65536k"]}',
  '{"destination":"/dev/pts","type":"devpts","source":"devpts",' +
  '"options":["nosuid","noexec","newinstance","ptmxmode=0666","mode=0620","gid=5"]}',
  '{"destination":"/dev/shm","type":"tmpfs","source":"shm",' +
  '"options":["nosuid","noexec","nodev","mode=1777","size=65536k"]}',
  '{"destination":"/dev/mqueue","type":"mqueue","source":"mqueue","options":["nosuid","noexec","nodev"]}',
  '{"destination":"/sys","type":"sysfs","source":"sysfs","options":["nosuid","noexec","nodev","ro"]}',
  '{"destination":"/sys/fs/cgroup","type":"cgroup","source":"cgroup",' +
  '"options":["nosuid","noexec","nodev","relatime","ro"]}',
];
const RECORDED_PATHS = [
  '"maskedPaths":["/proc/acpi","/proc/asound","/proc/kcore","/proc/keys","/proc/latency_stats","/proc/timer_list",',
  '"/proc/timer_stats","/proc/sched_debug","/sys/firmware","/proc/scsi"],',
  '"readonlyPaths":["/proc/bus","/proc/fs","/proc/irq","/proc/sys","/proc/sysrq-trigger"]',
];

/** runc's text with what differs: the version, and no ambient set, which runc's later versions do not write either. */
function expected(mounts: readonly string[], linux: string): string {
  const document = JSON.parse(
    `${RECORDED_HEAD.join("")}"mounts":[${mounts.join(",")}],"linux":{${linux},${RECORDED_PATHS.join("")}}}`,
  );
  document.ociVersion = OCI_VERSION;
  delete document.process.capabilities.ambient;
  return JSON.stringify(document, null, "\t");
}

Deno.test("defaultSpecText() is byte for byte what runc writes, but for the version and the ambient set", () => {
  const linux = '"resources":{"devices":[{"allow":false,"access":"rwm"}]},"namespaces":[{"type":"pid"},' +
    '{"type":"network"},{"type":"ipc"},{"type":"uts"},{"type":"mount"}]';
  assertEquals(defaultSpecText({ cgroup2: false }), expected(RECORDED_MOUNTS, linux));
});

Deno.test("defaultSpecText() for an ordinary user is byte for byte what `runc spec --rootless` writes", () => {
  const mounts = RECORDED_MOUNTS.map((text) => text.replace(',"gid=5"', ""));
  mounts[5] = '{"destination":"/sys","type":"none","source":"/sys",' +
    '"options":["rbind","nosuid","noexec","nodev","ro"]}';
  const linux = '"uidMappings":[{"containerID":0,"hostID":1000,"size":1}],' +
    '"gidMappings":[{"containerID":0,"hostID":100,"size":1}],"namespaces":[{"type":"pid"},' +
    '{"type":"ipc"},{"type":"uts"},{"type":"mount"},{"type":"user"}]';
  const text = defaultSpecText({ cgroup2: false, rootless: { uid: 1000, gid: 100 } });
  assertEquals(text, expected(mounts, linux));
});
