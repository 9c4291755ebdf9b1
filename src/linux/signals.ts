/** Signal names by number from 1 on (asm-generic/signal.h; the same on x86_64 and aarch64). */
const SIGNALS =
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS";

/** Other names of some of them. */
const ALIASES: Record<string, string> = { IOT: "ABRT", CLD: "CHLD", POLL: "IO", UNUSED: "SYS" };

/**
 * The number of a signal, written as a number (0..64) or a name, with or without `SIG`, in any case. Undefined for
 * anything else; real-time signals have numbers only, as in runc.
 */
export function signalNumber(text: string): number | undefined {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    return number <= 64 ? number : undefined;
  }
  const name = text.toUpperCase().replace(/^SIG/, "");
  const number = SIGNALS.split(" ").indexOf(ALIASES[name] ?? name) + 1;
  return number === 0 ? undefined : number;
}

/** What Go (and so runc) says of a process that a signal ended, by the signal's number from 1 on. */
const ENDS =
  "hangup|interrupt|quit|illegal instruction|trace/breakpoint trap|aborted|bus error|floating point exception|killed|user defined signal 1|segmentation fault|user defined signal 2|broken pipe|alarm clock|terminated|stack fault|child exited|continued|stopped (signal)|stopped|stopped (tty input)|stopped (tty output)|urgent I/O condition|CPU time limit exceeded|file size limit exceeded|virtual timer expired|profiling timer expired|window changed|I/O possible|power failure|bad system call";

/** A signal in Go's words, `terminated`; `signal 40` for one without. */
export function signalText(number: number): string {
  return ENDS.split("|")[number - 1] ?? `signal ${number}`;
}

/** The name of a signal, `SIGTERM`; `signal 40` for one without. */
export function signalName(number: number): string {
  const name = SIGNALS.split(" ")[number - 1];
  return name === undefined ? `signal ${number}` : `SIG${name}`;
}
