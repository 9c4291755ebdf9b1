/** dunc in a container of dunc: as root, in a user namespace, and rootless in rootless as far as the kernel allows. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { defaultSpec } from "../src/spec/defaults.ts";
import { type Config, configText, makeRootfs } from "./support/bundle.ts";
import type { Outcome } from "./support/command.ts";
import { type Containers, containerTest } from "./support/containers.ts";
import { OrdinaryUser } from "./support/ordinary_user.ts";

const NEEDS = ["root", "dunc", "setpriv"] as const;

/** What a dunc inside needs of its container. */
const POWERS = [
  ...["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_MKNOD", "CAP_NET_ADMIN", "CAP_SETFCAP"],
  ...["CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_ADMIN", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE"],
  ...["CAP_AUDIT_WRITE", "CAP_NET_BIND_SERVICE"],
];

interface Nest {
  /** What runs in the outer container; /inner is the inner bundle. */
  readonly script: string;
  readonly outer?: (config: Config) => void;
  readonly inner?: (config: Config) => void;
  /** Whether the inner document is that of `spec --rootless`. */
  readonly rootlessInner?: boolean;
}

const powers = (config: Config): void => {
  config.process!.capabilities = { bounding: POWERS, effective: POWERS, permitted: POWERS };
};

const uncovered = (config: Config): void => {
  config.linux!.maskedPaths = [];
  config.linux!.readonlyPaths = [];
};

/** /proc as it is around the container, with all that covers it. */
const boundProc = (config: Config): void => {
  config.mounts = config.mounts!.map((mount) =>
    mount.destination === "/proc"
      ? { destination: "/proc", type: "none", source: "/proc", options: ["rbind"] }
      : mount
  );
  uncovered(config);
};

/** Write a folder with a config.json. */
function write(folder: string, config: Config): void {
  config.process!.terminal = false;
  Deno.writeTextFileSync(`${folder}/config.json`, configText(config));
}

const bind = (source: string, destination: string) => ({
  destination,
  type: "bind",
  source,
  options: ["rbind"],
});

/** Make both bundles: the outer one shows the host's programs, so that dunc finds its C library. */
function makeNest(c: Containers, folder: string, uid: number | undefined, nest: Nest): void {
  const ids = (id: number | undefined) => id === undefined ? {} : { rootless: { uid: id, gid: id } };
  const inner = defaultSpec({
    cgroup2: false,
    ...ids(nest.rootlessInner === true ? 0 : undefined),
  }) as Config;
  inner.process!.args = ["sh", "-c", "echo inside $(id -u) $(hostname)"];
  nest.inner?.(inner);
  const outer = defaultSpec({ cgroup2: false, ...ids(uid), bound: ["/usr", "/lib", "/lib64"] }) as Config;
  outer.process!.args = ["/bin/sh", "-c", nest.script];
  outer.mounts!.push(bind(c.dunc.path, "/dunc"), bind(`${folder}/inner`, "/inner"));
  nest.outer?.(outer);
  for (const name of ["outer", "inner"]) Deno.mkdirSync(`${folder}/${name}`);
  makeRootfs(`${folder}/outer/rootfs`);
  makeRootfs(`${folder}/inner/rootfs`);
  write(`${folder}/outer`, outer);
  write(`${folder}/inner`, inner);
}

function asRoot(c: Containers, nest: Nest): Promise<Outcome> {
  makeNest(c, c.folder, undefined, nest);
  return c.dunc.call(["run", "--bundle", `${c.folder}/outer`, c.id()]);
}

function asUser(c: Containers, nest: Nest): Promise<Outcome> {
  const user = new OrdinaryUser(c);
  makeNest(c, user.home, user.uid, nest);
  new Deno.Command("chown", { args: ["-hR", `${user.uid}:${user.uid}`, user.home] }).outputSync();
  return user.sh(`dunc run --bundle ${user.home}/outer outer`);
}

const RUN = "cd /inner && /dunc run inner";
const WITHOUT_CGROUPS = "cd /inner && /dunc --cgroup-manager disabled run inner";

const mapped = (config: Config): void => {
  config.linux!.namespaces!.push({ type: "user" });
  config.linux!.uidMappings = config.linux!.gidMappings = [{ containerID: 0, hostID: 0, size: 65_536 }];
};

containerTest(
  "root in a container with the powers for it runs a container, without cgroups where they are read-only",
  async (c) => {
    const { code, stdout, stderr } = await asRoot(c, {
      outer: powers,
      script: `${RUN}; echo $?; ${WITHOUT_CGROUPS}; /dunc check | tail -1`,
    });
    assertEquals([code, stdout], [
      0,
      "1\ninside 0 runc\nroot cannot run containers here: cgroup delegation\n",
    ]);
    assertStringIncludes(stderr, "read-only file system (hint: is /sys/fs/cgroup mounted read-only?");
  },
  NEEDS,
);

containerTest(
  "with a writable cgroup the inner container has groups below the outer one's, and a life cycle",
  async (c) => {
    const { code, stdout, stderr } = await asRoot(c, {
      outer: (config) => {
        powers(config);
        const cgroup = config.mounts!.find(({ type }) => type === "cgroup")!;
        cgroup.options = cgroup.options!.filter((option) => option !== "ro");
      },
      inner: (config) => config.process!.args = ["sleep", "100"],
      script:
        `set -e; cd /inner; /dunc create a; /dunc exec a echo early; /dunc start a; /dunc exec a cat /proc/1/comm;
      /dunc pause a; /dunc state a | grep status; /dunc resume a; ls -d /sys/fs/cgroup/pids/a; /dunc delete --force a;
      /dunc list -q; ls -d /sys/fs/cgroup/pids/a 2>/dev/null || /dunc check | tail -1`,
    });
    assertEquals([code, stderr], [0, ""], stdout);
    assertEquals(stdout.replace(/ +/g, " ").split("\n"), [
      ...["early", "sleep", ' "status": "paused",', "/sys/fs/cgroup/pids/a"],
      ...["root can run containers here", ""],
    ]);
  },
  NEEDS,
);

containerTest(
  "in a user namespace, root of it runs a container that has none of its own",
  async (c) => {
    const plain = await asRoot(c, {
      outer: (config) => {
        powers(config);
        mapped(config);
      },
      script: RUN,
    });
    assertEquals([plain.code, plain.stdout, plain.stderr], [0, "inside 0 runc\n", ""]);
  },
  NEEDS,
);

containerTest(
  "rootless in rootless runs where the outer container gives the powers and covers no part of /proc",
  async (c) => {
    const { code, stdout, stderr } = await asUser(c, {
      outer: (config) => {
        powers(config);
        uncovered(config);
      },
      rootlessInner: true,
      script: `${RUN}; cat /proc/self/uid_map; /dunc check | tail -1`,
    });
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /^inside 0 runc\n\s+0\s+54321\s+1\nroot can run containers here\n$/);
  },
  NEEDS,
);

