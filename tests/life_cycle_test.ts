import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { containerTest } from "./bench/bench.ts";

containerTest("a container is created, started, killed and deleted, and its state follows", async (bench) => {
  bench.configure((config) => config.process.args = ["sleep", "100"]);
  const id = bench.id();
  const state = async () => JSON.parse((await bench.dunc(["state", id])).stdout);
  assertEquals((await bench.dunc(["create", id])).code, 0);
  const created = await state();
  assertEquals(created.status, "created");
  assertEquals(Object.keys(created), [
    "ociVersion",
    "id",
    "pid",
    "status",
    "bundle",
    "rootfs",
    "created",
    "owner",
  ]);
  assertEquals(created.bundle, bench.bundle);
  assertEquals((await bench.dunc(["start", id])).code, 0);
  const running = await state();
  assertEquals([running.status, running.pid], ["running", created.pid]);
  assertEquals((await bench.dunc(["kill", id, "KILL"])).code, 0);
  for (let i = 0; i < 50 && (await state()).status !== "stopped"; i++);
  assertEquals((await state()).pid, 0);
  assertEquals((await bench.dunc(["delete", id])).code, 0);
  const gone = await bench.dunc(["state", id]);
  assertEquals(gone.code, 1);
  assertStringIncludes(gone.stderr, "container does not exist");
});

containerTest(
  "state prints two blanks of indentation and no newline at the end, as runc does",
  async (bench) => {
    bench.configure((config) => config.process.args = ["sleep", "100"]);
    const id = bench.id();
    await bench.dunc(["create", id]);
    const ours = (await bench.dunc(["state", id])).stdout;
    await bench.dunc(["delete", "-f", id]);
    assertEquals((await bench.runc(["create", id])).code, 0);
    const theirs = (await bench.runc(["state", id])).stdout;
    await bench.runc(["delete", "-f", id]);
    const shape = (text: string) => text.replace(/: .*/g, ":");
    assertEquals(shape(ours), shape(theirs));
  },
);

containerTest("list shows runc's columns, json and bare ids", async (bench) => {
  bench.configure((config) => config.process.args = ["sleep", "100"]);
  assertEquals((await bench.dunc(["list", "-f", "json"])).stdout, "null\n");
  const id = bench.id();
  await bench.dunc(["run", "-d", id]);
  assertMatch(
    (await bench.dunc(["list"])).stdout,
    new RegExp(`^ID +PID +STATUS +BUNDLE +CREATED +OWNER\\n${id} +\\d+ +running `),
  );
  const [entry] = JSON.parse((await bench.dunc(["list", "--format", "json"])).stdout);
  assertEquals([entry.id, entry.status, entry.owner], [id, "running", "root"]);
  assertEquals((await bench.dunc(["list", "-q"])).stdout, `${id}\n`);
  assertEquals((await bench.dunc(["list", "-f", "xml"])).code, 1);
  await bench.dunc(["delete", "-f", id]);
});

containerTest(
  "run in the foreground exits with the program's status and deletes the container",
  async (bench) => {
    assertEquals((await bench.shell("echo hello; exit 3")).code, 3);
    const killed = await bench.shell("kill -TERM $$");
    assert([143, 0].includes(killed.code), `${killed.code}`);
    assertEquals((await bench.dunc(["list", "-q"])).stdout, "");
  },
);

containerTest("each verb refuses a container in the wrong state in runc's words", async (bench) => {
  bench.configure((config) => config.process.args = ["sleep", "100"]);
  const id = bench.id();
  await bench.dunc(["create", id]);
  const again = await bench.dunc(["create", id]);
  assertStringIncludes(again.stderr, "container with given ID already exists");
  await bench.dunc(["start", id]);
  assertStringIncludes((await bench.dunc(["start", id])).stderr, "cannot start an already running container");
  assertStringIncludes(
    (await bench.dunc(["delete", id])).stderr,
    `cannot delete container ${id} that is not stopped: running`,
  );
  assertStringIncludes((await bench.dunc(["resume", id])).stderr, "container not paused");
  await bench.dunc(["pause", id]);
  assertStringIncludes((await bench.dunc(["pause", id])).stderr, "container not running");
  assertStringIncludes((await bench.dunc(["exec", id, "true"])).stderr, "cannot exec in a paused container");
  await bench.dunc(["resume", id]);
  await bench.dunc(["kill", id, "9"]);
  for (let i = 0; i < 50; i++) {
    if (JSON.parse((await bench.dunc(["state", id])).stdout).status === "stopped") break;
  }
  assertStringIncludes((await bench.dunc(["kill", id])).stderr, "container not running");
  assertEquals((await bench.dunc(["kill", "-a", id])).code, 0);
  assertStringIncludes((await bench.dunc(["start", id])).stderr, "cannot start a container that has stopped");
  assertStringIncludes((await bench.dunc(["exec", id, "true"])).stderr, "cannot exec in a stopped container");
  assertEquals((await bench.dunc(["delete", id])).code, 0);
  assertEquals((await bench.dunc(["delete", id])).code, 1);
  assertEquals((await bench.dunc(["delete", "-f", id])).code, 0);
});

containerTest(
  "a waiting container process is small, holds nothing but the barrier, and runs from a sealed memfd",
  async (bench) => {
    bench.configure((config) => config.process.args = ["sleep", "100"]);
    const id = bench.id();
    const result = await bench.dunc(["create", "--pid-file", `${bench.bundle}/pid`, id]);
    assertEquals(result.code, 0, result.stderr);
    const pid = Deno.readTextFileSync(`${bench.bundle}/pid`);
    assertMatch(pid, /^\d+$/);
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const resident = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)![1]);
    assert(resident < 1024, `VmRSS ${resident} kB`);
    const targets = [...Deno.readDirSync(`/proc/${pid}/fd`)].map((
      { name },
    ) => [name, Deno.readLinkSync(`/proc/${pid}/fd/${name}`)]);
    const others = targets.filter(([name]) => Number(name) > 2).map(([, target]) => target);
    assertEquals(others, [`${bench.root}/${id}/exec.fifo`]);
    assertEquals(Deno.readLinkSync(`/proc/${pid}/exe`), "/memfd:dunc-init (deleted)");
    await bench.dunc(["delete", "-f", id]);
  },
);

containerTest("what is created again and again leaves nothing behind", async (bench) => {
  bench.configure((config) => config.process.args = ["sleep", "100"]);
  const rounds = Deno.env.get("DUNC_FULL") === "1" ? 200 : 10;
  for (let round = 0; round < rounds; round++) {
    const id = bench.id();
    for (const args of [["create", id], ["start", id], ["kill", id, "KILL"], ["delete", "--force", id]]) {
      const { code, stderr } = await bench.dunc(args);
      assertEquals(code, 0, `round ${round}: ${args.join(" ")}: ${stderr}`);
    }
  }
});

containerTest(
  "everything works with an empty environment, from any folder, with a read-only /tmp",
  async (bench) => {
    bench.configure((config) => config.process.args = ["echo", "fine"]);
    const result = await bench.dunc(["run", "--bundle", bench.bundle, bench.id()], {
      cwd: "/",
      clearEnv: true,
    });
    assertEquals([result.code, result.stdout], [0, "fine\n"], result.stderr);
  },
);
