/** What neither dunc nor runc makes: one line that says what and where, and nothing left. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Bundle, Config } from "./support/bundle.ts";
import { containerTest } from "./support/containers.ts";
import { bundleOf, link, refuse, tmpfs } from "./support/parity.ts";

containerTest("mounts that cannot be are refused", async (c) => {
  const program = "true";
  const bind = (destination: string, source: string) => ({ mounts }: Config) => {
    mounts!.push({ destination, source, options: ["bind"] });
  };
  const file = ({ path }: Bundle) => Deno.writeTextFileSync(`${path}/file`, "");
  await refuse(
    c,
    { name: "a link that goes round", program, change: tmpfs("/l"), prepare: link("l", "/l") },
    "mounts[7] (l): too many levels",
  );
  await refuse(
    c,
    { name: "a file on a directory", program, change: bind("/tmp", "file"), prepare: file },
    /mounts\[7\].*must both be directories or both be files/,
  );
  await refuse(
    c,
    { name: "a directory on a file", program, change: bind("/etc/passwd", "rootfs") },
    /mounts\[7\].*must both be directories or both be files/,
  );
  await refuse(
    c,
    { name: "no source", program, change: bind("/x", "/no/such") },
    "mounts[7].source (/no/such): no such file or directory",
  );
  await refuse(
    c,
    { name: "an option nobody knows", program, change: tmpfs("/tmp", "nonsense=1") },
    "mounts[7] (tmpfs): invalid argument",
  );
  const unknown = ({ mounts }: Config) => mounts!.push({ destination: "/tmp", type: "nofs", source: "x" });
  await refuse(
    c,
    { name: "no such file system", program, change: unknown },
    "mounts[7] (nofs): no such device",
  );
  const proc = (config: Config) => config.mounts![0] = { destination: "/proc", type: "tmpfs", source: "t" };
  await refuse(c, { name: "a tmpfs for /proc", program, change: proc }, "because it is not of type proc");
  await refuse(
    c,
    { name: "a bind inside /proc", program, change: bind("/proc/sys", "rootfs") },
    "because it is inside /proc",
  );
}, ["root", "runc", "dunc"]);

containerTest("a link of the image leads no mount into /proc, whatever file system it is", async (c) => {
  const { path } = bundleOf(c, {
    name: "",
    program: "true",
    change: tmpfs("/x/sys"),
    prepare: link("proc", "/x"),
  });
  const stderr = await c.dunc.fails(1, "run", "--bundle", path, c.id());
  assertStringIncludes(stderr, "mounts[7].destination: cannot be mounted because it is inside /proc");
  assertEquals(c.dunc.ids(), []);
}, ["root", "dunc"]);

containerTest("processes that cannot be are refused", async (c) => {
  const cases: [string, string | readonly string[], string, ((config: Config) => void)?][] = [
    ["a directory as program", ["/etc"], 'exec: "/etc": permission denied'],
    ["a file that is no program", ["/etc/passwd"], 'exec: "/etc/passwd": permission denied'],
    ["an empty name", [""], 'exec: "": executable file not found in $PATH'],
    [
      "a directory on PATH",
      ["etc"],
      'exec: "etc": executable file not found in $PATH',
      ({ process }) => process!.env = ["PATH=/"],
    ],
    ["no PATH", ["sh"], 'exec: "sh": executable file not found in $PATH', ({ process }) => process!.env = []],
    [
      "a file as directory",
      "true",
      "process.cwd (/etc/passwd): not a directory",
      ({ process }) => process!.cwd = "/etc/passwd",
    ],
    [
      "a descriptor as directory",
      "true",
      "process.cwd (proc/self/fd/7)",
      ({ process }) => process!.cwd = "/proc/self/fd/7",
    ],
    [
      "uid -1",
      "true",
      "process.user.uid: must be from 0 to 4294967294",
      ({ process }) => process!.user = { uid: 0xffffffff, gid: 0 },
    ],
    [
      "gid -1",
      "true",
      "process.user.gid: must be from 0 to 4294967294",
      ({ process }) => process!.user = { uid: 0, gid: 0xffffffff },
    ],
    [
      "effective beyond permitted",
      "true",
      "process.capabilities: capset: operation not permitted",
      ({ process }) => process!.capabilities!.effective = ["CAP_CHOWN"],
    ],
    [
      "a name without a value",
      "true",
      'process.env[0]: "FOO" must have',
      ({ process }) => process!.env = ["FOO"],
    ],
    ["a host name of 65 letters", "true", "hostname (xxx", (config) => config.hostname = "x".repeat(65)],
    [
      "a sysctl that is not there",
      "true",
      'linux.sysctl["net.no.x"]',
      ({ linux }) => linux!.sysctl = { "net.no.x": "1" },
    ],
    [
      "a value that the sysctl does not take",
      "true",
      "invalid argument",
      ({ linux }) => linux!.sysctl = { "net.ipv4.ip_forward": "abc" },
    ],
  ];
  for (const [name, program, words, change] of cases) {
    await refuse(c, { name, program, ...(change === undefined ? {} : { change }) }, words);
  }
}, ["root", "runc", "dunc"]);

containerTest(
  "a hook that cannot be started is told with its path and the reason, and ends the creation",
  async (c) => {
    for (const kind of ["prestart", "createRuntime", "createContainer", "startContainer"] as const) {
      for (
        const [path, reason] of [["/no/such", "no such file or directory"], [
          "/etc",
          "permission denied",
        ]] as const
      ) {
        const hooks = { [kind]: [{ path: "/bin/true" }, { path }] };
        const words = `error running ${kind} hook #1: fork/exec ${path}: ${reason}`;
        await refuse(c, { name: kind, program: "true", change: (config) => config.hooks = hooks }, words);
      }
    }
  },
  ["root", "runc", "dunc"],
);
