import { checkDevices } from "./device_rules.ts";
import type { Issues } from "./issues.ts";
import { checkResources } from "./resource_rules.ts";
import { checkMemoryPolicy } from "./scheduling.ts";
import type { Linux } from "./schema.ts";

const PROPAGATIONS = [
  "shared",
  "rshared",
  "slave",
  "rslave",
  "private",
  "rprivate",
  "unbindable",
  "runbindable",
];

/** The rules of `linux` that stand for themselves; those about namespaces: namespace_rules.ts. */
export function checkLinux(linux: Linux, issues: Issues): void {
  const { rootfsPropagation = "", cgroupsPath = "", maskedPaths, readonlyPaths, intelRdt } = linux;
  if (rootfsPropagation !== "" && !PROPAGATIONS.includes(rootfsPropagation)) {
    issues.error("linux.rootfsPropagation", `rootfsPropagation=${rootfsPropagation} is not supported`);
  }
  if (linux.devices !== undefined) checkDevices(linux.devices, issues);
  if (maskedPaths !== undefined) checkAbsolute(maskedPaths, "linux.maskedPaths", issues);
  if (readonlyPaths !== undefined) checkAbsolute(readonlyPaths, "linux.readonlyPaths", issues);
  if (cgroupsPath.split("/").includes("..")) issues.error("linux.cgroupsPath", "must not hold `..`");
  if (linux.resources !== undefined) checkResources(linux.resources, "linux.resources", issues);
  if (linux.personality !== undefined) checkPersonality(linux.personality, issues);
  if (linux.memoryPolicy !== undefined) checkMemoryPolicy(linux.memoryPolicy, issues);
  if (intelRdt !== undefined) checkIntelRdt(intelRdt, issues);
}

function checkAbsolute(paths: readonly string[], place: string, issues: Issues): void {
  for (let i = 0; i < paths.length; i++) {
    if (!paths[i]!.startsWith("/")) issues.error(`${place}[${i}]`, "must be an absolute path");
  }
}

function checkPersonality(
  { domain, flags = [] }: NonNullable<Linux["personality"]>,
  issues: Issues,
): void {
  if (domain !== "LINUX" && domain !== "LINUX32") {
    issues.error("linux.personality.domain", `must be LINUX or LINUX32, got ${JSON.stringify(domain)}`);
  }
  if (flags.length > 0) issues.warn("linux.personality.flags", "flags are ignored");
}

/** closID names a directory of resctrl; "/" is its root. The older schema of bandwidth is one line. */
function checkIntelRdt(
  { closID = "", memBwSchema = "" }: NonNullable<Linux["intelRdt"]>,
  issues: Issues,
): void {
  if (memBwSchema !== "" && !/^MB:[^\n]*$/.test(memBwSchema)) {
    issues.error("linux.intelRdt.memBwSchema", "must start with `MB:` and be one line");
  }
  if (closID !== "." && closID !== ".." && (closID === "/" || !closID.includes("/"))) return;
  issues.error("linux.intelRdt.closID", `invalid intelRdt.ClosID ${JSON.stringify(closID)}`);
}
