import { assertEquals } from "@std/assert";
import { defaultSpec } from "./defaults.ts";
import { parseSpec } from "./parse.ts";
import { checkAll, type Document, errorsOf, issuesOf, without } from "./testing.ts";
import { validateSpec } from "./validate.ts";

Deno.test("validateSpec() has nothing to say about the documents that `spec` writes", () => {
  for (const cgroup2 of [false, true]) {
    for (const rootless of [undefined, { uid: 1000, gid: 1000 }]) {
      const { errors, warnings } = validateSpec(
        parseSpec(JSON.stringify(defaultSpec({ cgroup2, rootless }))),
      );
      assertEquals([errors, warnings], [[], []]);
    }
  }
});

Deno.test("validateSpec() names what a process lacks, in runc's words", () => {
  checkAll({
    "process: process property must not be empty": (d) => delete d.process,
    "process.cwd: Cwd property must not be empty": (d) => delete d.process.cwd,
    "process.cwd: Cwd must be an absolute path": (d) => d.process.cwd = "tmp",
    "process.args: args must not be empty": (d) => d.process.args = [],
    'process.env[1]: "=x" must have the form NAME=VALUE': (d) => d.process.env[1] = "=x",
    'process.env[0]: "PATH" must have the form NAME=VALUE': (d) => d.process.env[0] = "PATH",
    "process.oomScoreAdj: must be from -1000 to 1000, got -1001": (d) => d.process.oomScoreAdj = -1001,
    "root: root must be specified": (d) => delete d.root,
  });
  assertEquals(errorsOf((d) => d.process.env.push("A=", "B=line\nline", "C==")), []);
});

Deno.test("validateSpec() refuses the id that means `leave it` to the kernel: the process would stay root", () => {
  const none = 0xffffffff;
  checkAll({
    "process.user.uid: must be from 0 to 4294967294, got 4294967295": (d) => d.process.user.uid = none,
    "process.user.gid: must be from 0 to 4294967294, got 4294967295": (d) => d.process.user.gid = none,
    "process.user.additionalGids[1]: must be from 0 to 4294967294, got 4294967295": (d) =>
      d.process.user.additionalGids = [1, none],
    "linux.devices[0]: 4294967295 is no uid and no gid": (d) =>
      d.linux.devices = [{ type: "p", path: "/f", gid: none }],
  });
  assertEquals(
    errorsOf((d) => d.process.user = { uid: none - 1, gid: none - 1, additionalGids: [none - 1] }),
    [],
  );
});

Deno.test("validateSpec() holds limits to known types, once each, soft not above hard", () => {
  const limit = (type: string, soft: number, hard: number) => (d: Document) =>
    d.process.rlimits = [{ type, soft, hard }];
  checkAll({
    "process.rlimits[0].type: wrong rlimit value: RLIMIT_X": limit("RLIMIT_X", 1, 1),
    "process.rlimits[0].soft: must not be above hard (1), got 2": limit("RLIMIT_CORE", 2, 1),
    "process.rlimits[1].type: duplicate rlimit RLIMIT_NOFILE": (d) =>
      d.process.rlimits.push(d.process.rlimits[0]),
  });
});

Deno.test("validateSpec() warns of a capability that it does not know", () => {
  const { errors, warnings } = issuesOf((d) => d.process.capabilities.bounding.push("CAP_TO_FLY"));
  assertEquals([errors, warnings.length], [[], 1]);
  assertEquals(warnings[0]!.startsWith("process.capabilities.bounding[3]: unknown capability"), true);
});

Deno.test("validateSpec() warns of letters in a device's access that it does not know, as long as one is known", () => {
  const { errors, warnings } = issuesOf((d) =>
    d.linux.resources = { devices: [{ allow: false, access: "rwa" }] }
  );
  assertEquals([errors, warnings.map((text) => text.split(": ")[0])], [[], [
    "linux.resources.devices[0].access",
  ]]);
});

Deno.test("validateSpec() refuses namespaces that are unknown, twice there or not absolute", () => {
  checkAll({
    'linux.namespaces[5].type: namespace "net" does not exist': (d) =>
      d.linux.namespaces.push({ type: "net" }),
    'linux.namespaces[5]: malformed spec file: duplicated ns "pid"': (d) =>
      d.linux.namespaces.push({ type: "pid" }),
    "linux.namespaces[0].path: must be an absolute path": (d) => d.linux.namespaces[0].path = "proc/1/ns/pid",
  });
});

Deno.test("validateSpec() refuses what would change the host for want of a namespace", () => {
  const mappings = [{ containerID: 0, hostID: 1000, size: 1 }];
  checkAll({
    "hostname: unable to set hostname without a private UTS namespace": without("uts"),
    "domainname: unable to set domainname without a private UTS namespace": without("uts", (d) => {
      delete d.hostname;
      d.domainname = "example.org";
    }),
    "linux.maskedPaths: unable to restrict sys entries without a private MNT namespace": without("mount"),
    "linux.uidMappings: user namespace mappings specified, but user namespace isn't enabled in the config": (
      d,
    ) => {
      d.linux.uidMappings = mappings;
      d.linux.gidMappings = mappings;
    },
    "linux.timeOffsets: time namespace offsets specified, but time namespace isn't enabled in the config": (
      d,
    ) => d.linux.timeOffsets = { monotonic: { secs: 1 } },
  });
});

