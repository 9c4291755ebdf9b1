import { assert, assertEquals, assertMatch } from "@std/assert";
import { call, until } from "../support/command.ts";
import { runs, shell } from "../support/containers.ts";
import { check, libc } from "../support/libc.ts";
import { statusOf } from "../support/processes.ts";
import { onTerminal, Terminal } from "../support/terminal.ts";
import type { Scenario } from "./scenario.ts";
import { plantLink, remove, type Stage } from "./stage.ts";

const sleeps = (stage: Stage, change: Parameters<Stage["bundle"]>[0] = () => {}): Promise<string> =>
  stage.running(stage.bundle((config) => {
    runs(config, "sleep 100");
    change(config);
  }));

async function hashOf(path: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", Deno.readFileSync(path)));
  return bytes.toHex();
}

/** The image's program, and what exec calls, is the runtime's own file by way of /proc/self/exe. */
async function overwrite(stage: Stage): Promise<void> {
  const before = await hashOf(stage.dunc.path);
  const bundle = stage.bundle((config) => runs(config, "sleep 100"));
  Deno.writeTextFileSync(`${bundle.rootfs}/bin/evil`, "#!/proc/self/exe\n", { mode: 0o755 });
  bundle.config.process!.args = ["/bin/evil"];
  const id = await stage.running(bundle);
  for (let i = 0; i < 3; i++) await stage.exec(id, [], ["/bin/evil"]);
  // Right before each step of an exec, everybody in the container reaches for the file behind the joining process.
  const script =
    `for p in /proc/[0-9]*; do (echo x >> $p/exe) 2>/dev/null && readlink $p/exe >> /tmp/won; done; true`;
  await stage.race({
    bundle,
    args: () => ["exec", id, "true"],
    pick: ({ path, call }) => path === "/" || path === "/etc/passwd" || call === "execve",
    script: () => stage.words(["exec", id, "sh", "-c", script]).map(quote).join(" "),
  });
  assertEquals(won(bundle.rootfs), "");
  await stage.end(id);
  assertEquals(await hashOf(stage.dunc.path), before);
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

function won(rootfs: string): string {
  try {
    return Deno.readTextFileSync(`${rootfs}/tmp/won`);
  } catch {
    return "";
  }
}

/** What is executed inside is a sealed copy in memory, not the page cache of a file of the host. */
async function sealedCopy(stage: Stage): Promise<void> {
  const bundle = stage.bundle((config) => runs(config, "true"));
  const id = stage.c.id();
  assertEquals((await stage.call(["create", "--bundle", bundle.path, id])).code, 0);
  const { pid } = JSON.parse((await stage.call(["state", id])).stdout);
  const exe = `/proc/${pid}/exe`;
  assertEquals(Deno.readLinkSync(exe), "/memfd:dunc-init (deleted)");
  const file = Deno.openSync(exe);
  try {
    const { dev, size, mode } = file.statSync();
    assert(dev !== Deno.statSync(stage.dunc.path).dev, "on a file system of its own");
    assert(size < 200_000, `${size} bytes: the init alone`);
    assertEquals(mode! & 0o777, 0o511);
  } finally {
    file.close();
  }
  const [F_GET_SEALS, ALL_BUT_FUTURE_WRITE] = [1034, 0x2f];
  const fd = check(libc().open(new TextEncoder().encode(`${exe}\0`), 0), "open");
  const seals = check(libc().fcntl(fd, F_GET_SEALS, 0), "F_GET_SEALS");
  libc().close(fd);
  assertEquals(seals & ALL_BUT_FUTURE_WRITE & 0xf, 0xf, `seals ${seals}`);
  assertEquals(statusOf(pid)["NoNewPrivs"], "1");
  await stage.end(id);
}

/** Descriptors of the host, and who may look at them, while a process joins. */
async function joining(stage: Stage): Promise<void> {
  const bundle = stage.bundle((config) => runs(config, "sleep 100"));
  const id = await stage.running(bundle);
  const own = Deno.readLinkSync("/proc/self/ns/mnt");
  const log = `${stage.c.folder}/joining`;
  // From inside: what the container may see of a process that is on its way in.
  const inside = `for p in /proc/[0-9]*; do n=$(readlink $p/exe) && ` +
    `case $n in *memfd*) echo $n; readlink $p/root $p/cwd $p/fd/* ;; esac; done >> /tmp/won; true`;
  // From outside, as root: what it holds by then.
  const outside = `readlink /proc/$PID/ns/mnt /proc/$PID/fd/* /proc/$PID/cwd >> ${log}; echo >> ${log}; `;
  await stage.exec(id, [], ["true"]);
  const rounds = await stage.race({
    bundle,
    args: () => ["exec", id, "true"],
    pick: ({ call, path }) => call !== "openat2" || path === "/",
    script: () => outside + stage.words(["exec", id, "sh", "-c", inside]).map(quote).join(" "),
  });
  assert(rounds > 1, `${rounds} rounds`);
  assertEquals(won(bundle.rootfs), "", "seen from inside");
  for (const round of Deno.readTextFileSync(log).split("\n\n")) {
    const [namespace, ...links] = round.split("\n");
    if (namespace === own || namespace === "") continue;
    // Files of its own groups are closed once it is in them; a directory of the host is never held.
    const directories = links.filter((link) =>
      link.startsWith("/") && !/^\/(dev\/|memfd:|$)|pipe:|\.(out|err)$/.test(link)
    );
    assertEquals(directories.filter((link) => link !== "/"), [], round);
  }
  await stage.end(id);
}

/** A caller that leaks descriptors of the host, and an image that names them in every way there is. */
async function leaked(stage: Stage): Promise<void> {
  const { canary, c } = stage;
  const bundle = stage.bundle((config) => runs(config, "true"));
  const leaking = (
    words: readonly string[],
  ) => ["sh", "-c", `exec "$@" 8<${canary.path} 9</`, "sh", ...words];
  const judge = async (words: readonly string[], what: string) => {
    const { stdout, stderr } = await call(leaking(words), { timeoutMs: 10_000 });
    stage.check(what);
    assertEquals(
      /of the host|canary|unreachable|bundle\d/.test(stdout),
      false,
      `${what}: ${stdout}${stderr}`,
    );
  };
  const snoop = shell("cat passwd ../passwd; ls . ..; pwd -P; ls -l /proc/self/fd");
  const id = await sleeps(stage);
  for (const fd of [3, 5, 7, 8, 9, 12]) {
    plantLink(`${bundle.rootfs}/way`, `/proc/self/fd/${fd}`);
    for (const cwd of ["/way", `/proc/self/fd/${fd}`]) {
      Object.assign(bundle.config.process!, { cwd, args: snoop });
      Deno.writeTextFileSync(`${bundle.path}/config.json`, JSON.stringify(bundle.config));
      await judge(stage.words(["run", "--bundle", bundle.path, c.id()]), `run, cwd ${cwd}`);
    }
    await judge(stage.words(["exec", "--cwd", `/proc/self/fd/${fd}`, id, ...snoop]), `exec, cwd ${fd}`);
    await judge(
      stage.words(["exec", id, `/proc/self/fd/${fd}/bin/sh`, ...snoop.slice(1)]),
      `exec, args ${fd}`,
    );
  }
  await stage.end(id);
}

/** Nothing but the standard streams reaches a process that joins, whoever leaked what. */
async function execDescriptors(stage: Stage): Promise<void> {
  const id = await sleeps(stage);
  const { stdout } = await stage.exec(id, [], ["sh", "-c", "ls -l /proc/$$/fd; :"]);
  assertEquals(stdout.split(" -> ").length - 1, 3, stdout);
  assertEquals(/canary|-> \/(proc|sys)/.test(stdout), false, stdout);
  await stage.end(id);
}

async function addedCapabilities(stage: Stage): Promise<void> {
  const id = await sleeps(stage);
  const rows = "grep -E 'Uid|CapInh|CapAmb|CapEff' /proc/self/status";
  const user = stage.cell.user === undefined ? "1000" : "0";
  const { code, stdout, stderr } = await stage.exec(id, ["--cap", "CAP_NET_RAW", "-u", user], [
    "sh",
    "-c",
    rows,
  ]);
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /CapInh:\t0{16}/);
  assertMatch(stdout, user === "0" ? /CapEff:\t0*20002420/ : /CapEff:\t/);
  await stage.end(id);
  const spec = JSON.parse(await specOf(stage));
  assertEquals(Object.keys(spec.process.capabilities).includes("inheritable"), false);
}

