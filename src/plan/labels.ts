import type { Origin } from "../errors.ts";
import { ENOENT } from "../linux/constants.gen.ts";
import type { Spec } from "../spec/schema.ts";
import { step } from "./frame.ts";
import type { Step } from "./plan.ts";
import type { ProcessRequest } from "./process.ts";

/**
 * The AppArmor profile that takes over at execve. Written through the private procfs, in the module's own directory
 * or in the common one of older kernels, and read back: a label that was not set is no start (CVE-2019-16884).
 */
export function apparmorSteps({ process, origin }: ProcessRequest, proc: number): Step[] {
  const profile = process.apparmorProfile ?? "";
  if (profile === "") return [];
  const place: Origin = [...origin, "apparmorProfile"];
  const text = `exec ${profile}`;
  const write = (path: string) => step({ op: "write_proc", proc, path, text }, place);
  return [
    // Where the module has a directory of its own both writes say the same.
    { ...write("self/attr/apparmor/exec"), tolerate: [ENOENT] },
    write("self/attr/exec"),
    step({ op: "check_proc", proc, path: "self/attr/exec", text: profile }, place),
  ];
}

/** The SELinux label of the program, set as late as its readers allow: it takes effect at execve. */
export function selinuxSteps({ process, origin }: ProcessRequest, proc: number): Step[] {
  const text = process.selinuxLabel ?? "";
  if (text === "") return [];
  const place: Origin = [...origin, "selinuxLabel"];
  const path = "self/attr/exec";
  return [
    step({ op: "write_proc", proc, path, text }, place),
    step({ op: "check_proc", proc, path, text }, place),
  ];
}

/** File systems that take no `context`: their files have labels of their own. */
const SELF_LABELLED = ["proc", "sysfs", "mqueue", "cgroup", "cgroup2"];

/** The option that gives a new file system the container's label (linux.mountLabel), as runc does. */
export function labelOptions({ linux }: Spec, fstype: string): string[] {
  const label = linux?.mountLabel ?? "";
  // One option a call: no quotes, which mount(2) needs for the commas of a label.
  return label === "" || SELF_LABELLED.includes(fstype) ? [] : [`context=${label}`];
}

/** A message queue's root is labelled like a file. */
export function mqueueLabelSteps({ linux }: Spec, fstype: string, slot: number): Step[] {
  const label = linux?.mountLabel ?? "";
  if (label === "" || fstype !== "mqueue") return [];
  return [step({ op: "set_label", slot, label }, ["linux", "mountLabel"])];
}
