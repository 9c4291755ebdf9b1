// Pure: no I/O in this file.
/** What lifts a setting of one device where there was none before. */
function unsetText(file: string): string | undefined {
  if (file === "io.max") return "rbps=max wbps=max riops=max wiops=max";
  if (file === "io.weight" || file === "io.bfq.weight") return "default";
  return /^blkio\..*_device$/.test(file) ? "0" : undefined;
}

/**
 * The writes that bring a file back to what it said before.
 *
 * Files with a line for each device, `8:0 rbps=1 …`, take back the lines of the devices that were written, or lift
 * what was not there; all others are one value, of which `default 100` is written as it is read.
 *
 * @param before the file's text
 * @param written what was written to it since
 */
export function restoringTexts(file: string, before: string, written: readonly string[]): string[] {
  const lines = before.split("\n").filter((line) => line !== "");
  const devices = new Set(written.map((text) => /^\d+:\d+(?= )/.exec(text)?.[0]));
  const texts: string[] = [];
  for (const device of devices) {
    if (device === undefined) {
      texts.push(lines.find((line) => !/^\d+:\d+ /.test(line)) ?? "");
      continue;
    }
    const line = lines.find((each) => each.startsWith(`${device} `));
    const unset = unsetText(file);
    if (line !== undefined) texts.push(line);
    else if (unset !== undefined) texts.push(`${device} ${unset}`);
  }
  return texts;
}