async function specOf(stage: Stage): Promise<string> {
  const folder = `${stage.c.folder}/spec`;
  Deno.mkdirSync(folder);
  assertEquals((await call([stage.dunc.path, "spec"], { cwd: folder })).code, 0);
  return Deno.readTextFileSync(`${folder}/config.json`);
}

async function noCapabilities(stage: Stage): Promise<void> {
  const bundle = stage.bundle((config) => {
    delete config.process!.capabilities;
    runs(config, "grep Cap /proc/self/status");
  });
  const rows = await stage.ran(bundle);
  assertEquals(rows.replaceAll(/Cap\w+:\t0{16}\n/g, ""), "", rows);
}

/** A number is an id, whatever the image's passwd calls so. */
async function numericUser(stage: Stage): Promise<void> {
  const bundle = stage.bundle((config) => {
    config.process!.user = { uid: stage.cell.user === undefined ? 1000 : 0, gid: 0 };
    runs(config, "id -u");
  });
  Deno.writeTextFileSync(`${bundle.rootfs}/etc/passwd`, "0:x:7:7::/:/bin/sh\n1000:x:0:0::/root:/bin/sh\n");
  assertEquals(await stage.ran(bundle), stage.cell.user === undefined ? "1000\n" : "0\n");
  if (stage.cell.user !== undefined) return;
  bundle.config.process!.args = ["sleep", "100"];
  Deno.writeTextFileSync(`${bundle.path}/config.json`, JSON.stringify(bundle.config));
  const id = await stage.running(bundle);
  assertEquals((await stage.exec(id, ["-u", "1000"], ["id", "-u"])).stdout, "1000\n");
  await stage.end(id);
}