Deno.test("validateSpec() refuses offsets for a time namespace that is joined: they cannot be changed any more", () => {
  const errors = errorsOf((d) => {
    d.linux.namespaces.push({ type: "time", path: "/proc/1/ns/time" });
    d.linux.timeOffsets = { monotonic: { secs: 1 } };
  });
  assertEquals(errors.length, 1);
  assertEquals(errors[0]!.startsWith("linux.timeOffsets: "), true);
});

Deno.test("validateSpec() lets sysctls of the container's namespaces through, and no others", () => {
  const sysctl = (key: string, value = "1") => (d: Document) => d.linux.sysctl = { [key]: value };
  for (
    const key of [
      "kernel.shmmax",
      "kernel/shmmax",
      "fs.mqueue.msg_max",
      "net.ipv4.ip_forward",
      "net/ipv4/ip_forward",
    ]
  ) {
    assertEquals(errorsOf(sysctl(key)), [], key);
  }
  // The name of an interface holds a dot: the first separator is the slash.
  assertEquals(errorsOf(sysctl("net/ipv4/conf/eth0.1/forwarding")), []);
  checkAll({
    'linux.sysctl["vm.swappiness"]: sysctl "vm.swappiness" is not in a separate kernel namespace': sysctl(
      "vm.swappiness",
    ),
    'linux.sysctl["kernel.hostname"]: sysctl "kernel.hostname" is not allowed as it conflicts with the OCI "hostname" field':
      sysctl("kernel.hostname"),
    'linux.sysctl["net.core.somaxconn"]: sysctl "net.core.somaxconn" not allowed in host network namespace':
      without(
        "network",
        sysctl("net.core.somaxconn"),
      ),
  });
  for (
    const [type, key] of [["ipc", "kernel.msgmax"], ["ipc", "fs.mqueue.msg_max"], [
      "uts",
      "kernel.domainname",
    ]]
  ) {
    const errors = errorsOf(without(type!, (d) => {
      delete d.hostname;
      sysctl(key!)(d);
    }));
    assertEquals(errors.length, 1, key);
  }
});

Deno.test("validateSpec() takes no name of a sysctl that would lead elsewhere (CVE-2022-0811)", () => {
  const names = [
    "net/../vm/swappiness",
    // The first separator is the dot, so that "//" is ".." in the path.
    "net.//.kernel.core_pattern",
    "net.ipv4.//.//.vm.swappiness",
    "net./.core",
    "net//core",
    "/net/core",
    "net.core.",
    "fs.mqueue.",
    "net..core",
    "net.ipv4=1",
    "net.ipv4 ",
    "net+ipv4",
    "",
    "net.a\nvm.b",
  ];
  for (const key of names) {
    assertEquals(errorsOf((d) => d.linux.sysctl = { [key]: "1" }), [
      `linux.sysctl[${JSON.stringify(key)}]: is no plain name of a sysctl`,
    ]);
  }
  assertEquals(errorsOf((d) => d.linux.sysctl = { "kernel.shmmax": "1\n2" }).length, 1);
});

Deno.test("validateSpec() refuses mounts that lack what their kind needs", () => {
  const mount = (entry: unknown) => (d: Document) => d.mounts = [entry];
  checkAll({
    "mounts[0].destination: must not be empty": mount({ destination: "", type: "tmpfs" }),
    "mounts[0].source: a bind mount needs a source": mount({ destination: "/a", options: ["bind"] }),
    "mounts[0].type: must name a file system, or options must have bind": mount({
      destination: "/a",
      source: "/b",
    }),
    "mounts[0].options: bind mounts cannot have any filesystem-specific options applied: size=1k,mode=1":
      mount({
        destination: "/a",
        source: "/b",
        options: ["rbind", "size=1k", "ro", "mode=1"],
      }),
    "mounts[0]: id-mapped mounts must have both uid and gid mappings specified": mount({
      destination: "/a",
      source: "/b",
      options: ["bind"],
      uidMappings: [{ containerID: 0, hostID: 0, size: 1 }],
    }),
  });
  assertEquals(issuesOf(mount({ destination: "a", type: "tmpfs" })), {
    errors: [],
    warnings: ["mounts[0].destination: a relative destination is deprecated and counts from /"],
  });
});

Deno.test("validateSpec() refuses hooks without an absolute path, a proper environment or time", () => {
  const hook = (entry: unknown) => (d: Document) =>
    d.hooks = { createRuntime: [{ path: "/bin/true" }, entry] };
  checkAll({
    "hooks.createRuntime[1].path: must be an absolute path": hook({ path: "true" }),
    'hooks.createRuntime[1].env[0]: "A" must have the form NAME=VALUE': hook({ path: "/x", env: ["A"] }),
    "hooks.createRuntime[1].timeout: must be greater than zero": hook({ path: "/x", timeout: 0 }),
  });
});

