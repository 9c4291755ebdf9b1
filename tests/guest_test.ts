/**
 * End-to-end tests in the guest of scripts/vm, where cgroup v2 has every controller: a chosen few, as it is slow. Its
 * output is shown, the tables of resources among it.
 */
import { assertEquals } from "@std/assert";
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

for (const [file, seconds, kind = "host"] of FILES) {
  const reason = skipReason(["root", "vm"]);
  Deno.test({
    name: `in the guest: ${file}` + (reason === undefined ? "" : ` (skipped: ${reason})`),
    ignore: reason !== undefined,
    fn: async () => {
      const test = [
        `${root}/scripts/deno`,
        "test",
        "-A",
        "--no-check",
        "--reporter=tap",
        `${root}/tests/${file}`,
      ];
      const command = new Deno.Command(`${root}/scripts/vm`, {
        args: ["run", "--root", kind, "--timeout", String(seconds), "env", "NO_COLOR=1", ...test],
        env: { DUNC: theSetting().dunc },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      });
      const { code, stdout, stderr } = await command.output();
      const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      console.log(text);
      assertEquals(code, 0, `${file} failed in the guest`);
    },
  });
}