const GOOD_USERS: readonly [string, string][] = [
  ["1", "1 0"],
  ["1:2", "1 2"],
  ["0", "0 0"],
  ["65534:65534", "65534 65534"],
  ["00012", "12 0"],
];

const BAD_USERS = [
  ...["1:", ":2", "-1", "4294967295", "4294967296", "0x1", "1 ", " 1", "", "a:b", "18446744073709551615"],
  ...["1:-1", "1:4294967295", "1:2:3", "1e3", "+1", "1.0", "root", "1;0", "1\n0"],
];

async function userStrings(stage: Stage): Promise<void> {
  const id = await sleeps(stage);
  if (stage.cell.user === undefined) {
    for (const [user, ids] of GOOD_USERS) {
      const { stdout, stderr } = await stage.exec(id, ["-u", user], ["sh", "-c", "echo $(id -u) $(id -g)"]);
      assertEquals(stdout.trim(), ids, `${user}: ${stderr}`);
    }
  }
  for (const user of BAD_USERS) {
    const { code, stderr } = await stage.exec(id, [`--user=${user}`], ["id"]);
    assertEquals(code, 255, `${user}: ${stderr}`);
    assertMatch(stderr, /bad [ug]id|invalid/);
  }
  await stage.end(id);
}

/** The owner of a standard stream changes only where it is a pipe or terminal of the process's own. */
async function streamOwners(stage: Stage): Promise<void> {
  const uid = stage.cell.user === undefined ? 1000 : 0;
  const bundle = stage.bundle((config) => {
    config.process!.user = { uid, gid: 0 };
    runs(config, "true");
  });
  const id = await sleeps(stage);
  const join = ["-u", String(uid)];
  await stage.exec(id, join, ["true"]);
  const forms = [
    "<&- >&- 2>&-",
    "</dev/null >/dev/null 2>/dev/null",
    `<${stage.canary.path}/passwd`,
    "| cat",
  ];
  const owner = Deno.statSync("/dev/null").uid;
  for (const form of forms) {
    for (const words of [["run", "--bundle", bundle.path, stage.c.id()], ["exec", ...join, id, "true"]]) {
      await call(["sh", "-c", `"$@" ${form}`, "sh", ...stage.words(words)], { timeoutMs: 10_000 });
      stage.check(`${words[0]} ${form}`);
      assertEquals(Deno.statSync("/dev/null").uid, owner, form);
    }
  }
  await stage.end(id);
}

