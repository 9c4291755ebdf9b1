/** SCMP_ACT_NOTIFY: an agent of the host answers system calls of a container. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { CONVENTIONS, syscallNumbers } from "../src/seccomp/architecture.ts";
import type { Config } from "./support/bundle.ts";
import { call, until } from "./support/command.ts";
import { descendants } from "./support/processes.ts";
import { type Containers, containerTest as test, reaping, runs } from "./support/containers.ts";
import { type Answer, SeccompAgent } from "./support/seccomp_agent.ts";

const machine = Deno.build.arch === "x86_64" ? "x86_64" : "aarch64";
const numberOf = (name: string) => syscallNumbers(CONVENTIONS[machine][0]!).get(name)!;
/** Whichever of the two a libc makes directories with. */
const MKDIR = ["mkdir", "mkdirat"];

const containerTest = (name: string, body: (c: Containers) => Promise<void>) =>
  test(name, (c) => reaping(body(c)), ["root", "gcc"]);

async function withAgent(
  c: Containers,
  answer: Answer,
  body: (agent: SeccompAgent) => Promise<void>,
): Promise<void> {
  const agent = await SeccompAgent.start(`${c.folder}/agent`, answer);
  try {
    await body(agent);
  } finally {
    await agent.close();
  }
}

/** Everything is allowed but `names`, which the agent at `path` gets. */
function notifies(config: Config, path: string, names: readonly string[] = MKDIR): void {
  config.linux!.seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    listenerPath: path,
    listenerMetadata: "some metadata",
    syscalls: [{ names: [...names], action: "SCMP_ACT_NOTIFY" }],
  };
}

for (const noNewPrivileges of [true, false]) {
  const words = noNewPrivileges ? "with" : "without";
  containerTest(`run ${words} noNewPrivileges hands calls to the agent, whose errno they get`, async (c) => {
    await withAgent(c, ["errno", 28], async (agent) => {
      const { path } = c.bundle((config) => {
        runs(config, "mkdir /tmp/x; ls /tmp; ls -l /proc/self/fd | grep -c seccomp");
        notifies(config, agent.path);
        config.process!.noNewPrivileges = noNewPrivileges;
      });
      const id = c.id();
      const { stdout, stderr } = await c.dunc.call(["run", "--bundle", path, id]);
      assertStringIncludes(stderr, "No space left on device");
      assertEquals(stdout, "0\n");
      const [{ ociVersion, fds, metadata, pid, state }, ...others] = agent.documents as [
        typeof agent.documents[0],
      ];
      assertEquals([ociVersion, fds, metadata, others], ["1.3.0", ["seccompFd"], "some metadata", []]);
      assertEquals(state, { ociVersion, id, status: "creating", pid, bundle: path } as typeof state);
      assertEquals(agent.calls.length, 1);
    });
  });
}

containerTest("a call that the agent answers with a value did not happen and has that value", async (c) => {
  await withAgent(c, ["value", 0], async (agent) => {
    const { path } = c.bundle((config) => {
      runs(config, "mkdir /tmp/x && ls /tmp; echo $?");
      notifies(config, agent.path);
    });
    assertEquals(await c.dunc.ok("run", "--bundle", path, c.id()), "0\n");
  });
});

containerTest("an agent that hangs up leaves calls that the kernel does not have", async (c) => {
  await withAgent(c, ["hangup"], async (agent) => {
    const { path } = c.bundle((config) => {
      runs(config, "mkdir /tmp/x");
      notifies(config, agent.path);
    });
    const { stderr } = await c.dunc.call(["run", "--bundle", path, c.id()]);
    assertStringIncludes(stderr, "Function not implemented");
    assertEquals([agent.documents.length, agent.calls], [1, []]);
  });
});

