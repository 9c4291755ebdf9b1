import { assert, assertEquals, assertThrows } from "@std/assert";
import { ContainerError } from "../errors.ts";
import { createCgroup } from "./apply.ts";
import { deviceProgram } from "./device_program.ts";
import { deviceList, deviceWrites } from "./devices.ts";
import { readLayout } from "./read_layout.ts";
import type { DeviceRule } from "./resources.ts";
import { testUnless, whyNotV1, withGroups } from "./testing.ts";
import { type Asked, DEVICE_LISTS, rule, rulesOf, runProgram } from "./testing_devices.ts";

const ASKED: readonly Asked[] = (["b", "c"] as const).flatMap((type) =>
  [[1, 3], [1, 8], [136, 5], [250, 7], [250, 8], [8, 0], [0, 0], [251, 7], [4294967294, 7], [250, 2147483648]]
    .flatMap(([major, minor]) =>
      ["r", "w", "m", "rw", "rm", "wm", "rwm"].map((access) => ({
        type,
        major: major!,
        minor: minor!,
        access,
      }))
    )
);

/**
 * The kernel's own way with a list, entry by entry, kept apart from the code under test: a linked list in which a
 * rule finds its equal, and the two ways of looking an access up. The default rules come last, as runc adds them.
 */
class KernelList {
  allowing = false;
  entries: { type: string; major: number; minor: number; access: Set<string> }[] = [];

  constructor(rules: readonly DeviceRule[]) {
    const added = "c *:* m|b *:* m|c 1:3|c 1:8|c 1:7|c 5:0|c 1:5|c 1:9|c 136:*|c 5:2|c 10:200";
    for (const each of [...rules, ...added.split("|").map((text) => rule(`+${text}`))]) this.#update(each);
  }

  #update({ allow, type, major, minor, access }: DeviceRule): void {
    if (type === "a") {
      this.allowing = allow;
      this.entries = [];
      return;
    }
    const equal = this.entries.findIndex((entry) =>
      entry.type === type && entry.major === major && entry.minor === minor
    );
    if (allow === this.allowing) {
      if (equal < 0) return;
      for (const letter of access!) this.entries[equal]!.access.delete(letter);
      if (this.entries[equal]!.access.size === 0) this.entries.splice(equal, 1);
    } else if (equal >= 0) { for (const letter of access!) this.entries[equal]!.access.add(letter); }
    else this.entries.push({ type: type!, major: major!, minor: minor!, access: new Set(access) });
  }

  allows(asked: Asked): boolean {
    const letters = [...asked.access];
    const same = this.entries.filter(({ type, major, minor }) =>
      type === asked.type && [-1, asked.major].includes(major) && [-1, asked.minor].includes(minor)
    );
    return this.allowing
      ? !same.some(({ access }) => letters.some((letter) => access.has(letter)))
      : same.some(({ access }) => letters.every((letter) => access.has(letter)));
  }
}

Deno.test(`deviceProgram() gives the verdicts of v1's list for ${DEVICE_LISTS.length} lists × ${ASKED.length} accesses`, () => {
  assert(DEVICE_LISTS.length >= 60 && new Set(DEVICE_LISTS).size === DEVICE_LISTS.length);
  let allowed = 0;
  for (const list of DEVICE_LISTS) {
    const program = deviceProgram(deviceList(rulesOf(list)));
    const kernel = new KernelList(rulesOf(list));
    for (const asked of ASKED) {
      const verdict = runProgram(program, asked) === 1;
      if (verdict) allowed++;
      assertEquals(verdict, kernel.allows(asked), `[${list}] ${JSON.stringify(asked)}`);
    }
  }
  // Both verdicts are well represented, so that neither answer alone would pass.
  const all = DEVICE_LISTS.length * ASKED.length;
  assert(allowed > all / 5 && allowed < 4 * all / 5, `${allowed} of ${all}`);
});

Deno.test("deviceProgram() gives the verdicts of v1's list for random lists", () => {
  let seed = 20240611;
  const pick = <T>(choices: readonly T[]): T => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return choices[(seed >>> 8) % choices.length]!;
  };
  for (let round = 0; round < 300; round++) {
    const list = Array.from({ length: 1 + round % 12 }, () => {
      const sign = pick(["+", "-"]);
      if (pick([1, 2, 3, 4, 5, 6]) === 1) return `${sign}a`;
      const number = () => pick(["*", "1", "3", "7", "8", "250"]);
      return `${sign}${pick(["b", "c"])} ${number()}:${number()} ${
        pick(["r", "w", "m", "rw", "rm", "wm", "rwm"])
      }`;
    }).join(", ");
    const program = deviceProgram(deviceList(rulesOf(list)));
    const kernel = new KernelList(rulesOf(list));
    for (const asked of ASKED) {
      assertEquals(
        runProgram(program, asked) === 1,
        kernel.allows(asked),
        `[${list}] ${JSON.stringify(asked)}`,
      );
    }
  }
});

