/** What the executable says of itself is what it does, and nothing that others can write becomes a part of it. */
import { assert, assertEquals } from "@std/assert";
import { type Bundle, type Config, makeBundle } from "./support/bundle.ts";
import { call, start, succeed, until } from "./support/command.ts";
import { type Containers, containerTest, reaping, runs } from "./support/containers.ts";
import { statusOf } from "./support/processes.ts";

// deno-lint-ignore no-explicit-any
type Features = any;

async function featuresOf(c: Containers): Promise<Features> {
  return JSON.parse(await succeed([c.dunc.path, "features"]));
}

async function output(c: Containers, change: (config: Config) => void): Promise<string> {
  const { path } = c.bundle(change);
  const { code, stdout, stderr } = await c.dunc.call(["run", "--bundle", path, c.id()]);
  assertEquals([code, stderr], [0, ""]);
  return stdout;
}

/** A mount that has one option, of a file system that refuses every word that dunc does not take out. */
function mountWith(option: string, destination: string): NonNullable<Config["mounts"]>[number] {
  const maps = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  if (option === "bind" || option === "rbind") {
    return { destination, source: "/usr/share", options: [option] };
  }
  if (option === "idmap" || option === "ridmap") {
    const options = [option === "idmap" ? "bind" : "rbind", option];
    return { destination, source: "/usr/share", options, uidMappings: maps, gidMappings: maps };
  }
  if (option === "remount") return { destination: "/dev/shm", options: ["remount", "nosuid", "nodev"] };
  return { destination, type: "tmpfs", source: "t", options: [option] };
}

containerTest("every mount option that features lists is carried out, and no other word is", async (c) => {
  const { mountOptions } = await featuresOf(c);
  assert(mountOptions.length > 50);
  const points = await output(c, (config) => {
    mountOptions.forEach((option: string, index: number) =>
      config.mounts!.push(mountWith(option, `/m/${index}`))
    );
    runs(config, "grep -c ' /m/' /proc/self/mountinfo");
  });
  assertEquals(Number(points), mountOptions.length - 1, "all but the remount");
  for (const option of ["nosuchoption", "rnosuch", "NOSUID"]) {
    const { path } = c.bundle((config) => config.mounts!.push(mountWith(option, "/m/x")));
    assertEquals((await c.dunc.call(["run", "--bundle", path, c.id()])).code, 1, option);
  }
}, ["root", "dunc"]);

containerTest("every namespace and hook that features lists is made and run", async (c) => {
  const features = await featuresOf(c);
  const names = { mount: "mnt", network: "net" } as Record<string, string>;
  const files: string[] = features.linux.namespaces.map((type: string) => names[type] ?? type);
  const log = `${c.folder}/hooks`;
  const inside = await output(c, (config) => {
    config.linux!.namespaces = features.linux.namespaces.map((type: string) => ({ type }));
    config.linux!.uidMappings = config.linux!.gidMappings = [{ containerID: 0, hostID: 0, size: 65_536 }];
    config.root!.readonly = false;
    const said = (kind: string) => (kind === "startContainer" ? "/log" : log);
    config.hooks = Object.fromEntries(features.hooks.map((kind: string) => [
      kind,
      [{ path: "/bin/sh", args: ["sh", "-c", `echo ${kind} >> ${said(kind)}`] }],
    ]));
    config.mounts!.push({ destination: "/log", source: log, options: ["bind"] });
    Deno.writeTextFileSync(log, "");
    runs(config, `cd /proc/self/ns && for f in ${files.join(" ")}; do readlink $f; done`);
  });
  const links = inside.trim().split("\n");
  assertEquals(links.length, files.length);
  files.forEach((file, index) => assert(links[index] !== Deno.readLinkSync(`/proc/self/ns/${file}`), file));
  assertEquals(Deno.readTextFileSync(log).trim().split("\n"), features.hooks);
}, ["root", "dunc"]);

containerTest("every capability that features lists is given, as far as the host has it", async (c) => {
  const { linux } = await featuresOf(c);
  const rows = await output(c, (config) => {
    const all = linux.capabilities;
    config.process!.capabilities = { bounding: all, effective: [], permitted: [] };
    runs(config, "grep CapBnd /proc/self/status");
  });
  const given = BigInt(`0x${rows.trim().split("\t")[1]}`);
  const host = BigInt(`0x${statusOf("self")["CapBnd"]}`);
  assertEquals(given, host, "the list is the kernel's");
}, ["root", "dunc"]);

containerTest("every action, operator, architecture and flag that features lists loads", async (c) => {
  const { linux: { seccomp } } = await featuresOf(c);
  const run = (profile: unknown) =>
    output(c, (config) => {
      Object.assign(config.linux!, { seccomp: profile });
      runs(config, "echo ran");
    });
  const actions = seccomp.actions.filter((action: string) => action !== "SCMP_ACT_NOTIFY");
  // Calls that nobody makes, one for each.
  const numbers = ["acct", "swapon", "swapoff", "reboot", "nfsservctl", "vhangup", "ustat", "uselib"];
  const rules = [
    ...actions.map((action: string, index: number) => ({ names: [numbers[index]], action })),
    ...seccomp.operators.map((op: string, index: number) => ({
      names: ["personality"],
      action: "SCMP_ACT_ERRNO",
      args: [{
        index: 0,
        value: 0xdead0000 + index,
        valueTwo: 0xdead0000,
        op: op === "SCMP_CMP_EQ" ? op : op,
      }]
        .map((arg) => ({ ...arg, ...(/_(NE|LT|LE)$/.test(op) ? { index: 1 } : {}) })),
    })),
  ];
  assertEquals(actions.length, numbers.length);
  assertEquals(
    await run({ defaultAction: "SCMP_ACT_ALLOW", architectures: seccomp.archs, syscalls: rules }),
    "ran\n",
  );
  for (const flag of seccomp.supportedFlags.filter((flag: string) => !flag.includes("WAIT_KILLABLE"))) {
    assertEquals(
      await run({ defaultAction: "SCMP_ACT_ALLOW", flags: [flag], syscalls: rules }),
      "ran\n",
      flag,
    );
  }
  for (
    const bad of [{ defaultAction: "SCMP_ACT_PERHAPS" }, {
      defaultAction: "SCMP_ACT_ALLOW",
      flags: ["NO_SUCH"],
    }]
  ) {
    const { path } = c.bundle((config) => Object.assign(config.linux!, { seccomp: bad }));
    assertEquals((await c.dunc.call(["run", "--bundle", path, c.id()])).code, 1);
  }
}, ["root", "dunc"]);

