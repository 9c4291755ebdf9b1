/** A line of /proc/PID/mountinfo (proc(5)). */
export interface MountLine {
  readonly root: string;
  readonly point: string;
  /** Options of the mount: `ro`, `nosuid`, `relatime`, … */
  readonly options: readonly string[];
  /** `shared:N`, `master:N`, `unbindable`, with the numbers left out; empty for private. */
  readonly propagation: readonly string[];
  readonly type: string;
  readonly source: string;
  /** Options of the super block. */
  readonly superOptions: readonly string[];
}

export function parseMountinfo(text: string): MountLine[] {
  return text.split("\n").filter((line) => line !== "").map((line) => {
    const [head, tail] = line.split(" - ");
    const [, , , root, point, options, ...propagation] = head!.split(" ");
    const [type, source, superOptions] = tail!.split(" ");
    return {
      root: plain(root!),
      point: plain(point!),
      options: options!.split(","),
      propagation: propagation.map((field) => field.replace(/:\d+$/, "")),
      type: type!,
      source: plain(source!),
      superOptions: (superOptions ?? "").split(","),
    };
  });
}

/** The uppermost mount at a path. Throws when there is none. */
export function mountAt(lines: readonly MountLine[], point: string): MountLine {
  const line = lines.findLast((line) => line.point === point);
  if (line === undefined) throw new Error(`nothing is mounted at ${point}`);
  return line;
}

/** The kernel writes blanks and backslashes as \ooo. */
function plain(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(parseInt(digits, 8)));
}
