import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { TRIALS } from "../plan/trials.ts";
import type { TrialName } from "../plan/trials.ts";
import { type Finding, findingsOf, type HostFacts, isUsable, type Outcome } from "./findings.ts";

/** An ordinary user on a host that allows everything. */
function host(change: Partial<HostFacts> = {}, trials: Partial<Record<TrialName, Outcome>> = {}): HostFacts {
  const all = Object.fromEntries(TRIALS.map((name) => [name, "ok" as Outcome])) as Record<TrialName, Outcome>;
  const helper = { path: "/usr/bin/newuidmap", privileged: true };
  return {
    kernel: "6.1.0-18-amd64",
    uid: 1000,
    gid: 1000,
    userName: "alice",
    insideUserNamespace: false,
    capabilities: 0n,
    noNewPrivileges: false,
    sysctls: { "user.max_user_namespaces": "1000" },
    uidRanges: [{ first: 100_000, count: 65_536 }],
    gidRanges: [{ first: 100_000, count: 65_536 }],
    freeId: 165_536,
    procMasks: [],
    sysMasks: [],
    seccompActions: ["allow"],
    securityModules: ["apparmor"],
    timeNamespaces: true,
    helpers: { newuidmap: helper, newgidmap: { ...helper, path: "/usr/bin/newgidmap" } },
    rangedMap: "ok",
    cgroup: {
      mode: "v2",
      controllers: ["memory", "pids"],
      directory: undefined,
      refusal: undefined,
      needed: false,
      delegated: ["pids"],
    },
    stateFolder: { path: "/run/user/1000/dunc", refusal: undefined },
    runtimeDirectory: "/run/user/1000",
    calls: { openat2: true, mountApi: true },
    ...change,
    trials: { ...all, cloneIntoCgroup: { op: "clone", errno: "EBADF" }, ...trials },
  };
}

const failed = (op: string, errno: string): Outcome => ({ op, errno });

function find(facts: HostFacts, name: string): Finding {
  const finding = findingsOf(facts).find((finding) => finding.name === name);
  if (finding === undefined) throw new Error(`no finding ${name}`);
  return finding;
}

Deno.test("a host that allows everything has nothing to mend but what no user can have", () => {
  const findings = findingsOf(host());
  assertEquals(findings.filter(({ status }) => status !== "ok").map(({ name }) => name), [
    "id-mapped mounts",
  ]);
  assert(isUsable(findings));
});

Deno.test("each finding that is not ok says what to do about it", () => {
  const all = Object.fromEntries(TRIALS.map((name) => [name, failed("clone", "EPERM")]));
  for (const uid of [0, 1000]) {
    const facts = host({
      uid,
      kernel: "4.18.0",
      noNewPrivileges: true,
      uidRanges: [],
      gidRanges: [],
      rangedMap: undefined,
      seccompActions: [],
      securityModules: [],
      helpers: {},
      stateFolder: { path: "/run/dunc", refusal: "EACCES" },
      cgroup: {
        mode: "v2",
        controllers: [],
        directory: "/sys/fs/cgroup/a",
        refusal: "EACCES",
        needed: uid === 0,
        delegated: [],
      },
    }, all);
    const findings = findingsOf(facts);
    assert(!isUsable(findings));
    for (const { name, status, fix } of findings) assert(status === "ok" || (fix ?? "") !== "", name);
  }
});

Deno.test("the switch that forbids user namespaces is named with the command that turns it", () => {
  const switches = {
    "user.max_user_namespaces": ["0", "sysctl -w user.max_user_namespaces=15000"],
    "kernel.unprivileged_userns_clone": ["0", "sysctl -w kernel.unprivileged_userns_clone=1"],
    "kernel.apparmor_restrict_unprivileged_userns": [
      "1",
      "an AppArmor profile for dunc with the rule `userns,`",
    ],
  } as const;
  for (const [name, [value, fix]] of Object.entries(switches)) {
    const facts = host({ sysctls: { [name]: value } }, { userNamespace: failed("clone", "EPERM") });
    const finding = find(facts, "user namespaces");
    assertEquals([finding.status, isUsable(findingsOf(facts))], ["missing", false]);
    assertStringIncludes(finding.fix!, fix);
  }
});

Deno.test("AppArmor lets the namespace be made and takes its powers away: it is named for the mount that fails", () => {
  const sysctls = { "kernel.apparmor_restrict_unprivileged_userns": "1" };
  const facts = host({ sysctls }, { mounts: failed("fsmount", "EACCES") });
  assertStringIncludes(find(facts, "mounts").fix!, "apparmor_restrict_unprivileged_userns=0");
  assert(!isUsable(findingsOf(facts)));
});

