import { assertEquals, assertStringIncludes } from "@std/assert";
import { containersIn } from "./support/ledger.ts";
import { type Bench, containerTest } from "./bench/bench.ts";
import { duncPath, runCommand } from "./bench/dunc.ts";
import { start, until } from "./support/command.ts";

const README = Deno.readTextFileSync(new URL("../README.md", import.meta.url));

/** The code block behind `<!-- run: NAME -->`. */
function block(name: string): string {
  const match = new RegExp(`<!-- run: ${name} -->\n\`\`\`\\w+\n([^]*?)\`\`\``).exec(README);
  if (match === null) throw new Error(`README.md has no block ${name}`);
  return match[1]!;
}

/** A folder in which `dunc` is the executable under test. */
function pathWithDunc(folder: string): string {
  Deno.mkdirSync(`${folder}/path`);
  Deno.symlinkSync(duncPath(), `${folder}/path/dunc`);
  return `${folder}/path:/usr/sbin:/usr/bin:/sbin:/bin`;
}

containerTest("README: five minutes with a bundle, line by line", async (bench) => {
  const id = bench.id();
  // The same lines with a --root and an id of the test's own.
  const script = block("bundle").replaceAll(/\bdunc (?!spec)/g, `dunc --root ${bench.root} `)
    .replace(/(run --detach|state|exec|pause|resume|update.*|ps|--stats|kill|--force) box\b/g, `$1 ${id}`);
  const PATH = pathWithDunc(bench.bundle);
  const { code, stdout, stderr } = await runCommand("/bin/sh", ["-e", "-c", script], {
    cwd: bench.bundle,
    env: { PATH },
    timeoutMs: 60_000,
  });
  assertEquals(code, 0, stdout + stderr);
  for (const text of ["running", '"ociVersion"', "sleep 100", '{"type":"stats"']) {
    assertStringIncludes(stdout, text);
  }
  assertEquals(containersIn(bench.root), []);
});

/** The words that run a script as an ordinary user with a home of its own, and nothing in its environment. */
function asOrdinaryUser(bench: Bench, script: string): { command: string[]; home: string } {
  const home = `${bench.bundle}/home`;
  const PATH = pathWithDunc(bench.bundle);
  Deno.mkdirSync(`${home}/run`, { recursive: true, mode: 0o700 });
  const uid = 54321;
  for (const path of [home, `${home}/run`]) Deno.chownSync(path, uid, uid);
  for (
    let folder = bench.bundle;
    folder !== "/tmp" && folder !== "/";
    folder = folder.replace(/\/[^/]*$/, "")
  ) {
    Deno.chmodSync(folder, 0o755);
  }
  const user = ["setpriv", "--reuid", `${uid}`, "--regid", `${uid}`, "--clear-groups", "env", "-i"];
  const environment = [`PATH=${PATH}`, `XDG_RUNTIME_DIR=${home}/run`];
  return { command: [...user, ...environment, "/bin/sh", "-e", "-c", script], home };
}

containerTest("README: without root, three commands lead to a shell in a container", async (bench) => {
  const script = block("rootless");
  assertEquals(script.trim().split("\n").length, 3);
  Deno.writeTextFileSync(`${bench.bundle}/script`, script);
  const { command, home } = asOrdinaryUser(
    bench,
    `exec script -qec "sh -e ${bench.bundle}/script" /dev/null`,
  );
  const running = start(command, { cwd: home, stdin: "piped" });
  const shows = (text: string) => until(`the screen shows ${text}`, () => running.stdout.includes(text));
  await shows("# ");
  await running.write("echo $((6 * 7)):$(id -u):$(cat /proc/1/comm)\n");
  await shows("42:0:sh");
  await running.write("touch /etc/made /made; ls /made; exit 5\n");
  const { code, stdout } = await running.ended;
  assertEquals(code, 5, stdout);
  assertStringIncludes(stdout, "Read-only file system");
  assertEquals(Deno.statSync(`${home}/box/rootfs/made`).uid, 54321);
});

containerTest("README: without root, with a network of the container's own", async (bench) => {
  const { command: [program, ...args], home } = asOrdinaryUser(bench, block("rootless network"));
  const { code, stdout, stderr } = await runCommand(program!, args, { cwd: home, timeoutMs: 60_000 });
  assertEquals([code, stdout], [0, "hello\n"], stderr);
});

containerTest("README: from TypeScript", async (bench) => {
  bench.configure((config) => config.process.args = ["sleep", "100"]);
  const source = block("typescript").replace("/run/my-containers", bench.root).replace(
    "/srv/box",
    bench.bundle,
  )
    .replaceAll('"one"', JSON.stringify(bench.id()));
  const map = { imports: { dunc: new URL("../src/mod.ts", import.meta.url).href } };
  Deno.writeTextFileSync(`${bench.bundle}/program.ts`, source);
  Deno.writeTextFileSync(`${bench.bundle}/map.json`, JSON.stringify(map));
  const args = [
    "run",
    "--check",
    "--allow-all",
    "--no-config",
    "--no-lock",
    "--import-map",
    "map.json",
    "program.ts",
  ];
  const { code, stderr } = await runCommand(Deno.execPath(), args, { cwd: bench.bundle, timeoutMs: 120_000 });
  assertEquals(code, 0, stderr);
  assertEquals(containersIn(bench.root), []);
});
