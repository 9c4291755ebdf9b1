import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { containerTest } from "./bench/bench.ts";
import { ownChildren } from "./support/command.ts";

containerTest(
  "the beginner's path: host name, processes and interfaces of the container alone",
  async (bench) => {
    const { code, stdout } = await bench.shell(
      "hostname; ps -o pid,args | tail -n +2 | head -1; ip -o link | wc -l; ip -o link",
    );
    assertEquals(code, 0);
    const [hostname, process, links, link] = stdout.split("\n");
    assertEquals([hostname, links], ["runc", "1"]);
    assertMatch(process!, /^\s*1 sh -c/);
    assertMatch(link!, /^1: lo: <LOOPBACK,UP/);
  },
);

containerTest("without the network namespace the host's interfaces are seen", async (bench) => {
  const { stdout } = await bench.shell("ls /sys/class/net; cat /proc/net/dev | wc -l", (config) => {
    config.linux.namespaces = config.linux.namespaces.filter((entry: { type: string }) =>
      entry.type !== "network"
    );
    config.mounts.find((mount: { destination: string }) => mount.destination === "/sys").options = [
      "rbind",
      "ro",
    ];
    Object.assign(config.mounts.find((mount: { destination: string }) => mount.destination === "/sys"), {
      type: "none",
      source: "/sys",
    });
  });
  const host = Deno.readTextFileSync("/proc/net/dev").trimEnd().split("\n").length;
  assertEquals(stdout.trimEnd().split("\n").at(-1), String(host));
});

containerTest("the user, its groups and umask are the configured ones", async (bench) => {
  const { stdout } = await bench.shell(
    "id -u; id -g; grep Groups /proc/self/status; umask; echo $HOME",
    (config) => {
      config.process.user = { uid: 1000, gid: 1001, additionalGids: [5, 7], umask: 0o27 };
    },
  );
  assertEquals(stdout.replace(/\s+/g, " ").trim(), "1000 1001 Groups: 5 7 0027 /home/user");
});

containerTest("each capability set is exactly the configured one", async (bench) => {
  const names = { bounding: ["CAP_KILL", "CAP_CHOWN"], permitted: ["CAP_KILL"], effective: ["CAP_KILL"] };
  const { stdout } = await bench.shell("grep ^Cap /proc/self/status", (config) => {
    config.process.noNewPrivileges = false;
    config.process.user = { uid: 1000, gid: 1000 };
    config.process.capabilities = { ...names, inheritable: ["CAP_KILL"], ambient: ["CAP_KILL"] };
  });
  const sets = Object.fromEntries(stdout.trim().split("\n").map((line) => line.split(":\t")));
  const kill = (1 << 5).toString(16).padStart(16, "0");
  const bounding = ((1 << 5) | 1).toString(16).padStart(16, "0");
  assertEquals(sets, { CapInh: kill, CapPrm: kill, CapEff: kill, CapBnd: bounding, CapAmb: kill });
});

containerTest(
  "a process without a capabilities object has none, not even in its bounding set",
  async (bench) => {
    const { stdout } = await bench.shell("grep -E 'CapBnd|CapEff' /proc/self/status", (config) => {
      delete config.process.capabilities;
    });
    assertEquals(stdout, `CapEff:\t${"0".repeat(16)}\nCapBnd:\t${"0".repeat(16)}\n`);
  },
);

