/**
 * Device rules as three judges see them: v1's list in the kernel, the compiled program in v2's kernel, and the program
 * in the interpreter of the unit tests. Where v1 and v2 are both mounted (hybrid), all three; in the guest the last two.
 */
import { assert, assertEquals } from "@std/assert";
import { cgroupKernel } from "../ffi/cgroup_kernel.ts";
import { createCgroup } from "../src/cgroup/apply.ts";
import { deviceProgram } from "../src/cgroup/device_program.ts";
import { deviceList, deviceWrites } from "../src/cgroup/devices.ts";
import { isV2 } from "../src/cgroup/paths.ts";
import { readLayout } from "../src/cgroup/read_layout.ts";
import { withGroups } from "../src/cgroup/testing.ts";
import { type Asked, DEVICE_LISTS, rulesOf, runProgram } from "../src/cgroup/testing_devices.ts";
import { succeed } from "./support/command.ts";
import { skipReason } from "./support/setting.ts";

/** No driver has a character device of this major (they end at 511), so that an open that is allowed opens nothing. */
const NO_DRIVER = 3250;

const lists = DEVICE_LISTS.map((list) => list.replaceAll(" 250:", ` ${NO_DRIVER}:`))
  // A major has 12 bits and a minor 20 where a node is made: these numbers are for the interpreter alone.
  .filter((list) => !/\d{7}/.test(list));

const NUMBERS: readonly (readonly [major: number, minor: number])[] = [
  [1, 3],
  [1, 5],
  [1, 8],
  [1, 3000],
  [5, 3000],
  [136, 500_001],
  [2000, 7],
  ...[0, 1, 7, 8, 9, 77, 250, 255, 256, 65_536, 0xfffff].flatMap((minor) =>
    [NO_DRIVER - 1, NO_DRIVER, NO_DRIVER + 1].map((major) => [major, minor] as const)
  ),
];

const asked: readonly Asked[] = (["b", "c"] as const).flatMap((type) =>
  NUMBERS.flatMap(([major, minor]) => ["r", "w", "rw", "m"].map((access) => ({ type, major, minor, access })))
);

const reason = skipReason(["root", "gcc"]);
const layout = readLayout();
const title =
  `the kernel's verdicts on ${lists.length} lists of device rules × ${asked.length} accesses are the compiled ` +
  `program's: ${layout.mode === "hybrid" ? "v1 and v2" : layout.mode}`;

Deno.test({
  name: reason === undefined ? title : `${title} (skipped: ${reason})`,
  ignore: reason !== undefined,
  fn: () => withGroups(layout, compare),
});

async function compare(paths: Readonly<Record<string, string>>): Promise<void> {
  assert(lists.length >= 60 && asked.length >= 300);
  const folder = Deno.makeTempDirSync({ prefix: "dunc-test-devices-" });
  try {
    const probe = `${folder}/probe`;
    const source = new URL("devices/probe.c", import.meta.url).pathname;
    await succeed(["gcc", "-Wall", "-Wextra", "-Werror", "-O1", "-o", probe, source]);
    const stdin = asked.map(({ type, major, minor, access }) => `${type} ${major} ${minor} ${access}\n`).join(
      "",
    );
    const judge = (file: string) => succeed([probe, folder, file], { stdin });
    const judges = { v1: 0, v2: 0 };
    let allowed = 0;
    for (const list of lists) {
      const compiled = deviceList(rulesOf(list));
      const program = deviceProgram(compiled);
      const wanted = asked.map((each) => runProgram(program, each)).join("");
      allowed += wanted.split("1").length - 1;
      // The same groups each time, as an update would: a list or a program that stayed would show.
      const writes = isV2(paths) ? [] : deviceWrites(compiled);
      createCgroup({ layout, paths, writes, rootless: false, explicit: true });
      if (paths.devices !== undefined) {
        judges.v1++;
        assertSame(await judge(`${paths.devices}/tasks`), wanted, `v1: [${list}]`);
      }
      if (paths[""] !== undefined) {
        judges.v2++;
        cgroupKernel().attachDeviceProgram(paths[""], program);
        assertSame(await judge(`${paths[""]}/cgroup.procs`), wanted, `v2: [${list}]`);
      }
    }
    const all = lists.length * asked.length;
    console.log(
      `  ${judges.v1} lists by v1's kernel, ${judges.v2} by v2's, ${all} verdicts each, ${allowed} allow`,
    );
    assert(allowed > all / 5 && allowed < 4 * all / 5, `${allowed} of ${all}`);
    assert(judges.v1 + judges.v2 >= lists.length);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function assertSame(verdicts: string, wanted: string, place: string): void {
  const at = [...wanted].findIndex((verdict, index) => verdicts[index] !== verdict);
  if (at >= 0) throw new Error(`${place} ${JSON.stringify(asked[at])}: the kernel says ${verdicts[at]}`);
  assertEquals(verdicts.length, wanted.length);
}
