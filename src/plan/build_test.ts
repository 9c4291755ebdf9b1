import { assert, assertEquals } from "@std/assert";
import { defaultSpec } from "../spec/defaults.ts";
import { parseSpec } from "../spec/parse.ts";
import type { Spec } from "../spec/schema.ts";
import { buildCreatePlan } from "./build.ts";
import { encodePlan } from "./encode.ts";
import type { CreateRequest } from "./frame.ts";
import type { Plan } from "./plan.ts";
import { type FieldType, type OpName, OPS, SLOT_LIMIT } from "./schema.ts";

/** A document that may be changed. */
// deno-lint-ignore no-explicit-any
type Document = any;

function specOf(change: (document: Document) => void): Spec {
  const document = JSON.parse(JSON.stringify(defaultSpec({ cgroup2: false })));
  change(document);
  return parseSpec(JSON.stringify(document));
}

function requestOf(change: (document: Document) => void, more: Partial<CreateRequest> = {}): CreateRequest {
  return {
    spec: specOf(change),
    id: "c1",
    bundle: "/b",
    rootfs: "/b/rootfs",
    stateDirectory: "/run/dunc/c1",
    barrier: true,
    noPivot: false,
    noNewKeyring: false,
    preserveFds: 0,
    consoleSocket: true,
    cgroup: { joinFiles: ["/sys/fs/cgroup/memory/c1/tasks"], mounts: [] },
    hookState: { creating: ["{", "}"], created: ["{", "}"] },
    host: { canMknod: true, hasKcore: true, hasKeyrings: true, kernelMounts: ["/proc", "/sys"] },
    kernel: { openat2: true, mountApi: true },
    ...more,
  };
}

const hook = [{ path: "/bin/true" }];

