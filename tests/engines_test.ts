import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Bench, containerTest } from "./bench/bench.ts";
import { duncPath, type Result, runCommand } from "./bench/dunc.ts";
import { ownChildren, until } from "./support/command.ts";
import { withoutEngineGroups } from "./support/engine_groups.ts";
import { findProgram } from "./support/setting.ts";

const WITHOUT = ["podman", "ctr", "dockerd"].filter((name) => findProgram(name) === undefined);

/** A test that wants a container engine. Where it is not installed the test says so and is passed over. */
function engineTest(engine: string, name: string, fn: (bench: Bench) => Promise<void>): void {
  if (!WITHOUT.includes(engine)) {
    return containerTest(name, (bench) => withoutEngineGroups(() => fn(bench)));
  }
  Deno.test({ name: `${name} (skipped: ${engine} is not installed)`, ignore: true, fn() {} });
}

/** podman with storage of its own, and dunc as its runtime (test-machine.md says what these machines want). */
function podmanOf(bench: Bench) {
  const folder = `${bench.bundle}/podman`;
  Deno.mkdirSync(folder);
  Deno.writeTextFileSync(
    `${folder}/containers.conf`,
    `[containers]
default_ulimits=["nofile=20000:20000","nproc=4096:4096"]
[engine]
cgroup_manager="cgroupfs"
events_logger="file"
tmp_dir="${folder}/tmp"
runtime="dunc"
[engine.runtimes]
dunc=["${duncPath()}"]
`,
  );
  Deno.writeTextFileSync(
    `${folder}/storage.conf`,
    `[storage]\ndriver="vfs"\nrunroot="${folder}/run"\ngraphroot="${folder}/graph"\n`,
  );
  Deno.writeTextFileSync(`${folder}/policy.json`, '{"default":[{"type":"insecureAcceptAnything"}]}');
  const env = {
    CONTAINERS_CONF: `${folder}/containers.conf`,
    CONTAINERS_STORAGE_CONF: `${folder}/storage.conf`,
    HOME: folder,
  };
  Deno.mkdirSync(`${folder}/.config/containers`, { recursive: true });
  Deno.renameSync(`${folder}/policy.json`, `${folder}/.config/containers/policy.json`);
  return (args: readonly string[]): Promise<Result> => runCommand("podman", args, { env, timeoutMs: 60_000 });
}

