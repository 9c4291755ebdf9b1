import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { containerTest } from "./bench/bench.ts";

const KINDS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

containerTest(
  "all six kinds of hooks run in their order, in their namespaces, with the state on stdin",
  async (bench) => {
    const log = `${bench.bundle}/log`;
    Deno.mkdirSync(log);
    const inside = (kind: string) => kind === "startContainer";
    bench.configure((config) => {
      config.process.args = ["true"];
      config.root.readonly = false;
      config.mounts.push({ destination: "/log", source: log, options: ["bind"] });
      config.hooks = Object.fromEntries(KINDS.map((kind) => {
        const folder = inside(kind) ? "/log" : log;
        const script =
          `cat > ${folder}/${kind}; readlink /proc/self/ns/mnt > ${folder}/${kind}.ns; echo ${kind} >> ${folder}/order; pwd > ${folder}/${kind}.cwd; env | grep -v -E 'PWD|SHLVL|^_=' > ${folder}/${kind}.env; true`;
        return [kind, [{ path: "/bin/sh", args: ["sh", "-c", script], env: ["A=b", "PATH=/bin:/usr/bin"] }]];
      }));
    });
    const id = bench.id();
    for (const args of [["create", id], ["start", id], ["delete", "--force", id]]) {
      const { code, stderr } = await bench.dunc(args);
      assertEquals(code, 0, stderr);
    }
    const read = (name: string) => Deno.readTextFileSync(`${log}/${name}`);
    assertEquals(read("order").trim().split("\n"), KINDS);
    const host = Deno.readLinkSync("/proc/self/ns/mnt");
    for (const kind of KINDS) {
      const state = JSON.parse(read(kind));
      const status = { startContainer: "created", poststart: "running", poststop: "stopped" }[kind] ??
        "creating";
      assertEquals([state.id, state.status, state.bundle], [id, status, bench.bundle]);
      const own = kind === "createContainer" || kind === "startContainer";
      assertEquals(read(`${kind}.ns`).trim() === host, !own, kind);
      if (own) assertEquals(state.pid, 1);
      else assertEquals(typeof state.pid, kind === "poststop" ? "undefined" : "number");
      assertEquals(read(`${kind}.env`), "A=b\nPATH=/bin:/usr/bin\n");
    }
    assertEquals(read("prestart.cwd").trim(), bench.bundle);
  },
);

for (const kind of KINDS.slice(0, 4)) {
  containerTest(`a ${kind} hook that fails ends the creation and is told with its output`, async (bench) => {
    bench.configure((config) => {
      config.process.args = ["true"];
      const fine = { path: "/bin/true" };
      const bad = {
        path: "/bin/sh",
        args: ["sh", "-c", "echo out; echo err >&2; exit 5"],
        env: ["PATH=/bin"],
      };
      config.hooks = { [kind]: [fine, bad] };
    });
    const { code, stderr } = await bench.dunc(["run", bench.id()]);
    assertEquals(code, 1);
    assertStringIncludes(
      stderr.replaceAll("\\n", "\n"),
      `error running ${kind} hook #1: exit status 5, stdout: out\n, stderr: err\n`,
    );
  });
}

containerTest("a hook that runs past its timeout is killed", async (bench) => {
  bench.configure((config) => {
    config.process.args = ["true"];
    config.hooks = { createRuntime: [{ path: "/bin/sleep", args: ["sleep", "60"], timeout: 1 }] };
  });
  const start = Date.now();
  const { code, stderr } = await bench.dunc(["run", bench.id()]);
  assertEquals(code, 1);
  assertMatch(stderr, /error running createRuntime hook #0: hook ran past specified timeout of 1\.0s/);
  assert(Date.now() - start < 10_000);
});

containerTest("hooks that die by a signal, close stdin or print a megabyte are handled", async (bench) => {
  const script = (text: string) => ({
    path: "/bin/sh",
    args: ["sh", "-c", text],
    env: ["PATH=/bin:/usr/bin"],
  });
  const run = (hook: unknown) => {
    bench.configure((config) => {
      config.process.args = ["echo", "ran"];
      config.hooks = { prestart: [hook] };
    });
    return bench.dunc(["run", bench.id()]);
  };
  const killed = await run(script("kill -9 $$"));
  assertStringIncludes(killed.stderr, "error running prestart hook #0: signal: killed");
  // A NUL ends no report.
  const binary = await run(script("printf 'a\\0b'; printf 'c\\0d' >&2; exit 3"));
  assertStringIncludes(binary.stderr, "exit status 3, stdout: a b, stderr: c d");
  const closed = await run(script("exec <&-; exit 0"));
  assertEquals([closed.code, closed.stdout], [0, "ran\n"], closed.stderr);
  const loud = await run(script("head -c 1048576 /dev/zero | tr '\\0' x; exit 0"));
  assertEquals([loud.code, loud.stdout], [0, "ran\n"], loud.stderr);
});

containerTest("a poststart hook that fails takes the container down", async (bench) => {
  bench.configure((config) => {
    config.process.args = ["sleep", "100"];
    config.hooks = { poststart: [{ path: "/bin/false" }] };
  });
  const id = bench.id();
  await bench.dunc(["create", id]);
  const { code, stderr } = await bench.dunc(["start", id]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "error running poststart hook #0");
  assertEquals((await bench.dunc(["state", id])).code, 1);
});

containerTest("a prestart hook wires a veth pair into the container's network namespace", async (bench) => {
  const name = `dv${Deno.pid % 100000}`;
  const script = [
    "pid=$(sed -n 's/.*\"pid\":\\([0-9]*\\).*/\\1/p')",
    `ip link add ${name} type veth peer name eth0 netns $pid`,
    `ip addr add 10.99.77.1/24 dev ${name}`,
    `ip link set ${name} up`,
    "nsenter -t $pid -n ip addr add 10.99.77.2/24 dev eth0",
    "nsenter -t $pid -n ip link set eth0 up",
  ].join(" && ");
  const { code, stdout, stderr } = await bench.shell(
    "ping -c 1 -W 2 10.99.77.1 | grep -c 'bytes from'",
    (config) => {
      const env = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"];
      config.process.capabilities.bounding.push("CAP_NET_RAW");
      config.process.capabilities.permitted.push("CAP_NET_RAW");
      config.process.capabilities.effective.push("CAP_NET_RAW");
      config.hooks = {
        prestart: [{ path: "/bin/sh", args: ["sh", "-c", script], env }],
        poststop: [{ path: "/bin/sh", args: ["sh", "-c", `ip link del ${name} 2>/dev/null; true`], env }],
      };
    },
  );
  assertEquals([code, stdout], [0, "1\n"], stderr);
});
