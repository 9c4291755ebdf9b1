/** Ids that a user may map besides its own (subuid(5)). */
export interface IdRange {
  readonly first: number;
  readonly count: number;
}

/**
 * The ranges of a user in the text of /etc/subuid or /etc/subgid, in the file's order: `NAME-OR-UID:FIRST:COUNT`.
 * Lines that are no such thing are passed over, as newuidmap(1) does.
 */
export function parseRanges(text: string, name: string, uid: number): IdRange[] {
  const ranges: IdRange[] = [];
  for (const line of text.split("\n")) {
    const match = /^([^:#]+):(\d+):(\d+)\s*$/.exec(line);
    if (match === null || (match[1] !== name && match[1] !== String(uid))) continue;
    const range = { first: Number(match[2]), count: Number(match[3]) };
    if (range.count > 0) ranges.push(range);
  }
  return ranges;
}

/** The ranges of a user on this host; none where the file is missing. */
export function readRanges(kind: "uid" | "gid", name: string, uid: number): IdRange[] {
  try {
    return parseRanges(Deno.readTextFileSync(`/etc/sub${kind}`), name, uid);
  } catch {
    return [];
  }
}

/** The first id from 100000 on that lies behind everybody's ranges. */
export function firstFreeId(text: string): number {
  const ends = text.split("\n").map((line) => /^[^:#]+:(\d+):(\d+)\s*$/.exec(line))
    .map((match) => match === null ? 0 : Number(match[1]) + Number(match[2]));
  return Math.max(100_000, ...ends);
}

/** Where a new range of ids is free in both files of this host. */
export function readFreeId(): number {
  return Math.max(
    ...["/etc/subuid", "/etc/subgid"].map((path) => {
      try {
        return firstFreeId(Deno.readTextFileSync(path));
      } catch {
        return 0;
      }
    }),
    100_000,
  );
}
