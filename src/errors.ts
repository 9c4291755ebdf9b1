/** What went wrong, where, and what to do about it: the parts of a person-readable error. */
export interface ErrorDetail {
  /** Where: a JSON path of config.json (`mounts[3].source`), a flag (`--pid-file`) or a file. */
  readonly place?: string | undefined;
  /** The kernel's name for the failure, for example `EPERM`. */
  readonly errno?: string | undefined;
  /** The failure in words, when it is not the errno's own text. */
  readonly reason?: string | undefined;
  /** The likely cause or the remedy, when we know it. */
  readonly hint?: string | undefined;
  /** Exit code of the command when it is not 1 (`exec` says 255). */
  readonly exitCode?: number | undefined;
}

/**
 * A failure that a person reads once: `operation: place: errno-text (hint)`.
 * `operation` keeps runc's words where a client matches on them.
 */
export class ContainerError extends Error {
  readonly operation: string;
  readonly detail: ErrorDetail;

  constructor(operation: string, detail: ErrorDetail = {}) {
    super(describe(operation, detail));
    this.name = "ContainerError";
    this.operation = operation;
    this.detail = detail;
  }

  /** The same failure with words in front of it, as runc nests its errors. */
  within(prefix: string): ContainerError {
    return new ContainerError(`${prefix}: ${this.operation}`, this.detail);
  }
}

/** A failure of D-Bus or of the service behind it. The verb that asked puts it into words. */
export class BusError extends Error {
  constructor(
    /** D-Bus's name of the error, `org.freedesktop.systemd1.UnitExists`; "" when nobody gave one. */
    readonly dbusName: string,
    /** The service's words, or our own. */
    message: string,
    readonly errno: string,
  ) {
    super(message);
    this.name = "BusError";
  }
}

/** One fault of a config.json. */
export interface SpecIssue {
  /** JSON path, for example `process.rlimits[0].soft`; empty for the document itself. */
  readonly path: string;
  readonly message: string;
  /** The remedy, when the message is not one. */
  readonly hint?: string;
}

/** A config.json that cannot be carried out: every fault found, not just the first. */
export class SpecError extends ContainerError {
  readonly issues: readonly SpecIssue[];

  constructor(issues: readonly SpecIssue[]) {
    super(issues.map(issueText).join("; "));
    this.name = "SpecError";
    this.issues = issues;
  }
}

function issueText({ path, message, hint }: SpecIssue): string {
  const text = path === "" ? message : `${path}: ${message}`;
  return hint === undefined ? text : `${text} (hint: ${hint})`;
}

/** The steps of a JSON path, as in `["mounts", 3, "source"]`. */
export type Origin = readonly (string | number)[];

