import { assertEquals } from "@std/assert";
import { ENOENT } from "../linux/constants.gen.ts";
import type { Process, Spec } from "../spec/schema.ts";
import { apparmorSteps, labelOptions, mqueueLabelSteps, selinuxSteps } from "./labels.ts";
import type { Step } from "./plan.ts";

const PROC = 4;
const request = (process: Process) => ({ process, origin: ["process"] });

/** A step that goes through the private procfs, in a line. */
function told({ op, tolerate }: Step): string {
  if (op.op !== "write_proc" && op.op !== "check_proc") return op.op;
  assertEquals(op.proc, PROC);
  return `${op.op} ${op.path} ${op.text}${tolerate === undefined ? "" : ` or ${tolerate}`}`;
}

Deno.test("apparmorSteps() write the profile to both places, the module's own where there is one, and read it back", () => {
  assertEquals(apparmorSteps(request({ apparmorProfile: "docker-default" }), PROC).map(told), [
    `write_proc self/attr/apparmor/exec exec docker-default or ${ENOENT}`,
    "write_proc self/attr/exec exec docker-default",
    "check_proc self/attr/exec docker-default",
  ]);
});

Deno.test("selinuxSteps() write the label and read it back: a label that is not set is no start", () => {
  const steps = selinuxSteps(request({ selinuxLabel: "u:r:t:s0:c1,c2" }), PROC);
  assertEquals(steps.map(told), [
    "write_proc self/attr/exec u:r:t:s0:c1,c2",
    "check_proc self/attr/exec u:r:t:s0:c1,c2",
  ]);
  assertEquals(steps[0]!.origin, ["process", "selinuxLabel"]);
});

Deno.test("no label, and an empty one, ask for nothing", () => {
  for (const process of [{}, { apparmorProfile: "", selinuxLabel: "" }]) {
    assertEquals(apparmorSteps(request(process), PROC), []);
    assertEquals(selinuxSteps(request(process), PROC), []);
  }
  for (const spec of [{}, { linux: {} }, { linux: { mountLabel: "" } }]) {
    assertEquals([labelOptions(spec, "tmpfs"), mqueueLabelSteps(spec, "mqueue", 1)], [[], []]);
  }
});

Deno.test("a mount label is an option of every file system but those that label their files themselves", () => {
  const spec: Spec = { linux: { mountLabel: "u:o:t:s0:c1,c2" } };
  for (const fstype of ["tmpfs", "devpts", "ext4", "overlay"]) {
    assertEquals(labelOptions(spec, fstype), ["context=u:o:t:s0:c1,c2"], fstype);
  }
  for (const fstype of ["proc", "sysfs", "mqueue", "cgroup", "cgroup2"]) {
    assertEquals(labelOptions(spec, fstype), [], fstype);
  }
});

Deno.test("a message queue's root is labelled like a file, before it is attached", () => {
  const spec: Spec = { linux: { mountLabel: "l" } };
  assertEquals(mqueueLabelSteps(spec, "mqueue", 3).map(({ op }) => op), [
    { op: "set_label", slot: 3, label: "l" },
  ]);
  assertEquals(mqueueLabelSteps(spec, "tmpfs", 3), []);
});