engineTest("podman", "podman runs, executes, pauses, stops and removes containers of dunc", async (bench) => {
  const podman = podmanOf(bench);
  const ok = async (...args: string[]) => {
    const { code, stdout, stderr } = await podman(args);
    assertEquals(code, 0, `podman ${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  const tar = `${bench.bundle}/image.tar`;
  assertEquals((await runCommand("tar", ["-C", bench.rootfs, "-cf", tar, "."])).code, 0);
  await ok("import", "--quiet", tar, "busybox");
  const plain = ["--network", "none"];
  assertEquals(await ok("run", "--rm", ...plain, "busybox", "echo", "hello"), "hello\n");
  const name = bench.id();
  await ok("run", "--detach", "--name", name, ...plain, "busybox", "sleep", "100");
  assertEquals(await ok("exec", name, "sh", "-c", "echo in; cat /proc/1/comm"), "in\nsleep\n");
  await ok("pause", name);
  assertStringIncludes(await ok("inspect", "--format", "{{.State.Status}}", name), "paused");
  await ok("unpause", name);
  await ok("stop", "--time", "0", name);
  await ok("rm", name);
  const missing = await podman(["run", "--rm", ...plain, "busybox", "nonesuch"]);
  assertEquals(missing.code, 127, missing.stderr);
  await ok("rmi", "--force", "busybox");
  await runCommand("umount", ["-l", `${bench.bundle}/podman/graph/vfs`]);
});

/** A daemon of the test's own, which nobody else may reap; what ends it. */
function daemonOf(program: string, args: readonly string[]): () => Promise<void> {
  const child = new Deno.Command(program, { args: [...args], stdin: "null", stdout: "null", stderr: "null" })
    .spawn();
  ownChildren.add(child.pid);
  return async () => {
    child.kill("SIGTERM");
    await child.status;
    ownChildren.delete(child.pid);
  };
}

/** A containerd of the test's own, while `body` goes on. */
async function withContainerd(
  bench: Bench,
  body: (socket: string, ctr: (...args: string[]) => Promise<Result>) => Promise<void>,
): Promise<void> {
  const folder = `${bench.bundle}/containerd`;
  Deno.mkdirSync(folder);
  const disabled = ["grpc.v1.cri", "snapshotter.v1.btrfs", "snapshotter.v1.zfs", "snapshotter.v1.devmapper"];
  Deno.writeTextFileSync(
    `${folder}/config.toml`,
    `version = 2
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = [${disabled.map((name) => `"io.containerd.${name}"`)}]
[grpc]
  address = "${folder}/sock"
[ttrpc]
  address = "${folder}/ttrpc"
`,
  );
  const endDaemon = daemonOf("containerd", ["--config", `${folder}/config.toml`]);
  const ctr = (...args: string[]) =>
    runCommand("ctr", ["--address", `${folder}/sock`, ...args], { timeoutMs: 30_000 });
  try {
    await until("containerd answers", async () => (await ctr("version")).code === 0 || undefined, 15_000);
    await body(`${folder}/sock`, ctr);
  } finally {
    await endDaemon();
  }
}

engineTest("ctr", "containerd runs, executes, pauses and kills containers of dunc", async (bench) => {
  await withContainerd(bench, async (_socket, ctr) => {
    const runtime = ["--runc-binary", duncPath()];
    // Its own root file system: no image is needed.
    const rootfs = ["--rootfs", bench.rootfs];
    const [one, two] = [bench.id(), bench.id()];
    const hello = await ctr("run", ...runtime, "--rm", ...rootfs, one, "/bin/echo", "hello");
    assertEquals([hello.code, hello.stdout], [0, "hello\n"], hello.stderr);
    assertEquals((await ctr("run", "--detach", ...runtime, ...rootfs, two, "/bin/sleep", "100")).code, 0);
    assertEquals((await ctr("task", "exec", "--exec-id", "e1", two, "/bin/echo", "in")).stdout, "in\n");
    assertEquals((await ctr("task", "pause", two)).code, 0);
    assertStringIncludes((await ctr("task", "ls")).stdout, "PAUSED");
    assertEquals((await ctr("task", "resume", two)).code, 0);
    assertEquals((await ctr("task", "kill", "--signal", "KILL", two)).code, 0);
    await until(
      "the task has stopped",
      async () => (await ctr("task", "ls")).stdout.includes("STOPPED") || undefined,
      10_000,
    );
    assertEquals((await ctr("task", "rm", two)).code, 0);
    assertEquals((await ctr("container", "rm", two)).code, 0);
  });
});

engineTest(
  "dockerd",
  "docker runs, executes, pauses, measures, updates, restarts and removes containers of dunc",
  async (bench) => {
    await withContainerd(bench, async (containerd) => {
      const folder = `${bench.bundle}/docker`;
      Deno.mkdirSync(folder);
      const socket = `unix://${folder}/sock`;
      const words = [
        ...[
          "-H",
          socket,
          "--containerd",
          containerd,
          "--pidfile",
          `${folder}/pid`,
          "--storage-driver",
          "vfs",
        ],
        ...[
          "--data-root",
          `${folder}/data`,
          "--exec-root",
          `${folder}/exec`,
          "--add-runtime",
          `dunc=${duncPath()}`,
        ],
        ...["--exec-opt", "native.cgroupdriver=cgroupfs", "--default-ulimit", "nofile=20000:20000"],
        ...["--bridge=none", "--iptables=false", "--ip6tables=false"],
      ];
      // In a network namespace of its own: it would change the machine's rules.
      const endDaemon = daemonOf("unshare", [
        "--net",
        "sh",
        "-c",
        'ip link set lo up; exec dockerd "$@"',
        "sh",
        ...words,
      ]);
      const docker = (...args: string[]) =>
        runCommand("docker", ["-H", socket, ...args], { timeoutMs: 60_000, env: { HOME: folder } });
      const ok = async (...args: string[]) => {
        const { code, stdout, stderr } = await docker(...args);
        assertEquals(code, 0, `docker ${args.join(" ")}: ${stderr}`);
        return stdout;
      };
      try {
        await until("dockerd answers", async () => (await docker("version")).code === 0 || undefined, 20_000);
        const tar = `${bench.bundle}/docker.tar`;
        assertEquals((await runCommand("tar", ["-C", bench.rootfs, "-cf", tar, "."])).code, 0);
        await ok("import", tar, "busybox");
        const run = ["run", "--runtime", "dunc", "--network", "none"];
        assertEquals(await ok(...run, "--rm", "busybox", "/bin/echo", "hello"), "hello\n");
        const name = bench.id();
        await ok(...run, "--detach", "--name", name, "busybox", "/bin/sleep", "100");
        assertEquals(await ok("exec", name, "/bin/echo", "in"), "in\n");
        assertEquals(await ok("exec", "-t", name, "/bin/echo", "terminal"), "terminal\r\n");
        await ok("pause", name);
        assertStringIncludes(await ok("ps", "--format", "{{.Status}}"), "(Paused)");
        await ok("unpause", name);
        assertStringIncludes(await ok("top", name), "/bin/sleep 100");
        assertStringIncludes(await ok("stats", "--no-stream", name), name);
        await ok("update", "--memory", "64m", "--memory-swap", "64m", name);
        await ok("restart", "-t", "0", name);
        await ok("stop", "-t", "0", name);
        assertEquals(await ok("inspect", "-f", "{{.State.ExitCode}}", name), "137\n");
        await ok("rm", name);
        const missing = await docker(...run, "--rm", "busybox", "/nonesuch");
        assertEquals(missing.code, 127, missing.stderr);
      } finally {
        await endDaemon();
        await runCommand("sh", ["-c", `grep -o '${folder}[^ ]*' /proc/mounts | xargs -r umount -l`]);
      }
    });
  },
);