/** Requests of many kinds, each for every test that holds for all plans. */
function requests(): Record<string, CreateRequest> {
  const stream = (d: Document) => d.process.terminal = false;
  const rich = (d: Document) => {
    Object.assign(d.process, {
      terminal: false,
      oomScoreAdj: 7,
      apparmorProfile: "p",
      selinuxLabel: "l",
      scheduler: { policy: "SCHED_BATCH", nice: 5 },
      ioPriority: { class: "IOPRIO_CLASS_IDLE" },
      user: { uid: 1000, gid: 1000, additionalGids: [5], umask: 0o27 },
      cwd: "/work",
    });
    d.process.capabilities.ambient = d.process.capabilities.inheritable = ["CAP_KILL"];
    d.domainname = "example.org";
    d.mounts.push(
      { destination: "/data", source: "/srv", options: ["rbind", "ro", "rnosuid", "rslave", "shared"] },
      { destination: "/file", source: "file", options: ["bind"] },
      { destination: "/t", type: "tmpfs", source: "t", options: ["ro", "tmpcopyup", "size=1k"] },
      { destination: "/dev", options: ["remount", "ro"] },
    );
    d.hooks = { prestart: hook, createRuntime: hook, createContainer: hook, startContainer: hook };
    d.linux.sysctl = { "net.ipv4.ip_forward": "1", "kernel.shmmax": "7" };
    d.linux.rootfsPropagation = "rshared";
    d.linux.devices = [{ type: "c", path: "/dev/null", major: 1, minor: 3 }, { type: "p", path: "/fifo" }];
    d.linux.namespaces.push({ type: "cgroup" }, { type: "time" });
    d.linux.timeOffsets = { monotonic: { secs: 5 } };
  };
  const seccomp = { program: new Uint8Array(16), flags: 0, notify: false };
  const user = { isNew: true, privileged: true, rootfsReachable: true, setgroups: true };
  const withUser = (d: Document) => d.linux.namespaces.push({ type: "user" });
  const cgroups = [
    { kind: "tmpfs", target: "", source: "cgroup", options: ["mode=755"] },
    { kind: "bind", target: "memory", source: "/sys/fs/cgroup/memory/c1" },
    { kind: "symlink", target: "cpu", source: "cpu,cpuacct" },
  ] as const;
  const map = [{ containerID: 0, hostID: 5, size: 9 }];
  const mapped = (d: Document) =>
    d.mounts.push(
      { destination: "/a", source: "/a", options: ["bind"], uidMappings: map, gidMappings: map },
      { destination: "/b", source: "/b", options: ["rbind", "ridmap", "ro"] },
    );
  const netDevices = [{ host: "a", name: "b", transit: "c", up: true, addresses: [new Uint8Array(48)] }];
  return {
    "the default": requestOf(() => {}),
    "streams": requestOf(stream),
    "run": requestOf(stream, { barrier: false, consoleSocket: false, preserveFds: 3 }),
    "everything": requestOf(rich, { cgroup: { joinFiles: ["/a/tasks", "/b/tasks"], mounts: cgroups } }),
    "cgroup v2": requestOf(rich, {
      cgroup: {
        joinFiles: [],
        directory: "/sys/fs/cgroup/c1",
        mounts: [{
          kind: "cgroup2",
          target: "",
          source: "cgroup",
          options: [],
          fallback: "/sys/fs/cgroup/c1",
        }],
      },
    }),
    "--no-pivot": requestOf(stream, { noPivot: true, noNewKeyring: true }),
    "seccomp early": requestOf((d) => d.process.noNewPrivileges = false, { seccomp }),
    "seccomp late": requestOf(stream, { seccomp }),
    "no mount namespace": requestOf((d) => {
      stream(d);
      d.linux.namespaces = [{ type: "pid" }];
      delete d.hostname;
      d.linux.maskedPaths = d.linux.readonlyPaths = [];
    }),
    "joined namespaces": requestOf((d) => d.linux.namespaces[1].path = "/proc/1/ns/net", { netDevices }),
    "network devices": requestOf(stream, { netDevices }),
    "mapped mounts": requestOf(mapped),
    "mapped mounts in a user namespace": requestOf((d) => (mapped(d), withUser(d)), { userNamespace: user }),
    "mapped mounts in a joined one": requestOf(
      (d) => (mapped(d), d.linux.namespaces.push({ type: "user", path: "/proc/1/ns/user" })),
      { userNamespace: { ...user, isNew: false } },
    ),
    "without openat2": requestOf(rich, { kernel: { openat2: false, mountApi: true } }),
    "without the mount API": requestOf((d) => {
      rich(d);
      d.mounts.find((mount: Document) => mount.destination === "/data").options = ["rbind", "ro", "shared"];
    }, { kernel: { openat2: true, mountApi: false } }),
    "a user namespace": requestOf(withUser, {
      userNamespace: user,
      host: { ...requestOf(() => {}).host, canMknod: false },
    }),
    "rootless": requestOf(withUser, { userNamespace: { ...user, privileged: false, setgroups: false } }),
    "a user namespace in another": requestOf(withUser, {
      userNamespace: {
        ...user,
        privileged: false,
        setgroups: false,
        inner: {
          uidMappings: [{ containerID: 7, hostID: 0, size: 1 }],
          gidMappings: [{ containerID: 8, hostID: 0, size: 1 }],
        },
      },
    }),
    "a rootfs out of reach": requestOf(withUser, { userNamespace: { ...user, rootfsReachable: false } }),
  };
}

function forAll(check: (plan: Plan, name: string, request: CreateRequest) => void): void {
  for (const [name, request] of Object.entries(requests())) check(buildCreatePlan(request), name, request);
}

const names = ({ steps }: Plan): OpName[] => steps.map(({ op }) => op.op);

/** The slots of an operation by what it does with them. */
function slotsOf(op: Record<string, unknown>, type: FieldType): number[] {
  return Object.entries(OPS[op.op as OpName] as Record<string, FieldType>)
    .filter(([field, its]) => its === type && op[field] !== null)
    .map(([field]) => op[field] as number);
}

Deno.test("every plan uses a slot only after it is given or filled, and not after it is closed", () => {
  forAll((plan, name) => {
    const filled = new Set(Array.from({ length: plan.given }, (_, slot) => slot));
    plan.steps.forEach(({ op }, index) => {
      const record = op as unknown as Record<string, unknown>;
      for (const slot of [...slotsOf(record, "slot"), ...slotsOf(record, "slot?")]) {
        assert(filled.has(slot), `${name}: ${index} ${op.op} uses <${plan.slots[slot]}>, which is empty`);
      }
      for (const slot of slotsOf(record, "slot=")) {
        assert(slot < plan.slots.length, `${name}: ${index} ${op.op}`);
        filled.add(slot);
      }
      if (op.op === "close") filled.delete(op.slot);
    });
    assert(plan.slots.length <= SLOT_LIMIT, name);
  });
});