containerTest(
  "where /proc is covered the failure names what covers it, and what to do instead",
  async (c) => {
    const nest = { outer: powers, rootlessInner: true } as const;
    const refused = await asUser(c, { ...nest, script: `${RUN}; /dunc check` });
    assertStringIncludes(refused.stderr, "mounts[0] (proc): operation not permitted");
    for (const cover of ["/proc/sys", "/proc/keys", "parts of /proc", "bind /proc", "dunc check"]) {
      assertStringIncludes(refused.stderr, cover);
    }
    assertMatch(refused.stdout, /limited +\/proc in user namespaces .*maskedPaths/);
  },
  NEEDS,
);

containerTest("rootless in rootless with /proc bound runs under the outer container's masks", async (c) => {
  const { code, stdout, stderr } = await asUser(c, {
    outer: powers,
    rootlessInner: true,
    inner: (config) => {
      boundProc(config);
      config.process!.oomScoreAdj = 500;
      config.process!.args = [
        "sh",
        "-c",
        "echo inside; cat /proc/keys | wc -c; cat /proc/self/oom_score_adj",
      ];
    },
    script: RUN,
  });
  assertEquals([code, stdout, stderr], [0, "inside\n0\n500\n", ""]);
}, NEEDS);

containerTest("without powers the failure names the one that is missing", async (c) => {
  const { code, stdout, stderr } = await asUser(c, { rootlessInner: true, script: `/dunc check; ${RUN}` });
  assertEquals(code, 1);
  assertStringIncludes(stderr, "write uid_map: linux.uidMappings: operation not permitted (hint: ");
  assertStringIncludes(stderr, "CAP_SETFCAP");
  assert(/missing +user namespaces .*CAP_SETFCAP/.test(stdout), stdout);
  assertStringIncludes(stdout, "root cannot run containers here: namespaces, mounts, /proc");
}, NEEDS);

containerTest(
  "without a pid namespace an ordinary user binds /proc, and the score is set all the same",
  async (c) => {
    const user = new OrdinaryUser(c);
    const config = defaultSpec({ cgroup2: false, rootless: { uid: user.uid, gid: user.uid } }) as Config;
    config.linux!.namespaces = config.linux!.namespaces!.filter(({ type }) => type !== "pid");
    boundProc(config);
    config.process!.args = ["sh", "-c", "readlink /proc/self/ns/pid; cat /proc/self/oom_score_adj"];
    config.process!.oomScoreAdj = 600;
    write(user.bundle, config);
    const host = Deno.readLinkSync("/proc/self/ns/pid");
    assertEquals(await user.ok("dunc run mine"), `${host}\n600\n`);
  },
  NEEDS,
);
