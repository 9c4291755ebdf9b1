import type { SpecIssue } from "../errors.ts";
import { capabilityNumber } from "../linux/capabilities.ts";
import { parseMountOptions } from "../linux/mount_options.ts";
import { namespaceFlag } from "../linux/namespaces.ts";
import { rlimitNumber } from "../linux/rlimits.ts";
import type { Linux, Process, Spec } from "./schema.ts";
import { checkMemoryPolicy, checkScheduling } from "./scheduling.ts";
import { checkSysctls } from "./sysctl.ts";

/** What is wrong with a document, and what is only strange. */
export interface Validation {
  readonly errors: readonly SpecIssue[];
  readonly warnings: readonly SpecIssue[];
}

/** Collects issues of one document. */
export class Issues {
  readonly errors: SpecIssue[] = [];
  readonly warnings: SpecIssue[] = [];

  error(path: string, message: string): void {
    this.errors.push({ path, message });
  }

  warn(path: string, message: string): void {
    this.warnings.push({ path, message });
  }
}

/**
 * Every rule of the specification and of runc's validator that a document can be held to without a look at the host.
 * All faults are found; texts that clients match on are runc's.
 */
export function validateSpec(spec: Spec): Validation {
  const issues = new Issues();
  if (spec.process === undefined) issues.error("process", "process property must not be empty");
  else checkProcess(spec.process, "process", issues);
  if (spec.root?.path === undefined || spec.root.path === "") issues.error("root", "root must be specified");
  checkNamespaces(spec, issues);
  checkMounts(spec, issues);
  checkHooks(spec, issues);
  if (spec.linux !== undefined) checkLinux(spec.linux, issues);
  return issues;
}

/** The rules of a process, of config.json or of `exec --process`. */
export function checkProcess(process: Process, path: string, issues: Issues): void {
  if (process.cwd === undefined || process.cwd === "") {
    issues.error(`${path}.cwd`, "Cwd property must not be empty");
  } else if (!process.cwd.startsWith("/")) issues.error(`${path}.cwd`, "Cwd must be an absolute path");
  if (process.args === undefined || process.args.length === 0) {
    issues.error(`${path}.args`, "args must not be empty");
  }
  process.env?.forEach((entry, index) => {
    if (entry.indexOf("=") <= 0) {
      issues.error(`${path}.env[${index}]`, `${JSON.stringify(entry)} must have the form NAME=VALUE`);
    }
  });
  checkUser(process, path, issues);
  checkRlimits(process, path, issues);
  for (const [set, names] of Object.entries(process.capabilities ?? {})) {
    names?.forEach((name, index) => {
      if (capabilityNumber(name) === undefined) {
        issues.warn(
          `${path}.capabilities.${set}[${index}]`,
          `unknown capability ${JSON.stringify(name)} is ignored`,
        );
      }
    });
  }
  const score = process.oomScoreAdj;
  if (score !== undefined && (score < -1000 || score > 1000)) {
    issues.error(`${path}.oomScoreAdj`, `must be from -1000 to 1000, got ${score}`);
  }
  checkScheduling(process, path, issues);
}

/** (uid_t)-1 is "leave it" to setresuid(2) and chown(2): the process would stay root. */
const NO_ID = 0xffffffff;

function checkUser({ user }: Process, path: string, issues: Issues): void {
  const ids = [
    ["uid", user?.uid],
    ["gid", user?.gid],
    ...(user?.additionalGids ?? []).map((gid, index) => [`additionalGids[${index}]`, gid] as const),
  ] as const;
  for (const [name, id] of ids) {
    if (id === NO_ID) issues.error(`${path}.user.${name}`, `must be from 0 to ${NO_ID - 1}, got ${id}`);
  }
}

function checkRlimits(process: Process, path: string, issues: Issues): void {
  const seen = new Set<string>();
  process.rlimits?.forEach(({ type, soft, hard }, index) => {
    const place = `${path}.rlimits[${index}]`;
    if (rlimitNumber(type) === undefined) issues.error(`${place}.type`, `wrong rlimit value: ${type}`);
    if (seen.has(type)) issues.error(`${place}.type`, `duplicate rlimit ${type}`);
    if (soft > hard) issues.error(`${place}.soft`, `must not be above hard (${hard}), got ${soft}`);
    seen.add(type);
  });
}