Deno.test("every plan leaves the host's tree behind at the pivot: nothing looks it up afterwards", () => {
  forAll((plan, name) => {
    const host = plan.slots.indexOf("host /");
    const enter = names(plan).findIndex((op) => op === "pivot_root" || op === "chroot" || op === "move_root");
    assert(enter >= 0, name);
    const after = plan.steps.slice(enter + 1).filter(({ op }) => "root" in op && op.root === host);
    assertEquals(after, [], name);
    assert(plan.steps.slice(enter).some(({ op }) => op.op === "close" && op.slot === host), name);
  });
});

Deno.test("every plan clones once, becomes the container once and executes one program, as its last step", () => {
  forAll((plan, name) => {
    for (const once of ["clone", "execve", "setsid", "check_cwd", "capset", "find_program"] as const) {
      assertEquals(names(plan).filter((op) => op === once).length, 1, `${name}: ${once}`);
    }
    assertEquals(names(plan).at(-1), "execve", name);
  });
});

/** Check that operations that are there come in this order (the first of each). */
function checkOrder(plan: Plan, name: string, order: readonly OpName[]): void {
  const found = order.filter((op) => names(plan).includes(op));
  const places = found.map((op) => names(plan).indexOf(op));
  assertEquals(places, [...places].sort((a, b) => a - b), `${name}: ${found.join(" ")}`);
}

Deno.test("every plan keeps the order that nothing hostile can get between", () => {
  forAll((plan, name) => {
    checkOrder(plan, name, [
      "clone",
      "setsid",
      "open_proc",
      "fsmount",
      "pivot_root",
      "sethostname",
      "mask_path",
      "barrier",
    ]);
    checkOrder(plan, name, [
      "drop_bounding",
      "setgroups",
      "check_cwd",
      "capset",
      "close_range",
      "barrier",
      "execve",
    ]);
    checkOrder(plan, name, ["find_program", "close_range", "end_conversation", "barrier", "execve"]);
    const credentials = names(plan).filter((op) => /^(setgroups|setresgid|setresuid|capset)$/.test(op)).slice(
      -4,
    );
    const last = credentials.indexOf("setresgid");
    assertEquals(credentials.slice(last), ["setresgid", "setresuid", "capset"], name);
  });
});

Deno.test("every plan keeps capabilities over setresuid and gives that up before capset", () => {
  const PR_SET_KEEPCAPS = 8;
  forAll((plan, name) => {
    const tail = plan.steps.map(({ op }) =>
      op.op === "prctl" && op.option === PR_SET_KEEPCAPS ? `keep ${op.arg2}` : op.op
    )
      .filter((word) => /^(keep|setresuid|capset)/.test(word));
    assertEquals(tail.slice(-4), ["keep 1", "setresuid", "keep 0", "capset"], name);
  });
});

Deno.test("every plan closes all descriptors but the ones that were asked for", () => {
  forAll((plan, name, { preserveFds, barrier }) => {
    const op = plan.steps.map(({ op }) => op).find((op) => op.op === "close_range")!;
    assertEquals([op.first, op.keep === null], [3 + preserveFds, !barrier], name);
  });
});

Deno.test("every plan is safe and can be encoded, and skips no further than to its end", () => {
  forAll((plan, name) => {
    assert(encodePlan(plan).length > 0);
    plan.steps.forEach(({ skip, tolerate }, index) => {
      assert(index + (skip ?? 0) < plan.steps.length, name);
      assert(
        skip === undefined || skip === 0 || (tolerate ?? []).length > 0,
        `${name}: ${index} skips after nothing`,
      );
      assert(
        (tolerate ?? []).length <= 4 && (tolerate ?? []).every((errno) => errno > 0 && errno < 256),
        name,
      );
    });
  });
});

Deno.test("a filter is loaded before the capabilities go, unless no_new_privs lets it be the last thing", () => {
  const place = (name: string) => {
    const plan = buildCreatePlan(requests()[name]!);
    return names(plan).filter((op) => op === "seccomp" || op === "capset" || op === "close_range");
  };
  assertEquals(place("seccomp early"), ["seccomp", "capset", "close_range"]);
  assertEquals(place("seccomp late"), ["capset", "close_range", "seccomp"]);
});