/** Write an origin as a JSON path: `mounts[3].source`, or a flag as it is. Keys that are no plain word are quoted. */
export function originText(origin: Origin): string {
  let text = "";
  for (const step of origin) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^(?:[A-Za-z_][A-Za-z0-9_]*|--[a-z-]+)$/.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

function describe(operation: string, detail: ErrorDetail): string {
  const parts = [operation];
  if (detail.place !== undefined && detail.place !== "") parts.push(detail.place);
  if (detail.reason !== undefined) parts.push(detail.reason);
  else if (detail.errno !== undefined) parts.push(errnoText(detail.errno));
  const text = parts.join(": ");
  return detail.hint === undefined ? text : `${text} (hint: ${detail.hint})`;
}

/** The text of an errno as glibc and Go print it (lower case); the name itself when it is not listed. */
export function errnoText(name: string): string {
  return ERRNO[name]?.[1] ?? name;
}

/** The name of an errno number of Linux (asm-generic; 1..133), for example 2 → `ENOENT`. */
export function errnoName(number: number): string {
  for (const name in ERRNO) if (ERRNO[name]![0] === number) return name;
  return `errno ${number}`;
}

/** The number of an errno name of Linux, for example `ENOENT` → 2. Throws TypeError for a name that is none. */
export function errnoNumber(name: string): number {
  const row = ERRNO[name];
  if (row === undefined) throw new TypeError(`Cannot find the errno ${JSON.stringify(name)}`);
  return row[0];
}

// Numbers of asm-generic/errno-base.h and errno.h, texts of strerror(3) as Go's syscall package writes them.
const ERRNO: Record<string, readonly [number, string]> = {
  EPERM: [1, "operation not permitted"],
  ENOENT: [2, "no such file or directory"],
  ESRCH: [3, "no such process"],
  EINTR: [4, "interrupted system call"],
  EIO: [5, "input/output error"],
  ENXIO: [6, "no such device or address"],
  E2BIG: [7, "argument list too long"],
  ENOEXEC: [8, "exec format error"],
  EBADF: [9, "bad file descriptor"],
  ECHILD: [10, "no child processes"],
  EAGAIN: [11, "resource temporarily unavailable"],
  ENOMEM: [12, "cannot allocate memory"],
  EACCES: [13, "permission denied"],
  EFAULT: [14, "bad address"],
  ENOTBLK: [15, "block device required"],
  EBUSY: [16, "device or resource busy"],
  EEXIST: [17, "file exists"],
  EXDEV: [18, "invalid cross-device link"],
  ENODEV: [19, "no such device"],
  ENOTDIR: [20, "not a directory"],
  EISDIR: [21, "is a directory"],
  EINVAL: [22, "invalid argument"],
  ENFILE: [23, "too many open files in system"],
  EMFILE: [24, "too many open files"],
  ENOTTY: [25, "inappropriate ioctl for device"],
  ETXTBSY: [26, "text file busy"],
  EFBIG: [27, "file too large"],
  ENOSPC: [28, "no space left on device"],
  ESPIPE: [29, "illegal seek"],
  EROFS: [30, "read-only file system"],
  EMLINK: [31, "too many links"],
  EPIPE: [32, "broken pipe"],
  EDOM: [33, "numerical argument out of domain"],
  ERANGE: [34, "numerical result out of range"],
  EDEADLK: [35, "resource deadlock avoided"],
  ENAMETOOLONG: [36, "file name too long"],
  ENOLCK: [37, "no locks available"],
  ENOSYS: [38, "function not implemented"],
  ENOTEMPTY: [39, "directory not empty"],
  ELOOP: [40, "too many levels of symbolic links"],
  ENODATA: [61, "no data available"],
  ETIME: [62, "timer expired"],
  EPROTO: [71, "protocol error"],
  EBADMSG: [74, "bad message"],
  EOVERFLOW: [75, "value too large for defined data type"],
  EILSEQ: [84, "invalid or incomplete multibyte or wide character"],
  EUSERS: [87, "too many users"],
  ENOTSOCK: [88, "socket operation on non-socket"],
  EMSGSIZE: [90, "message too long"],
  EPROTOTYPE: [91, "protocol wrong type for socket"],
  EPROTONOSUPPORT: [93, "protocol not supported"],
  EOPNOTSUPP: [95, "operation not supported"],
  EAFNOSUPPORT: [97, "address family not supported by protocol"],
  EADDRINUSE: [98, "address already in use"],
  EADDRNOTAVAIL: [99, "cannot assign requested address"],
  ENETDOWN: [100, "network is down"],
  ECONNRESET: [104, "connection reset by peer"],
  ENOBUFS: [105, "no buffer space available"],
  EISCONN: [106, "transport endpoint is already connected"],
  ENOTCONN: [107, "transport endpoint is not connected"],
  ETIMEDOUT: [110, "connection timed out"],
  ECONNREFUSED: [111, "connection refused"],
  EHOSTDOWN: [112, "host is down"],
  EALREADY: [114, "operation already in progress"],
  EINPROGRESS: [115, "operation now in progress"],
  ESTALE: [116, "stale file handle"],
  EDQUOT: [122, "disk quota exceeded"],
  ECANCELED: [125, "operation canceled"],
  EKEYEXPIRED: [127, "key has expired"],
  EKEYREJECTED: [129, "key was rejected by service"],
  EOWNERDEAD: [130, "owner died"],
};
