import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Origin } from "../errors.ts";
import type { Op } from "../plan/schema.ts";
import { reportToError, statusText } from "./report.ts";

const [ENOENT, EACCES, ENODEV, EXDEV, EPERM, ETIME, ECANCELED] = [2, 13, 19, 18, 1, 62, 125];

const REPORT = { word: 2, opIndex: 0, errno: 0, value: 0, text: "" };

/** What is said of a plan's only operation that failed so. */
function words(op: Op, origin: Origin, errno: number, text = ""): string {
  const plan = { steps: [{ op, origin }], slots: ["a"], given: 1 };
  return reportToError({ ...REPORT, errno, text }, plan).message;
}

Deno.test("reportToError() names the place in config.json, what it is about, the failure and a hint", () => {
  const op: Op = { op: "open_tree", slot: 0, root: null, path: "/srv", recursive: 0, resolve: 0 };
  assertEquals(
    words(op, ["mounts", 3, "source"], ENOENT),
    "mounts[3].source (/srv): no such file or directory (hint: the mount's source does not exist)",
  );
  assertEquals(
    words(
      { op: "capset", effective: 0n, permitted: 0n, inheritable: 0n },
      ["process", "capabilities"],
      EPERM,
    ),
    "process.capabilities: capset: operation not permitted",
  );
});

Deno.test("reportToError() says in runc's words that a mount's ids cannot be mapped, and why that may be", () => {
  const op = {
    op: "mount_setattr",
    slot: 0,
    recursive: 0,
    set: 1048576n,
    clear: 0n,
    propagation: 0,
  } as const;
  assertEquals(
    words({ ...op, userns: 0 }, ["mounts", 3], 22),
    "mounts[3]: failed to set MOUNT_ATTR_IDMAP: invalid argument (hint: maybe the filesystem used doesn't " +
      "support idmap mounts on this kernel?)",
  );
  assertEquals(
    words({ ...op, userns: null }, ["mounts", 3], 22),
    "mounts[3]: mount_setattr: invalid argument",
  );
});

Deno.test("reportToError() tells a network device's failures by what was being done", () => {
  const origin = ["linux", "netDevices", "eth0"];
  const netlink = (type: number, netns: number | null): Op => ({
    op: "netlink",
    socket: 0,
    device: "eth0",
    message: Uint8Array.of(0, 0, 0, 0, type),
    netns,
  });
  const at = "network device: linux.netDevices.eth0";
  assertEquals(
    words(netlink(16, 0), origin, 22),
    `fail to move ${at}: invalid argument (hint: a device like lo cannot leave its namespace)`,
  );
  assertEquals(
    words(netlink(20, null), origin, EACCES),
    `fail to add an address to ${at}: permission denied`,
  );
  assertEquals(words(netlink(16, null), origin, 17), `fail to name and set up ${at}: file exists`);
  assertEquals(
    words({ op: "absent_link", socket: 0, name: "x" }, origin, 17),
    "linux.netDevices.eth0: the container's network namespace has a device x already " +
      "(hint: give it another name by `name`, or a template with %d)",
  );
});

Deno.test("reportToError() adds what the kernel said about a file system, in the same line", () => {
  const op: Op = { op: "fsmount", slot: 0, fstype: "tmpfs", options: [], attr: 0 };
  assertEquals(
    words(op, ["mounts", 0], 22, "e tmpfs: Unknown parameter 'x'\n").startsWith(
      "mounts[0] (tmpfs): invalid argument: e tmpfs: Unknown parameter 'x' (hint: ",
    ),
    true,
  );
});

Deno.test("reportToError() keeps the words for a program that is missing or not executable", () => {
  const find = (name: string, errno: number) =>
    words({ op: "find_program", name, searchPath: "/bin" }, ["process", "args", 0], errno);
  assertEquals(find("nope", ENOENT), 'exec: "nope": executable file not found in $PATH');
  assertEquals(find("/nope", ENOENT), 'exec: "/nope": stat /nope: no such file or directory');
  assertEquals(find("/etc/passwd", EACCES), 'exec: "/etc/passwd": permission denied');
});

Deno.test("reportToError() tells a mount that may not be at or in /proc from a device that is no null device", () => {
  const fstype = (negate: number) =>
    words({ op: "require_fstype", slot: 0, magic: 0n, negate }, ["mounts", 7], EXDEV);
  assertEquals(fstype(1), "mounts[7].destination: cannot be mounted because it is inside /proc");
  assertEquals(fstype(0), "mounts[7].source: cannot be mounted because it is not of type proc");
  assertEquals(
    words({ op: "require_device", slot: 0, major: 1, minor: 3 }, ["linux", "maskedPaths"], ENODEV),
    "linux.maskedPaths: /dev/null of the container is not the null device (character device 1:3)",
  );
});

Deno.test("reportToError() says of a hook what it printed, or that its time was up", () => {
  const hook: Op = {
    op: "run_hook",
    path: "/h",
    argv: [],
    envp: [],
    directory: null,
    pid: 0,
    stateHead: "",
    stateTail: "",
    timeoutMs: 2000n,
  };
  const origin = ["hooks", "prestart", 1];
  assertEquals(
    words(hook, origin, ECANCELED, "256 3 outerror"),
    "error running prestart hook #1: exit status 1, stdout: out, stderr: error",
  );
  assertEquals(
    words(hook, origin, ECANCELED, "9 0 "),
    "error running prestart hook #1: signal: killed, stdout: , stderr: ",
  );
  assertStringIncludes(
    words(hook, ["hooks", "startContainer", 0], ECANCELED, "31 0 "),
    "signal: bad system call, stdout: , stderr:  (hint: a startContainer hook runs under linux.seccomp",
  );
  assertEquals(
    words(hook, origin, ETIME),
    "error running prestart hook #1: hook ran past specified timeout of 2.0s",
  );
  assertEquals(
    words(hook, origin, ENOENT),
    "error running prestart hook #1: fork/exec /h: no such file or directory",
  );
});

Deno.test("reportToError() of an operation that is not in the plan is an error of the init itself", () => {
  const error = reportToError({ ...REPORT, opIndex: 9, errno: EPERM }, { steps: [], slots: [], given: 0 });
  assertEquals(error.message, "start the container's init: plan: operation not permitted");
});

Deno.test("statusText() is what Go says of a wait status", () => {
  assertEquals([0, 256, 0xff00, 9, 0x8b, 40].map(statusText), [
    "exit status 0",
    "exit status 1",
    "exit status 255",
    "signal: killed",
    "signal: segmentation fault (core dumped)",
    "signal: signal 40",
  ]);
});