Deno.test("a filter with a listener is handed over by the first stage, which stays for it", () => {
  const listeners = (plan: Plan) =>
    plan.steps.flatMap(({ op }) => op.op === "clone" || op.op === "seccomp" ? [op.listener] : []);
  const request = requests()["seccomp late"]!;
  assertEquals(listeners(buildCreatePlan(request)), [0, 0]);
  const seccomp = { ...request.seccomp!, notify: true };
  assertEquals(listeners(buildCreatePlan({ ...request, seccomp })), [1, 1]);
});

Deno.test("a plan without a mount namespace enters the rootfs by chroot and leaves the host's propagation alone", () => {
  const plan = buildCreatePlan(requests()["no mount namespace"]!);
  assertEquals(names(plan).filter((op) => op === "pivot_root" || op === "parent_private"), []);
  assert(names(plan).includes("chroot"));
  const host = plan.slots.indexOf("host /");
  assertEquals(plan.steps.filter(({ op }) => op.op === "mount_setattr" && op.slot === host), []);
});

Deno.test("lo is brought up in a network namespace of the container's own, never in a joined or the host's one", () => {
  const ups = (name: string) =>
    names(buildCreatePlan(requests()[name]!)).filter((op) => op === "link_up").length;
  assertEquals(["the default", "joined namespaces", "no mount namespace"].map(ups), [1, 0, 0]);
});

Deno.test("the process joins its cgroups itself, or is born in the one of v2", () => {
  const v1 = buildCreatePlan(requests()["everything"]!);
  const joins = v1.steps.filter(({ op }) => op.op === "write_slot" && op.text === "0");
  assertEquals(joins.length, 2);
  const clone = (plan: Plan) =>
    plan.steps.find(({ op }) => op.op === "clone")!.op as { cgroup: number | null; flags: bigint };
  assertEquals(clone(v1).cgroup, null);
  const v2 = clone(buildCreatePlan(requests()["cgroup v2"]!));
  const CLONE_NEWCGROUP = 0x02000000n;
  assert(v2.cgroup !== null && (v2.flags & CLONE_NEWCGROUP) !== 0n);
});

Deno.test("a cgroup namespace is joined by a process that is in its cgroup, other namespaces before the clone", () => {
  const plan = buildCreatePlan(
    requestOf((d) =>
      d.linux.namespaces = [
        { type: "cgroup", path: "/proc/1/ns/cgroup" },
        { type: "network", path: "/proc/1/ns/net" },
        { type: "mount" },
      ], { cgroup: { joinFiles: ["/a/tasks"], directory: "/b", mounts: [] } }),
  );
  const order = plan.steps.map(({ op }) => op.op === "setns" ? `setns ${plan.slots[op.slot]}` : op.op)
    .filter((each) => /^(setns|clone|write_slot)/.test(each));
  assertEquals(order.slice(0, 4), [
    "setns namespace /proc/1/ns/net",
    "clone",
    "write_slot",
    "setns namespace /proc/1/ns/cgroup",
  ]);
});

Deno.test("a cgroup namespace of v1 is made after the cgroups are joined: its root would be the wrong one", () => {
  const plan = buildCreatePlan(requests()["everything"]!);
  const CLONE_NEWCGROUP = 0x02000000n;
  const unshare = plan.steps.findIndex(({ op }) => op.op === "unshare" && op.flags === CLONE_NEWCGROUP);
  const joined = plan.steps.findLastIndex(({ op }) => op.op === "write_slot" && op.text === "0");
  assert(joined >= 0 && unshare > joined);
});

Deno.test("a user namespace in another is made before the clone, and entered when all but the credentials is done", () => {
  const plan = buildCreatePlan(requests()["a user namespace in another"]!);
  checkOrder(plan, "inner", ["unshare", "make_userns", "clone", "setsid", "setns"]);
  const { op } = plan.steps.find(({ op }) => op.op === "make_userns")!;
  assertEquals(op.op === "make_userns" && [op.uidMap, op.gidMap], ["7 0 1\n", "8 0 1\n"]);
  const last = names(plan).lastIndexOf("setns");
  assert(last > names(plan).indexOf("pivot_root") && last < names(plan).lastIndexOf("setresuid"));
});
