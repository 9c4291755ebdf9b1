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

/** The name of a signal, `SIGTERM`; `signal 40` for one without. */
export function signalName(number: number): string {
  const name = SIGNALS.split(" ")[number - 1];
  return name === undefined ? `signal ${number}` : `SIG${name}`;
}