containerTest("what features calls enabled is refused in no document", async (c) => {
  const { linux } = await featuresOf(c);
  assertEquals(
    [linux.apparmor, linux.selinux, linux.seccomp, linux.mountExtensions.idmap].map(({ enabled }) => enabled),
    [true, true, true, true],
  );
  const modes = linux.memoryPolicy.modes.filter((mode: string) =>
    /DEFAULT|BIND|INTERLEAVE|LOCAL|PREFERRED$/.test(mode)
  );
  for (const mode of modes) {
    const { path } = c.bundle((config) => {
      const nodes = /BIND|INTERLEAVE|PREFERRED/.test(mode) ? { nodes: "0" } : {};
      Object.assign(config.linux!, { memoryPolicy: { mode, ...nodes } });
      runs(config, "true");
    });
    const { code, stderr } = await c.dunc.call(["run", "--bundle", path, c.id()]);
    // A kernel without NUMA has no such call.
    assert(code === 0 || /memoryPolicy.*function not implemented/.test(stderr), `${mode}: ${stderr}`);
  }
}, ["root", "dunc"]);

/** The nearest folder above a path that everybody may write to. A sticky one counts: a name can be made first in it. */
function openFolder(path: string): string | undefined {
  const parts = path.split("/");
  for (let length = parts.length - 1; length > 0; length--) {
    const folder = parts.slice(0, length).join("/") || "/";
    try {
      if ((Deno.statSync(folder).mode! & 0o002) !== 0) return folder;
    } catch { /* Gone meanwhile. */ }
  }
  return undefined;
}

/** Files that were opened, executed or mapped, by strace's own names for the descriptors. */
function filesIn(trace: string): string[] {
  const found = new Set<string>();
  for (const line of trace.split("\n")) {
    const result = / = \d+<(\/[^>]*)>/.exec(line)?.[1];
    const executed = /execve\("([^"]+)"/.exec(line)?.[1];
    const mapped = /mmap\(.*PROT_EXEC.*<(\/[^>]*)>/.exec(line)?.[1];
    for (const path of [result, executed, mapped]) {
      if (path !== undefined && !/^\/(proc|dev|sys|memfd:)/.test(path)) found.add(path);
    }
  }
  return [...found];
}

containerTest("no library, cache or program comes from a folder that others may write to", async (c) => {
  // Away from /tmp, where everything would lie below such a folder.
  const home = Deno.makeTempDirSync({ dir: "/root", prefix: "dunc-audit-" });
  try {
    const dunc = `${home}/dunc`;
    Deno.copyFileSync(c.dunc.path, dunc);
    const bundle: Bundle = makeBundle(`${home}/bundle`, (config) => runs(config, "sleep 100"));
    const id = c.id();
    const verbs = [["create", "--bundle", bundle.path, id], ["start", id], ["exec", id, "true"], [
      "exec",
      id,
      "true",
    ]];
    const strace = (verb: readonly string[], at: number, env: string[] = []) => [
      ...["strace", "-f", "-qq", "-y", "-s", "4096", "-e", "trace=openat,openat2,open,execve,execveat,mmap"],
      ...[
        "-o",
        `${home}/trace${at}`,
        "env",
        "-u",
        "DUNC_TRACE",
        ...env,
        dunc,
        "--root",
        `${home}/state`,
        ...verb,
      ],
    ];
    // From a folder that everybody may write to, as the current one.
    const options = { cwd: "/tmp", timeoutMs: 60_000 };
    // Its strace ends with the container.
    const creation = start(strace(verbs[0]!, 0), options);
    await until(
      "it is created",
      () => exists(`${home}/state/${id}/exec.fifo`) && exists(`${home}/state/${id}/plans`),
      20_000,
    );
    for (const [at, verb] of verbs.slice(1).entries()) {
      const { code, stderr } = await reaping(call(strace(verb, at + 1), options));
      assertEquals(code, 0, `${verb[0]}: ${stderr}`);
    }
    const engine = ["DUNC_ENGINE=always", "LD_LIBRARY_PATH=", "DENO_DIR=/tmp/dunc-no-cache"];
    const last = strace(["delete", "--force", id], 4, engine);
    assertEquals((await reaping(call(last, options))).code, 0);
    await reaping(creation.ended);
    let count = 0;
    for (let at = 0; at <= 4; at++) {
      const files = filesIn(Deno.readTextFileSync(`${home}/trace${at}`));
      assert(files.includes(dunc), `trace ${at}`);
      for (const path of files) assertEquals(openFolder(path), undefined, path);
      count += files.length;
    }
    console.log(`${count} files opened, executed or mapped in create, start, exec and delete`);
  } finally {
    Deno.removeSync(home, { recursive: true });
  }
}, ["root", "dunc", "strace"]);

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
