import { assertEquals } from "@std/assert";
import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
} from "../linux/constants.gen.ts";
import type { Spec } from "../spec/schema.ts";
import { createFrame } from "./frame.ts";
import { joinSteps, namespacesOf, timeSteps } from "./namespaces.ts";
import { namesOf, opsOf, requestFor } from "./testing.ts";

const specOf = (...namespaces: [type: string, path?: string][]): Spec => ({
  linux: {
    namespaces: namespaces.map(([type, path]) => ({ type, ...(path === undefined ? {} : { path }) })),
  },
});

Deno.test("namespacesOf() parts those that are made from those that are joined; an empty path is none", () => {
  const found = namespacesOf(specOf(["pid"], ["network", "/run/n"], ["mount", ""], ["time"]));
  assertEquals(found.created, CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWTIME);
  assertEquals(found.joined, [
    { type: "network", flag: CLONE_NEWNET, path: "/run/n", origin: ["linux", "namespaces", 1, "path"] },
  ]);
  assertEquals(["pid", "network", "user"].map(found.has), [true, true, false]);
  assertEquals(["pid", "network", "mount"].map(found.isNew), [true, false, true]);
});

Deno.test("a cgroup namespace is not made with the others: its root is where the process is by then", () => {
  const found = namespacesOf(specOf(["cgroup"], ["pid"]));
  assertEquals([found.created & CLONE_NEWCGROUP, found.newCgroup], [0, true]);
  assertEquals(namespacesOf(specOf(["cgroup", "/c"])).newCgroup, false);
  assertEquals(namespacesOf({}).created, 0);
});

Deno.test("joinSteps() opens all before it joins the first: afterwards a path may mean something else", () => {
  const steps = joinSteps(namespacesOf(specOf(["network", "/n"], ["ipc", "/i"])), createFrame(false));
  assertEquals(namesOf(steps), ["open", "open", "setns", "setns"]);
  const opened = opsOf(steps, "open");
  assertEquals(opened.map(({ path, root }) => [path, root]), [["/n", null], ["/i", null]]);
  assertEquals(
    opsOf(steps, "setns").map(({ slot, flags }) => [slot, flags]),
    [[opened[0]!.slot, CLONE_NEWNET], [opened[1]!.slot, CLONE_NEWIPC]],
  );
});

Deno.test("with a user namespace the others are tried before and after it, and none of them twice", () => {
  const steps = joinSteps(namespacesOf(specOf(["user", "/u"], ["network", "/n"])), createFrame(false));
  assertEquals(namesOf(steps), ["open", "open", "setns", "close", "setns", "setns"]);
  assertEquals(opsOf(steps, "setns").map(({ flags }) => flags), [CLONE_NEWNET, CLONE_NEWUSER, CLONE_NEWNET]);
  const [first, , last] = steps.filter(({ op }) => op.op === "setns");
  // EPERM passes over the close, and so leaves it for later; EBADF says that it was joined and closed.
  assertEquals([first!.tolerate, first!.skip], [[1], 1]);
  assertEquals([last!.tolerate, last!.skip], [[9], undefined]);
});

Deno.test("timeSteps() write the offsets of a new time namespace before there is a process in it", () => {
  const spec = specOf(["time"]);
  const offsets = { monotonic: { secs: -3n, nanosecs: 5 }, boottime: {} };
  const of = (spec: Spec) => timeSteps(requestFor(spec), createFrame(false), namespacesOf(spec));
  const steps = of({ linux: { ...spec.linux!, timeOffsets: offsets } });
  assertEquals(namesOf(steps), ["unshare", "open", "write_slot", "close"]);
  assertEquals(opsOf(steps, "unshare")[0]!.flags, BigInt(CLONE_NEWTIME));
  assertEquals(opsOf(steps, "write_slot")[0]!.text, "monotonic -3 5\nboottime 0 0\n");
  assertEquals(namesOf(of(spec)), ["unshare"]);
  assertEquals(of(specOf(["time", "/t"])), []);
});