function checkNamespaces({ linux, hostname, domainname }: Spec, issues: Issues): void {
  const seen = new Set<string>();
  linux?.namespaces?.forEach(({ type, path }, index) => {
    const place = `linux.namespaces[${index}]`;
    if (namespaceFlag(type) === undefined) {
      issues.error(`${place}.type`, `namespace ${JSON.stringify(type)} does not exist`);
    }
    if (seen.has(type)) issues.error(place, `malformed spec file: duplicated ns ${JSON.stringify(type)}`);
    if (path !== undefined && path !== "" && !path.startsWith("/")) {
      issues.error(`${place}.path`, "must be an absolute path");
    }
    seen.add(type);
  });
  if ((hostname ?? "") !== "" && !seen.has("uts")) {
    issues.error("hostname", "unable to set hostname without a private UTS namespace");
  }
  if ((domainname ?? "") !== "" && !seen.has("uts")) {
    issues.error("domainname", "unable to set domainname without a private UTS namespace");
  }
  if (linux === undefined) return;
  const masked = [...linux.maskedPaths ?? [], ...linux.readonlyPaths ?? []];
  if (masked.length > 0 && !seen.has("mount")) {
    issues.error("linux.maskedPaths", "unable to restrict sys entries without a private MNT namespace");
  }
  const mapped = (linux.uidMappings ?? []).length + (linux.gidMappings ?? []).length;
  if (mapped > 0 && !seen.has("user")) {
    issues.error(
      "linux.uidMappings",
      "user namespace mappings specified, but user namespace isn't enabled in the config",
    );
  }
  if (Object.keys(linux.timeOffsets ?? {}).length > 0) {
    const entry = linux.namespaces?.find(({ type }) => type === "time");
    if (entry === undefined) {
      issues.error(
        "linux.timeOffsets",
        "time namespace offsets specified, but time namespace isn't enabled in the config",
      );
    } else if ((entry.path ?? "") !== "") {
      // Once a process is in it they stay what they are (time_namespaces(7)).
      issues.error("linux.timeOffsets", "cannot be set in a time namespace that is joined by its path");
    }
  }
  checkSysctls(linux, seen, issues);
}

function checkMounts({ mounts }: Spec, issues: Issues): void {
  mounts?.forEach((mount, index) => {
    const place = `mounts[${index}]`;
    if (mount.destination === "") issues.error(`${place}.destination`, "must not be empty");
    else if (!mount.destination.startsWith("/")) {
      issues.warn(`${place}.destination`, "a relative destination is deprecated and counts from /");
    }
    const options = parseMountOptions(mount.options ?? []);
    if (options.bind && options.data.length > 0) {
      issues.error(
        `${place}.options`,
        `bind mounts cannot have any filesystem-specific options applied: ${options.data.join(",")}`,
      );
    }
    if (options.bind && (mount.source ?? "") === "") {
      issues.error(`${place}.source`, "a bind mount needs a source");
    }
    if (!options.bind && !options.remount && (mount.type ?? "") === "") {
      issues.error(`${place}.type`, "must name a file system, or options must have bind");
    }
    if ((mount.uidMappings === undefined) !== (mount.gidMappings === undefined)) {
      issues.error(place, "uidMappings and gidMappings must be given together");
    }
  });
}

function checkHooks({ hooks }: Spec, issues: Issues): void {
  for (const [kind, list] of Object.entries(hooks ?? {})) {
    list?.forEach(({ path, env, timeout }, index) => {
      const place = `hooks.${kind}[${index}]`;
      if (!path.startsWith("/")) issues.error(`${place}.path`, "must be an absolute path");
      env?.forEach((entry, at) => {
        if (entry.indexOf("=") <= 0) issues.error(`${place}.env[${at}]`, "must have the form NAME=VALUE");
      });
      if (timeout !== undefined && timeout <= 0) {
        issues.error(`${place}.timeout`, "must be greater than zero");
      }
    });
  }
}

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

function checkLinux(linux: Linux, issues: Issues): void {
  const propagation = linux.rootfsPropagation ?? "";
  if (propagation !== "" && !PROPAGATIONS.includes(propagation)) {
    issues.error("linux.rootfsPropagation", `rootfsPropagation=${propagation} is not supported`);
  }
  linux.devices?.forEach(({ type, path, major, minor, uid, gid }, index) => {
    const place = `linux.devices[${index}]`;
    if (!["c", "b", "u", "p"].includes(type)) {
      issues.error(`${place}.type`, `invalid device type ${JSON.stringify(type)}`);
    }
    if (!path.startsWith("/")) issues.error(`${place}.path`, "must be an absolute path");
    if (uid === NO_ID || gid === NO_ID) issues.error(place, `${NO_ID} is no uid and no gid`);
    if (type !== "p" && (major === undefined || minor === undefined)) {
      issues.error(place, "major and minor must be given for a device");
    }
  });
  for (const list of ["maskedPaths", "readonlyPaths"] as const) {
    linux[list]?.forEach((path, index) => {
      if (!path.startsWith("/")) issues.error(`linux.${list}[${index}]`, "must be an absolute path");
    });
  }
  if (linux.cgroupsPath?.split("/").includes("..")) {
    issues.error("linux.cgroupsPath", "must not hold `..`");
  }
  linux.resources?.devices?.forEach(({ type, access }, index) => {
    const place = `linux.resources.devices[${index}]`;
    if (type !== undefined && !["a", "b", "c", ""].includes(type)) {
      issues.error(`${place}.type`, `invalid type ${type}`);
    }
    if (access === undefined || access === "") {
      issues.error(`${place}.access`, "device access must not be empty");
    } else if (!/^[rwm]+$/.test(access)) {
      issues.error(`${place}.access`, `invalid access ${JSON.stringify(access)}`);
    }
  });
  const domain = linux.personality?.domain;
  if (domain !== undefined && domain !== "LINUX" && domain !== "LINUX32") {
    issues.error("linux.personality.domain", `must be LINUX or LINUX32, got ${JSON.stringify(domain)}`);
  }
  checkMemoryPolicy(linux, issues);
  if ((linux.personality?.flags ?? []).length > 0) {
    issues.warn("linux.personality.flags", "flags are ignored");
  }
}
