/** What /proc/PID/stat says of a process. */
export interface ProcessStat {
  /** R, S, D, Z, T, t, X, … */
  readonly state: string;
  /** Field 22, clock ticks since boot. */
  readonly startTime: number;
}

/** Read /proc/PID/stat. Undefined when there is no such process. */
export function readProcessStat(pid: number): ProcessStat | undefined {
  try {
    return parseProcessStat(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    // Gone before or while it was read (ENOENT, ESRCH).
    return undefined;
  }
}

/** Parse a line of /proc/PID/stat (proc(5)). The name in field 2 may hold spaces and parentheses: from the last `)`. */
export function parseProcessStat(text: string): ProcessStat | undefined {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const startTime = Number(fields[19]);
  return fields[0] === "" || !Number.isSafeInteger(startTime) ? undefined : { state: fields[0]!, startTime };
}