Deno.test("deviceList() refuses types, numbers and accesses that are none, and names the rule", () => {
  const refused = (bad: Partial<DeviceRule>, words: string) =>
    assertThrows(
      () => deviceList([{ allow: false, access: "rwm" }, { allow: true, access: "r", ...bad }]),
      ContainerError,
      words,
    );
  refused({ type: "p" }, `linux.resources.devices[1].type: invalid cgroup device type "p"`);
  refused({ access: "" }, "linux.resources.devices[1].access: device access at 1 field cannot be empty");
  refused({ access: "x" }, "linux.resources.devices[1].access: device access at 1 field cannot be empty");
  refused({ type: "c", major: -2 }, "linux.resources.devices[1].major: -2 is no device number");
  refused({ type: "c", major: 2 ** 32 - 1 }, "4294967295 is no device number");
  refused({ type: "b", minor: 2 ** 32 }, "linux.resources.devices[1].minor: 4294967296 is no device number");
});

Deno.test("deviceList() goes by the letters of an access that it knows", () => {
  const texts = (access: string) =>
    deviceWrites(deviceList([{ allow: true, type: "c", major: 200, minor: 7, access }])).map(({ text }) =>
      text
    );
  assertEquals(texts("rwa"), texts("rw"));
});

Deno.test("deviceWrites() of the default rules resets the list and grants each of them once", () => {
  const texts = deviceWrites(deviceList([{ allow: false, access: "rwm" }])).map(({ file, text }) =>
    `${file} ${text}`
  );
  assertEquals(texts, [
    "devices.deny a",
    "devices.allow c *:* m",
    "devices.allow b *:* m",
    "devices.allow c 1:3 rwm",
    "devices.allow c 1:8 rwm",
    "devices.allow c 1:7 rwm",
    "devices.allow c 5:0 rwm",
    "devices.allow c 1:5 rwm",
    "devices.allow c 1:9 rwm",
    "devices.allow c 136:* rwm",
    "devices.allow c 5:2 rwm",
    "devices.allow c 10:200 rwm",
  ]);
});

/** Numbers without a driver, so that an open that is allowed fails with ENXIO and touches nothing; and null. */
const NODES = [["c", 250, 7], ["c", 250, 8], ["b", 250, 7], ["c", 1, 3]] as const;

testUnless(whyNotV1(readLayout()), "the v1 kernel gives the same verdicts as the compiled program", () => {
  const layout = readLayout();
  const folder = Deno.makeTempDirSync();
  const script = `echo 0 > "$1/tasks"; cd "$2"
    say() { case $1 in *"not permitted"*) echo 0;; *) echo 1;; esac; }
    while read name type major minor; do
      say "$( { : < "$name"; } 2>&1 )"; say "$( { : >> "$name"; } 2>&1 )"; say "$( { : <> "$name"; } 2>&1 )"
      say "$(mknod made "$type" "$major" "$minor" 2>&1)"; rm -f made
    done < nodes`;
  return withGroups(layout, (paths) => {
    try {
      for (const [type, major, minor] of NODES) {
        const name = `${folder}/${type}${major}.${minor}`;
        const { success } = new Deno.Command("mknod", { args: [name, type, `${major}`, `${minor}`] })
          .outputSync();
        assert(success);
      }
      const lines = NODES.map(([type, major, minor]) =>
        `${type}${major}.${minor} ${type} ${major} ${minor}\n`
      );
      Deno.writeTextFileSync(`${folder}/nodes`, lines.join(""));
      for (const list of DEVICE_LISTS) {
        const compiled = deviceList(rulesOf(list));
        createCgroup({ layout, paths, writes: deviceWrites(compiled), rootless: false, explicit: true });
        const { stdout } = new Deno.Command("sh", { args: ["-c", script, "sh", paths.devices!, folder] })
          .outputSync();
        const program = deviceProgram(compiled);
        const wanted = NODES.flatMap(([type, major, minor]) =>
          ["r", "w", "rw", "m"].map((access) => runProgram(program, { type, major, minor, access }))
        );
        assertEquals(new TextDecoder().decode(stdout).trim().split("\n").map(Number), wanted, `[${list}]`);
      }
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
});
