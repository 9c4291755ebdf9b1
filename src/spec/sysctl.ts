import type { SpecIssue } from "../errors.ts";
import { Issues } from "./issues.ts";
import type { Linux } from "./schema.ts";

const IPC_KEYS = ["msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced"];

/**
 * Where a sysctl is, below /proc/sys: `net.ipv4.ip_forward` and `net/ipv4/ip_forward` are the same file. The first
 * separator of the text parts the names, and the other one stands for it within a name (sysctl(8)).
 */
export function sysctlPath(key: string): string {
  const first = /[./]/.exec(key)?.[0];
  if (first !== ".") return key;
  return key.replace(/[./]/g, (separator) => separator === "." ? "/" : ".");
}

/**
 * The rules of linux.sysctl: only what the container's own namespaces hold may be set, anything else would change
 * the host (runc's validator). A key is judged by the file it leads to, and must lead there straight: `net.//.kernel.x`
 * is `net/../kernel/x` (CVE-2022-0811 is of this kind).
 */
export function checkSysctls(
  { sysctl, namespaces }: Linux,
  types: ReadonlySet<string>,
  issues: Issues,
): void {
  for (const [key, value] of Object.entries(sysctl ?? {})) {
    const place = `linux.sysctl[${JSON.stringify(key)}]`;
    const names = sysctlPath(key).split("/");
    const straight = !names.some((name) => name === "" || name === "." || name === "..");
    if (!/^[\w.\/-]+$/.test(key) || !straight) {
      issues.error(place, "is no plain name of a sysctl");
      continue;
    }
    if (value.includes("\n")) issues.error(place, "a value must not hold a newline");
    const complaint = complaintOf(key, names, types, namespaces ?? []);
    if (complaint !== undefined) issues.error(place, complaint);
  }
}

/**
 * What is wrong with the sysctls of a valid document when some of its namespaces, joined by path, are the host's own:
 * there they would change the host (runc compares the network namespace; here every type is compared).
 */
export function hostSysctls(linux: Linux, own: ReadonlySet<string>): readonly SpecIssue[] {
  if (own.size === 0) return [];
  const namespaces = (linux.namespaces ?? []).filter(({ type }) => !own.has(type));
  const issues = new Issues();
  checkSysctls({ ...linux, namespaces }, new Set(namespaces.map(({ type }) => type)), issues);
  return issues.errors;
}

function complaintOf(
  key: string,
  names: readonly string[],
  types: ReadonlySet<string>,
  namespaces: NonNullable<Linux["namespaces"]>,
): string | undefined {
  const needs = (type: string) =>
    types.has(type)
      ? undefined
      : `sysctl ${JSON.stringify(key)} is not allowed in the hosts ${type} namespace`;
  const [first, second = "", third] = names;
  const inKernel = (name: string) => first === "kernel" && second === name && third === undefined;
  if (IPC_KEYS.some(inKernel) || first === "fs" && second === "mqueue" && third !== undefined) {
    return needs("ipc");
  }
  if (first === "net" && second !== "") {
    const entry = namespaces.find(({ type }) => type === "network");
    return entry === undefined
      ? `sysctl ${JSON.stringify(key)} not allowed in host network namespace`
      : undefined;
  }
  if (inKernel("domainname")) return needs("uts");
  if (inKernel("hostname")) {
    return `sysctl ${JSON.stringify(key)} is not allowed as it conflicts with the OCI "hostname" field`;
  }
  if (first === "user" && second !== "") return needs("user");
  return `sysctl ${JSON.stringify(key)} is not in a separate kernel namespace`;
}
