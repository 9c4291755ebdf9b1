import type { SpecIssue } from "../errors.ts";
import type { Linux, Process } from "../spec/schema.ts";

/** What a process asks of security modules that this host does not have. `path` is where it stands. */
export function missingModules(process: Process | undefined, path: string): SpecIssue[] {
  const issues: SpecIssue[] = [];
  if ((process?.apparmorProfile ?? "") !== "" && !hasApparmor()) {
    issues.push({
      path: `${path}.apparmorProfile`,
      message: "apparmor profile is specified in config, but AppArmor is not enabled on this host",
    });
  }
  if ((process?.selinuxLabel ?? "") !== "" && !hasSelinux()) {
    issues.push({ path: `${path}.selinuxLabel`, message: NO_SELINUX });
  }
  return issues;
}

const NO_SELINUX = "selinux label is specified in config, but selinux is disabled or not supported";

/** What the mounts ask of SELinux where there is none: no file system would know the label's option. */
export function missingMountLabels(linux: Linux | undefined): SpecIssue[] {
  if ((linux?.mountLabel ?? "") === "" || hasSelinux()) return [];
  return [{ path: "linux.mountLabel", message: NO_SELINUX }];
}

function hasApparmor(): boolean {
  return read("/sys/module/apparmor/parameters/enabled").startsWith("Y");
}

/** SELinux is on when its file system is mounted, which happens with a policy only. */
function hasSelinux(): boolean {
  return read("/sys/fs/selinux/enforce") !== "";
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
