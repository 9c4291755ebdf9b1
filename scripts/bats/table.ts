/** The results of runc's bats tests under two runtimes as one table: pure. */

export type Verdict = "pass" | "fail" | "skip";

/** A file's tests under one runtime, in the file's order. */
export interface Results {
  readonly verdicts: ReadonlyMap<string, Verdict>;
  /** Tests that the file's plan has and that were not run: the file's time was over. */
  readonly missing: number;
}

export interface FileResults {
  readonly name: string;
  readonly runc: Results;
  readonly dunc: Results;
}

/** A test that runc passes and dunc need not. */
export interface Exception {
  readonly file: string;
  readonly test: string;
  readonly reason: string;
}

/** What a run says about a file: TAP as bats writes it. An empty text is a file that was not run. */
export function parseTap(text: string): Results {
  const verdicts = new Map<string, Verdict>();
  let planned = 0;
  for (const line of text.split("\n")) {
    const plan = line.match(/^1\.\.(\d+)$/);
    if (plan) planned = Number(plan[1]);
    const result = line.match(/^(not )?ok \d+ (.*?)( # skip\b.*)?$/);
    if (result) verdicts.set(result[2]!, result[3] ? "skip" : result[1] ? "fail" : "pass");
  }
  return { verdicts, missing: planned - verdicts.size };
}

/**
 * The list of accepted exceptions: `FILE | TEST | REASON` a line, and lines that start with #.
 * Throws where a line has no reason.
 */
export function parseExceptions(text: string): Exception[] {
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
    const [file, test, reason] = line.split(" | ");
    if (!file || !test || !reason) throw new Error(`exceptions.txt: not "FILE | TEST | REASON": ${line}`);
    return { file, test, reason };
  });
}

interface Count {
  pass: number;
  fail: number;
  skip: number;
}

function count({ verdicts, missing }: Results): Count {
  const sum = { pass: 0, fail: missing, skip: 0 };
  for (const verdict of verdicts.values()) sum[verdict]++;
  return sum;
}

function add(sum: Count, one: Count): Count {
  for (const key of ["pass", "fail", "skip"] as const) sum[key] += one[key];
  return one;
}

/** The tests of a file that runc passes and dunc does not; of a file that was not run with runc, all that dunc fails. */
export function differences({ runc, dunc }: FileResults): string[] {
  if (runc.verdicts.size === 0) {
    return [...dunc.verdicts].filter(([, verdict]) => verdict === "fail").map(([test]) => test);
  }
  return [...runc.verdicts].filter(([test, verdict]) =>
    verdict === "pass" && dunc.verdicts.get(test) !== "pass"
  )
    .map(([test]) => test);
}

/** The table and below it the differences. `faults` counts the differences that no exception names. */
export function report(
  files: readonly FileResults[],
  exceptions: readonly Exception[],
): { text: string; faults: number } {
  const lines = [row("file", "runc pass", "fail", "skip", "dunc pass", "fail", "skip")];
  const sums = { runc: { pass: 0, fail: 0, skip: 0 }, dunc: { pass: 0, fail: 0, skip: 0 } };
  const cells = ({ pass, fail, skip }: Count) => [pass, fail, skip];
  for (const file of files) {
    const runc = add(sums.runc, count(file.runc));
    const dunc = add(sums.dunc, count(file.dunc));
    lines.push(row(file.name, ...cells(runc), ...cells(dunc)));
  }
  lines.push(row("all", ...cells(sums.runc), ...cells(sums.dunc)));

  const accepted: string[] = [], open: string[] = [], stale: string[] = [];
  for (const file of files) {
    const different = differences(file);
    const ours = exceptions.filter((exception) => exception.file === file.name);
    for (const test of different) {
      const exception = ours.find((exception) => exception.test === test);
      if (exception) accepted.push(`  ${file.name}: ${test}\n      ${exception.reason}`);
      else open.push(`  ${file.name}: ${test}`);
    }
    for (const { test } of ours) {
      if (!different.includes(test)) stale.push(`  ${file.name}: ${test}`);
    }
  }
  const section = (title: string, rows: string[]) =>
    rows.length === 0 ? [] : ["", `${title}: ${rows.length}`, ...rows];
  lines.push(
    ...section("Accepted: runc passes, dunc does not", accepted),
    ...section("Exceptions that are none on this machine: runc fails or skips it too, or dunc passes", stale),
    "",
    `runc passes, dunc does not, no exception: ${open.length}`,
    ...open,
  );
  return { text: lines.join("\n"), faults: open.length };
}

function row(name: string, ...cells: (string | number)[]): string {
  return name.padEnd(24) + cells.map((cell) => String(cell).padStart(10)).join("");
}