containerTest("create hands its listener over before it returns, and exec one of its own", async (c) => {
  await withAgent(c, ["errno", 30], async (agent) => {
    const { path } = c.bundle((config) => {
      runs(config, "mkdir /tmp/x; sleep 100");
      notifies(config, agent.path);
    });
    const id = c.id();
    await c.dunc.ok("create", "--bundle", path, id);
    const { pid } = await c.dunc.state(id);
    await until("the agent has looked", () => agent.documents.length > 0);
    assertEquals(agent.documents.map((each) => [each.pid, each.state.status]), [[pid, "creating"]]);
    assertEquals(agent.calls, []);
    // Nothing of the handing over is left in the process that waits: its streams and the barrier.
    assertEquals([...Deno.readDirSync(`/proc/${pid}/fd`)].length, 4);
    await c.dunc.ok("start", id);
    for (const round of [1, 2]) {
      const { code, stderr } = await c.dunc.call(["exec", id, "mkdir", "/tmp/y"]);
      assertEquals(code, 1);
      assertStringIncludes(stderr, "Read-only file system");
      const document = agent.documents[round]!;
      assertEquals([document.state.status, document.state.pid], ["running", pid]);
      assertEquals(document.pid === pid, false);
      assertEquals(agent.documents.length, 1 + round);
    }
    assertEquals(agent.calls.length, 3);
    await c.dunc.ok("delete", "--force", id);
  });
});

/** What the init calls between its filter and the program, and what the handing over must not need. */
const OWN_CALLS =
  "close close_range execve read sendto sendmsg recvfrom recvmsg exit exit_group futex eventfd2 " +
  "setresuid setresgid capset prctl newfstatat faccessat2 ppoll pidfd_send_signal rt_sigaction";

for (const noNewPrivileges of [true, false]) {
  const words = noNewPrivileges ? "with" : "without";
  containerTest(`every other call of the init may be notified ${words} noNewPrivileges`, async (c) => {
    await withAgent(c, ["continue"], async (agent) => {
      const { path } = c.bundle((config) => {
        runs(config, "echo works");
        notifies(config, agent.path, OWN_CALLS.split(" "));
        config.process!.noNewPrivileges = noNewPrivileges;
      });
      assertEquals(await c.dunc.ok("run", "--bundle", path, c.id()), "works\n");
      const id = c.id();
      await c.dunc.ok("create", "--bundle", path, id);
      assertEquals(await c.dunc.ok("exec", id, "echo", "too"), "too\n");
      await c.dunc.ok("start", id);
      for (const name of ["execve", "read", "close", "exit_group"]) {
        assertEquals(agent.calls.includes(numberOf(name)), true, name);
      }
      await c.dunc.ok("delete", "--force", id);
    });
  });
}

containerTest("containers with user namespaces hand their listeners over", async (c) => {
  await withAgent(c, ["errno", 28], async (agent) => {
    const { path, rootfs } = c.bundle((config) => {
      runs(config, "id -u; mkdir /tmp/x");
      notifies(config, agent.path);
      config.linux!.namespaces!.push({ type: "user" });
      config.linux!.uidMappings = [{ containerID: 0, hostID: 100_000, size: 65536 }];
      config.linux!.gidMappings = [{ containerID: 0, hostID: 100_000, size: 65536 }];
    });
    Deno.chownSync(rootfs, 100_000, 100_000);
    const { stdout, stderr } = await c.dunc.call(["run", "--bundle", path, c.id()]);
    assertEquals(stdout, "0\n");
    assertStringIncludes(stderr, "No space left on device");
    assertEquals(agent.documents.length, 1);
  });
});

const refuse = async (c: Containers, change: (config: Config) => void): Promise<string> => {
  const { path } = c.bundle((config) => {
    runs(config, "true");
    change(config);
  });
  return await c.dunc.fails(1, "run", "--bundle", path, c.id());
};

containerTest("where nobody listens nothing is made, and the path is named", async (c) => {
  const words =
    "failed to connect with seccomp agent specified in the seccomp profile: linux.seccomp.listenerPath";
  assertStringIncludes(
    await refuse(c, (config) => notifies(config, "/no/agent")),
    `${words} (/no/agent): no such file`,
  );
  const long = `/${"x".repeat(108)}`;
  assertStringIncludes(
    await refuse(c, (config) => notifies(config, long)),
    `${words} (${long}): file name too long`,
  );
  // A socket whose listener has gone.
  const stale = `${c.folder}/stale`;
  const agent = await SeccompAgent.start(`${c.folder}/agent`, ["hangup"]);
  Deno.linkSync(agent.path, stale);
  await agent.close();
  assertStringIncludes(await refuse(c, (config) => notifies(config, stale)), "connection refused");
  assertEquals(c.dunc.ids(), []);
});