Deno.test("root does without user namespaces, and is told which capability it lacks", () => {
  const everything = (1n << 41n) - 1n;
  const facts = host({ uid: 0, capabilities: everything & ~(1n << 24n) }, {
    userNamespace: failed("clone", "ENOSPC"),
  });
  assert(isUsable(findingsOf(facts)));
  assertStringIncludes(find(facts, "CAP_SYS_RESOURCE").fix!, "docker --cap-add SYS_RESOURCE");
  assertEquals(findingsOf(facts).filter(({ name }) => name.startsWith("CAP_")).length, 1);
});

Deno.test("a user without ranges gets the line for /etc/subuid that is free", () => {
  const without = host({ gidRanges: [], rangedMap: undefined });
  assertEquals(find(without, "id ranges").fix, "as root: echo alice:165536:65536 | tee -a /etc/subgid");
  const nameless = host({ userName: "#4711", uid: 4711, uidRanges: [], gidRanges: [], rangedMap: undefined });
  assertEquals(
    find(nameless, "id ranges").fix,
    "as root: echo 4711:165536:65536 | tee -a /etc/subuid /etc/subgid",
  );
  assert(isUsable(findingsOf(without)));
});

Deno.test("a helper without its bit is told from one that is not there", () => {
  const bare = host({ helpers: { newuidmap: { path: "/opt/newuidmap", privileged: false } } });
  assertStringIncludes(find(bare, "newuidmap").fix!, "chmod u+s /opt/newuidmap");
  assertStringIncludes(find(bare, "newgidmap").fix!, "install uidmap");
});

Deno.test("no_new_privs is the reason that is given for ranges that could not be mapped", () => {
  const facts = host({ noNewPrivileges: true, rangedMap: { reason: "newuidmap failed: EPERM" } });
  assertStringIncludes(find(facts, "range map").fix!, "no_new_privs");
});

Deno.test("a covered /proc is named with what covers it", () => {
  const facts = host({ procMasks: ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/scsi"] }, {
    proc: failed("fsmount", "EPERM"),
  });
  const { status, fix } = find(facts, "/proc");
  assertEquals(status, "missing");
  assertStringIncludes(fix!, "/proc/acpi, /proc/kcore, /proc/keys, …");
  assertStringIncludes(fix!, "linux.maskedPaths");
});

Deno.test("limits need a delegated group with controllers; containers do not", () => {
  const cgroup = { ...host().cgroup, directory: "/sys/fs/cgroup/a", refusal: "EACCES" };
  for (
    const [change, fix] of [[{}, "Delegate=yes"], [{ mode: "hybrid" }, "unified_cgroup_hierarchy=1"]] as const
  ) {
    const facts = host({ cgroup: { ...cgroup, ...change } });
    assertStringIncludes(find(facts, "cgroup delegation").fix!, fix);
    assert(isUsable(findingsOf(facts)));
  }
  const bare = host({ cgroup: { ...host().cgroup, delegated: [] } });
  assertEquals(find(bare, "cgroup delegation").status, "limited");
});

Deno.test("root's containers need a group, unless they are made without", () => {
  const cgroup = { ...host().cgroup, directory: "/sys/fs/cgroup/a", refusal: "EROFS", needed: true };
  const facts = host({ uid: 0, capabilities: -1n, cgroup });
  assertStringIncludes(find(facts, "cgroup delegation").fix!, "--cgroup-manager disabled");
  assert(!isUsable(findingsOf(facts)));
  assert(isUsable(findingsOf(host({ uid: 0, capabilities: -1n, cgroup: { ...cgroup, needed: false } }))));
});

Deno.test("a root that may not map root is told of CAP_SETFCAP", () => {
  const facts = host({ uid: 0 }, { userNamespace: failed("write uid_map", "EPERM") });
  assertStringIncludes(find(facts, "user namespaces").fix!, "CAP_SETFCAP");
});

Deno.test("an older kernel is no hindrance: what it lacks is limited, and said", () => {
  const enosys = (op: string): Outcome => failed(op, "ENOSYS");
  const facts = host({ kernel: "5.4.0", calls: { openat2: false, mountApi: false } }, {
    openat2: enosys("open"),
    mounts: enosys("fsmount"),
    proc: enosys("fsmount"),
    sysfs: enosys("fsmount"),
  });
  const findings = findingsOf(facts);
  assertEquals([find(facts, "mounts").status, find(facts, "kernel").status], ["limited", "limited"]);
  assert(isUsable(findings));
});

Deno.test("a state folder that cannot be had asks for XDG_RUNTIME_DIR where that is unset", () => {
  const stateFolder = { path: "/run/dunc", refusal: "EACCES" };
  assertStringIncludes(
    find(host({ stateFolder, runtimeDirectory: undefined }), "state folder").fix!,
    "XDG_RUNTIME_DIR",
  );
  assertStringIncludes(find(host({ stateFolder }), "state folder").fix!, "--root DIR");
});