/** A process that joins has no way to the caller's terminal. */
async function callersTerminal(stage: Stage): Promise<void> {
  const id = await sleeps(stage);
  const { terminal, path: tty } = Terminal.open();
  try {
    const script =
      "read -r line < /proc/self/stat; set -- $line; echo tty=$7 session=$(( $6 == $$ )); (: < /dev/tty) 2>&1";
    if (stage.cell.user !== undefined) Deno.chownSync(tty, stage.cell.user, null);
    await stage.exec(id, [], ["sh", "-c", script]);
    for (let i = 0; i < 2; i++) {
      await call(onTerminal(tty, stage.words(["exec", id, "sh", "-c", script])), { timeoutMs: 10_000 });
    }
    await until("both have ended", () => terminal.text.split("tty=").length === 3);
    assertEquals(terminal.text.match(/tty=\d+ session=\d/g), Array(2).fill("tty=0 session=1"), terminal.text);
  } finally {
    terminal.close();
  }
  await stage.end(id);
}

/** A container that has put something else at its /proc: what a joining process writes there goes elsewhere. */
async function fakeProc(stage: Stage): Promise<void> {
  const bundle = stage.bundle((config) => {
    const { capabilities } = config.process!;
    for (const set of ["bounding", "effective", "permitted"] as const) {
      capabilities![set]!.push("CAP_SYS_ADMIN");
    }
    const pid = "$(ls -d /proc/[0-9]* | wc -l)";
    runs(
      config,
      `echo ${pid} >/dev/null; mount -t tmpfs t /proc && mkdir -p /proc/self /proc/1 && ` +
        `echo fake > /proc/self/oom_score_adj && ln -s ${stage.canary.path} /proc/2 && touch /tmp/ready; sleep 100`,
    );
  });
  const id = await stage.running(bundle);
  await until("the fake is in place", () => [...Deno.readDirSync(`${bundle.rootfs}/tmp`)].length > 0);
  const process = { args: ["sleep", "50"], cwd: "/", env: ["PATH=/bin"], oomScoreAdj: 500 };
  const path = `${stage.c.folder}/process.json`;
  Deno.writeTextFileSync(path, JSON.stringify(process));
  const pidFile = `${stage.output}/pid`;
  const { code, stderr } = await stage.exec(id, ["-d", "--pid-file", pidFile, "--process", path], []);
  assertEquals([code, stderr], [0, ""]);
  const pid = Deno.readTextFileSync(pidFile);
  assertEquals(Deno.readTextFileSync(`/proc/${pid}/oom_score_adj`), "500\n");
  Deno.removeSync(pidFile);
  await stage.end(id);
  remove(path);
}

/** What a process of the container does, or what joins it meets. */
export const PROCESS_SCENARIOS: readonly Scenario[] = [
  {
    id: "S01",
    title: "the runtime's own file is never in reach (CVE-2019-5736)",
    run: overwrite,
    exec: true,
  },
  {
    id: "S02",
    title: "a process that joins shows nobody a descriptor of the host (CVE-2016-9962)",
    run: joining,
    exec: true,
  },
  { id: "S03", title: "no leaked descriptor is a way out (CVE-2024-21626)", run: leaked },
  {
    id: "S15",
    title: "--cap adds nothing to the inheritable set (CVE-2022-29162)",
    run: addedCapabilities,
    not: { "first stage": "--cap is a flag that is never kept: always the engine's" },
  },
  { id: "S18", title: "a numeric user is an id (CVE-2016-3697)", run: numericUser, exec: true },
  {
    id: "S22",
    title: "user strings are the exact ids or an error (CVE-2026-30892)",
    run: userStrings,
    exec: true,
  },
  {
    id: "S24",
    title: "no stream that is not the process's own changes its owner (CVE-2026-88265)",
    run: streamOwners,
    exec: true,
  },
  { id: "S28", title: "without a capabilities object every set is empty (youki #3434)", run: noCapabilities },
  {
    id: "S30",
    title: "exec has no way to its caller's terminal (CVE-2017-5226)",
    run: callersTerminal,
    exec: true,
  },
  {
    id: "S33",
    title: "exec trusts nothing at the container's /proc (CVE-2015-1334)",
    run: fakeProc,
    exec: true,
  },
  { id: "S34", title: "exec leaks no descriptor (CVE-2016-8649)", run: execDescriptors, exec: true },
  { id: "S38", title: "what runs inside is a sealed copy in memory (CVE-2026-31431)", run: sealedCopy },
];