containerTest("a profile whose listener cannot work is refused with its place", async (c) => {
  const syscalls = "linux.seccomp.syscalls";
  for (
    const [change, message] of [
      [{ listenerPath: "" }, "linux.seccomp.listenerPath: seccomp listenerPath is not set"],
      [
        { defaultAction: "SCMP_ACT_NOTIFY" },
        "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot be used as default action",
      ],
      [
        { syscalls: [{ names: ["mkdir", "write"], action: "SCMP_ACT_NOTIFY" }] },
        `${syscalls}[0].names[1]: SCMP_ACT_NOTIFY cannot be used for the write syscall`,
      ],
      [{ defaultAction: "SCMP_ACT_ERRNO" }, `${syscalls}: SCMP_ACT_NOTIFY needs write to be allowed`],
    ] as const
  ) {
    const stderr = await refuse(c, (config) => {
      notifies(config, "/no/agent");
      Object.assign(config.linux!.seccomp!, change);
    });
    assertStringIncludes(stderr, message);
  }
});

containerTest("a listener path without an action that notifies is not looked at", async (c) => {
  for (const listenerPath of ["/no/agent", ""]) {
    const { path } = c.bundle((config) => {
      runs(config, "echo works");
      notifies(config, listenerPath);
      Object.assign(config.linux!.seccomp!, { syscalls: [{ names: MKDIR, action: "SCMP_ACT_ERRNO" }] });
    });
    assertEquals(await c.dunc.ok("run", "--bundle", path, c.id()), "works\n");
  }
});

for (const [action, signal] of [["SCMP_ACT_KILL_PROCESS", 31], ["SCMP_ACT_ERRNO", 4]] as const) {
  containerTest(
    `a filter that answers the handing over itself with ${action} is an error of run`,
    async (c) => {
      await withAgent(c, ["continue"], async (agent) => {
        const stderr = await refuse(c, (config) => {
          notifies(config, agent.path);
          // Writes of eight bytes.
          const args = [{ index: 2, value: 8, op: "SCMP_CMP_EQ" }];
          Object.assign(config.linux!.seccomp!, {
            syscalls: [{ names: MKDIR, action: "SCMP_ACT_NOTIFY" }, { names: ["write"], action, args }],
          });
        });
        assertStringIncludes(stderr, `linux.seccomp: the container's init was killed by signal ${signal}`);
        assertStringIncludes(stderr, "linux.seccomp must allow write");
      });
    },
  );
}

/** A container that sleeps, and waits for `start` first, under strace with these injections. */
async function injected(c: Containers, agent: string, follow: readonly string[], inject: string) {
  const { path } = c.bundle((config) => {
    runs(config, "sleep 100");
    notifies(config, agent);
  });
  const id = c.id();
  const words = c.dunc.command("create", "--bundle", path, id);
  const strace = ["strace", ...follow, "-qq", "-o", `${c.folder}/trace`, "-e", `inject=${inject}`];
  const { code, stderr } = await call([...strace, ...words]);
  assertStringIncludes(
    Deno.readTextFileSync(`${c.folder}/trace`),
    inject.includes("error") ? "(INJECTED)" : "SIGKILL",
  );
  await until(
    "nothing runs but the agent",
    () => descendants().filter(({ state }) => state !== "Z").length === 1,
  );
  return { id, code, stderr };
}

for (
  const [inject, words] of [
    ["eventfd2:error=EMFILE:when=2", "linux.namespaces: clone: too many open files"],
    ["seccomp:error=EBUSY", "there can be one only"],
    ["sendmsg:error=EIO:when=1", "the container's init was killed by signal 9"],
    ["sendmsg:signal=SIGKILL:when=1", "hand over the seccomp listener: the first stage has ended"],
    ["recvfrom:error=EIO:when=1", ""],
  ] as const
) {
  test(`a handing over with ${inject} is an error of create, and nothing is left`, async (c) => {
    await reaping(withAgent(c, ["continue"], async (agent) => {
      const { code, stderr } = await injected(c, agent.path, ["-f"], inject);
      assertEquals([code, c.dunc.ids()], [1, []], stderr);
      assertStringIncludes(stderr, words);
    }));
  }, ["root", "gcc", "strace", "dunc"]);
}

test("a runtime that is killed with the listener in its hand takes the process with it", async (c) => {
  await reaping(withAgent(c, ["continue"], async (agent) => {
    // Its own first sendmsg(2) is the one to the agent.
    const { id, code } = await injected(c, agent.path, [], "sendmsg:signal=SIGKILL:when=1");
    assertEquals(code, 137);
    await c.dunc.ok("delete", "--force", id);
  }));
}, ["root", "gcc", "strace", "dunc"]);
