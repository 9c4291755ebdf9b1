import { assert } from "@std/assert";
import { readLayout } from "./read_layout.ts";
import { testUnless } from "./testing.ts";

const FILES = ["apply_v2_test.ts", "freeze_test.ts", "stats_test.ts"];

const nothingToDo = readLayout().mode === "v2"
  ? "this host is v2: the files run on it by themselves"
  : undefined;
const reason = Deno.uid() === 0 ? nothingToDo : "needs root";

testUnless(
  reason,
  "the tests of groups pass on v2 alone (a private mount namespace with a cgroup2 mount)",
  async () => {
    const folder = import.meta.dirname!;
    const { code, stdout, stderr } = await new Deno.Command("unshare", {
      args: [
        "-m",
        "sh",
        "-c",
        'mount -t cgroup2 none /sys/fs/cgroup && exec "$@"',
        "sh",
        Deno.execPath(),
        "test",
        "-A",
        "--no-check",
        ...importMap(`${folder}/../../scripts/npm/import_map.json`),
        ...FILES.map((file) => `${folder}/${file}`),
      ],
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    console.log(text);
    assert(code === 0 && / \d+ passed/.test(text) && !/skipped: (needs root|\/sys)/.test(text), text);
  },
);

/** The parent may or may not have been started with the map; with it the child never needs more than npm has. */
function importMap(path: string): string[] {
  try {
    Deno.statSync(path);
    return [`--import-map=${path}`];
  } catch {
    return [];
  }
}