Deno.test("validateSpec() refuses devices, propagations and paths that mean nothing", () => {
  const device = (entry: unknown) => (d: Document) => d.linux.devices = [entry];
  const rule = (entry: unknown) => (d: Document) => d.linux.resources.devices = [entry];
  checkAll({
    'linux.devices[0].type: invalid device type "x"': device({
      type: "x",
      path: "/dev/x",
      major: 1,
      minor: 1,
    }),
    "linux.devices[0].path: must be an absolute path": device({
      type: "c",
      path: "dev/x",
      major: 1,
      minor: 1,
    }),
    "linux.devices[0]: major and minor must be given for a device": device({
      type: "c",
      path: "/dev/x",
      major: 1,
    }),
    "linux.rootfsPropagation: rootfsPropagation=rfoo is not supported": (d) =>
      d.linux.rootfsPropagation = "rfoo",
    "linux.maskedPaths[0]: must be an absolute path": (d) => d.linux.maskedPaths = ["proc/kcore"],
    "linux.readonlyPaths[0]: must be an absolute path": (d) => d.linux.readonlyPaths = ["proc"],
    "linux.cgroupsPath: must not hold `..`": (d) => d.linux.cgroupsPath = "/a/../b",
    "linux.resources.devices[0].access: device access at 0 field cannot be empty": rule({ allow: true }),
    'linux.resources.devices[0].access: invalid access "x"': rule({ allow: true, access: "x" }),
    'linux.resources.devices[0].type: invalid cgroup device type "p"': rule({
      allow: true,
      type: "p",
      access: "r",
    }),
    'linux.personality.domain: must be LINUX or LINUX32, got "BSD"': (d) =>
      d.linux.personality = { domain: "BSD" },
  });
  assertEquals(errorsOf(device({ type: "p", path: "/fifo" })), []);
});

Deno.test("validateSpec() refuses schedulers and io priorities that the kernel does not have", () => {
  const scheduler = (entry: unknown) => (d: Document) => d.process.scheduler = entry;
  checkAll({
    "process.scheduler.policy: invalid scheduler policy: SCHED_ISO": scheduler({ policy: "SCHED_ISO" }),
    "process.scheduler.policy: invalid scheduler policy: constructor": scheduler({ policy: "constructor" }),
    "process.scheduler.nice: invalid scheduler.nice: 20": scheduler({ policy: "SCHED_OTHER", nice: 20 }),
    "process.scheduler.priority: scheduler.priority can only be specified for SchedFIFO or SchedRR policy":
      scheduler({
        policy: "SCHED_BATCH",
        priority: 1,
      }),
    "process.scheduler: scheduler runtime/deadline/period can only be specified for SchedDeadline policy":
      scheduler({
        policy: "SCHED_OTHER",
        runtime: 1,
      }),
    "process.scheduler.flags[0]: invalid scheduler flag: X": scheduler({
      policy: "SCHED_OTHER",
      flags: ["X"],
    }),
    "process.ioPriority.class: invalid ioPriority.Class: toString": (d) =>
      d.process.ioPriority = { class: "toString" },
    "process.ioPriority.priority: invalid ioPriority.Priority: 8": (d) =>
      d.process.ioPriority = { class: "IOPRIO_CLASS_BE", priority: 8 },
  });
});

Deno.test("validateSpec() refuses memory policies whose nodes do not fit the mode", () => {
  const policy = (entry: unknown) => (d: Document) => d.linux.memoryPolicy = entry;
  checkAll({
    'linux.memoryPolicy.mode: invalid memory policy mode "MPOL_X"': policy({ mode: "MPOL_X" }),
    "linux.memoryPolicy.nodes: MPOL_LOCAL takes no nodes": policy({ mode: "MPOL_LOCAL", nodes: "0" }),
    "linux.memoryPolicy.nodes: MPOL_BIND needs at least one node": policy({ mode: "MPOL_BIND" }),
    'linux.memoryPolicy.nodes: invalid node list "1-"': policy({ mode: "MPOL_BIND", nodes: "1-" }),
    "linux.memoryPolicy.flags[0]: invalid memory policy flag X": policy({
      mode: "MPOL_DEFAULT",
      flags: ["X"],
    }),
  });
  assertEquals(errorsOf(policy({ mode: "MPOL_PREFERRED" })), []);
});

Deno.test("validateSpec() finds all faults of a document, not the first", () => {
  assertEquals(
    errorsOf((d) => {
      d.process.cwd = "";
      d.process.args = [];
      d.mounts[0].destination = "";
      d.linux.rootfsPropagation = "x";
    }).length,
    4,
  );
});

Deno.test("validateSpec() warns of sections of other platforms and of another major version", () => {
  const { errors, warnings } = issuesOf((d) => {
    d.windows = { network: {} };
    d.zos = {};
    d.ociVersion = "2.0.0";
  });
  assertEquals(errors, []);
  assertEquals(warnings, [
    'ociVersion: "2.0.0" is no 1.x: fields may mean something else',
    "windows: a section for another platform is ignored",
    "zos: a section for another platform is ignored",
  ]);
});
