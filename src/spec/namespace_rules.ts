import { originText } from "../errors.ts";
import { namespaceFlag } from "../linux/namespaces.ts";
import { checkUserNamespace } from "./id_mapping_rules.ts";
import type { Issues } from "./issues.ts";
import type { Linux, Spec } from "./schema.ts";
import { checkSysctls } from "./sysctl.ts";

/** Namespaces, and what must not be asked for without them, because it would change the host. */
export function checkNamespaces(
  { linux = {}, hostname = "", domainname = "" }: Spec,
  ordinaryUser: boolean,
  issues: Issues,
): void {
  const types = checkTypes(linux.namespaces ?? [], issues);
  if (!types.has("uts")) {
    for (const [field, name] of [["hostname", hostname], ["domainname", domainname]] as const) {
      if (name !== "") issues.error(field, `unable to set ${field} without a private UTS namespace`);
    }
  }
  checkUserNamespace(linux, ordinaryUser, issues);
  if (!types.has("mount")) checkRestrictedPaths(linux, issues);
  if (linux.timeOffsets !== undefined) checkTimeOffsets(linux, issues);
  if (linux.netDevices !== undefined) checkNetDevices(linux, types, ordinaryUser, issues);
  if (linux.sysctl !== undefined) checkSysctls(linux, types, issues);
}

function checkTypes(namespaces: NonNullable<Linux["namespaces"]>, issues: Issues): ReadonlySet<string> {
  const seen = new Set<string>();
  for (let i = 0; i < namespaces.length; i++) {
    const { type, path = "" } = namespaces[i]!;
    const place = `linux.namespaces[${i}]`;
    if (namespaceFlag(type) === undefined) {
      issues.error(`${place}.type`, `namespace ${JSON.stringify(type)} does not exist`);
    }
    if (seen.has(type)) {
      issues.error(
        place,
        `malformed spec file: duplicated ns ${JSON.stringify(type)}`,
        "leave one of them out",
      );
    }
    if (path !== "" && !path.startsWith("/")) {
      issues.error(`${place}.path`, "must be an absolute path", "as in /proc/PID/ns/net");
    }
    seen.add(type);
  }
  return seen;
}

function checkRestrictedPaths(linux: Linux, issues: Issues): void {
  for (const list of ["maskedPaths", "readonlyPaths"] as const) {
    if ((linux[list] ?? []).length === 0) continue;
    issues.error(`linux.${list}`, "unable to restrict sys entries without a private MNT namespace");
    return;
  }
}

/** config-linux.md "Offset for Time Namespace". */
function checkTimeOffsets({ timeOffsets = {}, namespaces = [] }: Linux, issues: Issues): void {
  const clocks = Object.entries(timeOffsets);
  if (clocks.length === 0) return;
  const entry = namespaces.find(({ type }) => type === "time");
  if (entry === undefined) {
    issues.error(
      "linux.timeOffsets",
      "time namespace offsets specified, but time namespace isn't enabled in the config",
      'add {"type": "time"} to linux.namespaces',
    );
  } else if ((entry.path ?? "") !== "") {
    // Once a process is in it they stay what they are (time_namespaces(7)).
    issues.error("linux.timeOffsets", "cannot be set in a time namespace that is joined by its path");
  }
  for (const [clock, { nanosecs = 0 }] of clocks) {
    const place = originText(["linux", "timeOffsets", clock]);
    if (clock !== "monotonic" && clock !== "boottime") {
      issues.error(place, "is no clock of a time namespace: must be monotonic or boottime");
    }
    if (nanosecs > 999_999_999) {
      issues.error(`${place}.nanosecs`, `must be at most 999999999, got ${nanosecs}`);
    }
  }
}

/** config-linux.md "Network Devices". */
function checkNetDevices(
  { netDevices = {} }: Linux,
  types: ReadonlySet<string>,
  ordinaryUser: boolean,
  issues: Issues,
): void {
  const devices = Object.entries(netDevices);
  if (devices.length === 0) return;
  if (!types.has("network")) {
    issues.error("linux.netDevices", "unable to move network devices without a private NET namespace");
  }
  if (ordinaryUser) {
    issues.error("linux.netDevices", "network devices are not supported for rootless containers");
  }
  const taken = new Set<string>();
  for (const [host, { name = "" }] of devices) {
    const place = originText(["linux", "netDevices", host]);
    const complain = (path: string, text: string) =>
      issues.error(path, `invalid network device name ${JSON.stringify(text)}`);
    if (!isDeviceName(host)) complain(place, host);
    if (name !== "" && !isInsideName(name)) complain(`${place}.name`, name);
    const inside = name === "" ? host : name;
    if (taken.has(inside) && !inside.includes("%")) {
      issues.error(place, `another network device gets the name ${JSON.stringify(inside)}`);
    }
    taken.add(inside);
  }
}

/** A name, or a template whose one `%d` the kernel fills in. */
function isInsideName(name: string): boolean {
  return isDeviceName(name) && !name.replace("%d", "").includes("%");
}

/** What the kernel takes as the name of an interface (`dev_valid_name`): IFNAMSIZ with its NUL is 16. */
function isDeviceName(name: string): boolean {
  return name !== "." && name !== ".." && /^[^\s/:]{1,15}$/.test(name);
}
