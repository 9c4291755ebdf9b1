/**
 * End-to-end tests in the guest of scripts/vm, where cgroup v2 has every controller: a chosen few, as it is slow. Its
 * output is shown, the tables of resources among it.
 */
import { assertEquals } from "@std/assert";
import { findColumn, joinColumns } from "./resources/table.ts";
import { skipReason, theSetting } from "./support/setting.ts";

/** Test files that run there as they are, the seconds they may take, and the guest when it is Debian with systemd. */
const FILES: readonly (readonly [file: string, seconds: number, root?: "debian"])[] = [
  ["resources_test.ts", 240],
  ["exercises_test.ts", 300],
  ["bad_resources_test.ts", 300],
  ["device_rules_test.ts", 240],
  ["delegation_test.ts", 240],
  ["random_order_test.ts", 300],
  ["systemd_guest_test.ts", 400, "debian"],
];

const root = new URL("..", import.meta.url).pathname.replace(/\/$/, "");
const reason = skipReason(["root", "vm"]) ?? setUp();
const suffix = reason === undefined ? "" : ` (skipped: ${reason})`;
/** What the files have printed, here and in the guest. */
let outputs = "";

const testOf = (file: string) =>
  [`${root}/scripts/deno`, "test", "-A", "--no-check", "--reporter=tap", `${root}/tests/${file}`] as const;

/** Fetch and make what the guest is made of; why that was not possible, undefined when it was. */
function setUp(): string | undefined {
  const { success, stderr } = new Deno.Command(`${root}/scripts/vm`, { args: ["setup", "debian"] })
    .outputSync();
  return success ? undefined : new TextDecoder().decode(stderr).trim().split("\n").at(-1);
}

/** Run a test file; then print what it wrote to DUNC_TABLE. */
async function outputOf(file: string, before: readonly string[]): Promise<{ code: number; text: string }> {
  // There before any test: the leak ledger counts what comes.
  const table = "/tmp/dunc-table.$$";
  const script =
    `export DUNC_TABLE=${table}; : >${table}; "$@"; code=$?; cat ${table}; rm ${table}; exit $code`;
  const [program, ...args] = [...before, "env", "NO_COLOR=1", "sh", "-c", script, "sh", ...testOf(file)];
  const command = new Deno.Command(program!, {
    args,
    env: { DUNC: theSetting().dunc },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await command.output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  console.log(text);
  return { code, text };
}

for (const [file, seconds, kind = "host"] of FILES) {
  Deno.test({
    name: `in the guest: ${file}${suffix}`,
    ignore: reason !== undefined,
    fn: async () => {
      const guest = [`${root}/scripts/vm`, "run", "--root", kind, "--timeout", String(seconds)];
      const { code, text } = await outputOf(file, guest);
      outputs += text;
      assertEquals(code, 0, `${file} failed in the guest`);
    },
  });
}

Deno.test({
  name: `every resource field on v1 here, on v2 and through systemd in the guest, side by side${suffix}`,
  ignore: reason !== undefined,
  fn: async () => {
    const { code, text } = await outputOf("resources_test.ts", []);
    assertEquals(code, 0, "resources_test.ts failed here");
    const columns = ["v1", "v2", "systemd"].map((layout) => {
      const column = findColumn(layout === "v1" ? text : outputs, layout);
      if (column === undefined) throw new Error(`no run has printed the column of ${layout}`);
      return { title: `${layout} (${column.kernel})`, cells: column.cells };
    });
    console.log(`\n${joinColumns(columns)}`);
    const [v1, ...others] = columns.map(({ cells }) => cells.map(({ field }) => field).sort());
    for (const fields of others) assertEquals(fields, v1);
  },
});