containerTest("limits keep all 64 bits", async (bench) => {
  bench.configure((config) => {
    config.process.args = ["cat", "/proc/self/limits"];
    config.process.rlimits = [{ type: "RLIMIT_CORE", soft: 0, hard: 5 }];
  });
  const text = Deno.readTextFileSync(`${bench.bundle}/config.json`);
  const infinite = text.replace(
    /"rlimits": \[/,
    '"rlimits": [{"type":"RLIMIT_CPU","soft":18446744073709551615,"hard":18446744073709551615},{"type":"RLIMIT_FSIZE","soft":9007199254740993,"hard":9007199254740993},',
  );
  Deno.writeTextFileSync(`${bench.bundle}/config.json`, infinite);
  const { stdout, stderr } = await bench.dunc(["run", bench.id()]);
  assertMatch(stdout, /Max cpu time\s+unlimited\s+unlimited/, stderr);
  assertMatch(stdout, /Max file size\s+9007199254740993\s+9007199254740993/);
  assertMatch(stdout, /Max core file size\s+0\s+5/);
});

containerTest(
  "environment: the last of equal names wins, HOME comes from the container's passwd",
  async (bench) => {
    const { stdout } = await bench.shell('echo $A; echo $HOME; echo "$B"', (config) => {
      config.process.env.push("A=1", "A=2", "HOME=", "B=two\nlines");
    });
    assertEquals(stdout, "2\n/root\ntwo\nlines\n");
  },
);

containerTest("the working directory is made where it is missing", async (bench) => {
  const { stdout } = await bench.shell("pwd", (config) => {
    config.root.readonly = false;
    config.process.cwd = "/deep/er";
  });
  assertEquals(stdout, "/deep/er\n");
});

containerTest("oomScoreAdj and no_new_privs are what config.json says", async (bench) => {
  const { stdout } = await bench.shell(
    "cat /proc/self/oom_score_adj; grep NoNewPrivs /proc/self/status",
    (config) => {
      config.process.oomScoreAdj = 777;
      config.process.noNewPrivileges = false;
    },
  );
  assertEquals(stdout, "777\nNoNewPrivs:\t0\n");
});

containerTest("host name and domain name are the configured ones", async (bench) => {
  const { stdout } = await bench.shell("hostname; cat /proc/sys/kernel/domainname", (config) => {
    config.hostname = "box";
    config.domainname = "example.org";
  });
  assertEquals(stdout, "box\nexample.org\n");
});

containerTest("no descriptor but the standard streams reaches the program", async (bench) => {
  const { stdout } = await bench.shell("ls /proc/self/fd | sort -n | tr '\\n' ' '");
  // ls itself opens the directory as 3.
  assertEquals(stdout, "0 1 2 3 ");
});

containerTest("--preserve-fds hands over the descriptors from 3 on and no others", async (bench) => {
  bench.configure((config) =>
    config.process.args = ["sh", "-c", "cat <&3; ls /proc/self/fd | sort -n | tr '\\n' ' '"]
  );
  Deno.writeTextFileSync(`${bench.bundle}/extra`, "extra\n");
  const script =
    `exec 3<extra 4<extra 9<extra; exec "$DUNC" --root ${bench.root} run --preserve-fds 2 ${bench.id()}`;
  const { duncPath, runCommand } = await import("./bench/dunc.ts");
  const result = await runCommand("/bin/sh", ["-c", script], {
    cwd: bench.bundle,
    env: { DUNC: duncPath() },
  });
  assertEquals(result.stdout, "extra\n0 1 2 3 4 5 ", result.stderr);
});

containerTest(
  "signals for a foreground run reach the program, and its end is the exit code",
  async (bench) => {
    bench.configure((config) => {
      config.process.args = [
        "sh",
        "-c",
        "trap 'echo caught; exit 7' TERM; echo ready; while :; do sleep 0.1; done",
      ];
    });
    const { duncPath } = await import("./bench/dunc.ts");
    const child = new Deno.Command(duncPath(), {
      args: ["--root", bench.root, "run", bench.id()],
      cwd: bench.bundle,
      stdout: "piped",
      stderr: "null",
    }).spawn();
    ownChildren.add(child.pid);
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = (await reader.read()).value ?? "";
    child.kill("SIGTERM");
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    const { code } = await child.status;
    ownChildren.delete(child.pid);
    assertEquals([code, text], [7, "ready\ncaught\n"]);
  },
);

containerTest("a program that dies by a signal gives 128 and its number", async (bench) => {
  const { code } = await bench.shell("kill -KILL 1; sleep 5", (config) => {
    config.linux.namespaces = config.linux.namespaces.filter((entry: { type: string }) =>
      entry.type !== "pid"
    );
    config.process.args = ["sh", "-c", "kill -KILL $$"];
  });
  assertEquals(code, 137);
});

containerTest(
  "strace shows clone3, mounts by descriptor, pivot_root, the capability calls and one execve, in order",
  async (bench) => {
    bench.configure((config) => config.process.args = ["true"]);
    const trace = `${bench.bundle}/trace`;
    const { duncPath, runCommand } = await import("./bench/dunc.ts");
    const id = bench.id();
    const calls =
      "clone3,fsopen,fsmount,open_tree,move_mount,mount_setattr,pivot_root,capset,setresuid,execve,execveat,mount,setns";
    const args = [
      "-f",
      "-qq",
      "-o",
      trace,
      "-e",
      `trace=${calls}`,
      duncPath(),
      "--root",
      bench.root,
      "run",
      id,
    ];
    const { code, stderr } = await runCommand("strace", args, { cwd: bench.bundle, timeoutMs: 60_000 });
    assertEquals(code, 0, stderr);
    const lines = Deno.readTextFileSync(trace).split("\n");
    const pivot = lines.find((line) => line.includes("pivot_root("))!;
    const pid = pivot.split(" ")[0]!;
    const names = lines.filter((line) => line.startsWith(`${pid} `)).map((line) =>
      /^\d+\s+(\w+)\(/.exec(line)?.[1]
    );
    const order = ["fsopen", "open_tree", "pivot_root", "setresuid", "capset", "execve"];
    const places = order.map((name) => names.indexOf(name));
    assert(places.every((place) => place >= 0), `${order} at ${places}`);
    assert(
      places[2]! > places[1]! && places[3]! > places[2]! && places[4]! > places[3]! &&
        places[5]! > places[4]!,
      `${places}`,
    );
    assertEquals(names.filter((name) => name === "execve").length, 1);
    // "." is the descriptor that was entered: how a mount's propagation is changed where there is no mount_setattr.
    const mounts = lines.filter((line) => line.startsWith(`${pid} `) && / mount\(/.test(line));
    assertEquals(mounts.filter((line) => !/ mount\([^,]+, "\.", /.test(line)), [], "no mount by path");
    assert(lines.some((line) => /clone3\(.*CLONE_PARENT/.test(line)));
  },
);

containerTest(
  "a script whose interpreter is missing fails at start on the container's own stderr",
  async (bench) => {
    Deno.writeTextFileSync(`${bench.rootfs}/run.sh`, "#!/nowhere\n", { mode: 0o755 });
    bench.configure((config) => config.process.args = ["/run.sh"]);
    const id = bench.id();
    const created = await bench.dunc(["create", id]);
    assertEquals(created.code, 0, created.stderr);
    assertEquals((await bench.dunc(["start", id])).code, 0);
    await bench.dunc(["delete", "-f", id]);
    const run = await bench.dunc(["run", bench.id()]);
    assertStringIncludes(run.stderr, "exec /run.sh: no such file or directory");
  },
);
