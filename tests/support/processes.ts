import { ownChildren } from "./command.ts";
import { check, libc } from "./libc.ts";

/** A row of /proc/PID/stat. */
export interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  /** R, S, D, T, Z, … */
  readonly state: string;
  readonly startTime: number;
}

const PR_SET_CHILD_SUBREAPER = 36;
const WNOHANG = 1;

/**
 * Adopt what loses its parent below this process, as containerd's shim and conmon do: every container of the tests
 * stays a descendant, so that it can be told from everybody else's.
 */
export function becomeSubreaper(): void {
  check(libc().prctl(PR_SET_CHILD_SUBREAPER, 1n, 0n, 0n, 0n), "prctl(PR_SET_CHILD_SUBREAPER)");
}

/** The row of one process; undefined when there is none. Also of a zombie. */
export function processRow(pid: number): ProcessRow | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(`/proc/${pid}/stat`);
  } catch {
    return undefined;
  }
  const end = text.lastIndexOf(")");
  const fields = text.slice(end + 2).split(" ");
  return {
    pid,
    parent: Number(fields[1]),
    name: text.slice(text.indexOf("(") + 1, end),
    state: fields[0]!,
    startTime: Number(fields[19]),
  };
}

/** Whether a process is there and not a zombie. */
export function isAlive(pid: number): boolean {
  const row = processRow(pid);
  return row !== undefined && row.state !== "Z" && row.state !== "X";
}

/** Everything that descends from this process. */
export function descendants(): ProcessRow[] {
  const rows: ProcessRow[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const row = processRow(Number(name));
    if (row !== undefined) rows.push(row);
  }
  const found = new Set([Deno.pid]);
  // A parent may have a higher number than its child: as often as something is found.
  for (let size = 0; size !== found.size;) {
    size = found.size;
    for (const { pid, parent } of rows) if (found.has(parent)) found.add(pid);
  }
  return rows.filter(({ pid }) => pid !== Deno.pid && found.has(pid));
}

/** Reap the orphans that this process adopted and that have ended. What Deno waits for itself is left alone. */
export function reapOrphans(): void {
  for (const pid of children()) {
    if (!ownChildren.has(pid) && processRow(pid)?.state === "Z") reap(pid);
  }
}

/** The children of this process: each belongs to one of its threads. */
function children(): number[] {
  return [...Deno.readDirSync("/proc/self/task")].flatMap(({ name }) => {
    try {
      const text = Deno.readTextFileSync(`/proc/self/task/${name}/children`);
      return text.split(" ").filter((word) => word !== "").map(Number);
    } catch {
      // The thread has ended.
      return [];
    }
  });
}

/** Reap an adopted process that has ended. Its exit code, 128 + N for a signal; undefined while it runs. */
export function reap(pid: number): number | undefined {
  const status = new Int32Array(1);
  const found = libc().waitpid(pid, new Uint8Array(status.buffer), WNOHANG);
  if (found <= 0) return undefined;
  const signal = status[0]! & 0x7f;
  return signal === 0 ? (status[0]! >> 8) & 0xff : 128 + signal;
}

/** The fields of /proc/PID/status. Throws when there is no such process. */
export function statusOf(pid: number | "self"): Record<string, string> {
  return parseStatus(Deno.readTextFileSync(`/proc/${pid}/status`));
}

export function parseStatus(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split("\n").filter((line) => line.includes(":")).map((line) => {
      const at = line.indexOf(":");
      return [line.slice(0, at), line.slice(at + 1).trim()];
    }),
  );
}

/** What the descriptors of a process lead to, by number. */
export function descriptorsOf(pid: number): Map<number, string> {
  const found = new Map<number, string>();
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
    try {
      found.set(Number(name), Deno.readLinkSync(`/proc/${pid}/fd/${name}`));
    } catch { /* Closed meanwhile, as the one that reads the directory is. */ }
  }
  return found;
}
