import { assert, assertEquals, assertThrows } from "@std/assert";
import { ContainerError } from "../errors.ts";
import { createCgroup } from "./apply.ts";
import { deviceProgram } from "./device_program.ts";
import { deviceList, deviceWrites } from "./devices.ts";
import { readLayout } from "./read_layout.ts";
import type { DeviceRule } from "./resources.ts";
import { testUnless, whyNotV1, withGroups } from "./testing.ts";

/** `+c 1:3 rw`: a rule as the v1 files take it, + to allow, - to deny. */
function rule(text: string): DeviceRule {
  const [head, numbers, access] = text.slice(1).split(" ");
  const [major, minor] = (numbers ?? "*:*").split(":").map((part) => part === "*" ? -1 : Number(part));
  return { allow: text[0] === "+", type: head!, major: major!, minor: minor!, access: access ?? "rwm" };
}

/** Lists of rules, each told in the words of rule(). */
const LISTS: readonly string[] = [
  "",
  "-a",
  "+a",
  "-a, +c 1:3 rwm",
  "-a, +c 1:3 r",
  "-a, +c 1:3 w",
  "-a, +c 1:3 m",
  "-a, +c 1:3 rw",
  "-a, +c 1:3 r, +c 1:3 w",
  "-a, +c 1:* r, +c 1:3 w",
  "-a, +c *:3 r, +c 1:* w",
  "-a, +c *:* rw",
  "-a, +c *:* rwm",
  "-a, +b *:* rwm",
  "-a, +b 8:0 r, +b 8:* w",
  "-a, +c 250:7 rw, -c 250:7 r",
  "-a, +c 250:7 rwm, -c 250:7 m",
  "-a, +c 250:* rw, -c 250:7 rw",
  "-a, +c 250:7 rw, -c 250:* rw",
  "-a, +c 250:7 rw, -c *:* rw",
  "-a, +c *:* rwm, -c 250:7 w",
  "-a, +c *:* rwm, -c *:* m",
  "-a, +b 250:7 rw, -c 250:7 rw",
  "-a, -c 250:7 r",
  "-a, -c 250:7 r, +c 250:7 r",
  "+a, -c 250:7 r",
  "+a, -c 250:7 w",
  "+a, -c 250:7 m",
  "+a, -c 250:7 rwm",
  "+a, -c 250:* r",
  "+a, -c *:7 w",
  "+a, -c *:* rwm",
  "+a, -b *:* rwm",
  "+a, -b 250:7 rw",
  "+a, -c 250:7 rw, +c 250:7 r",
  "+a, -c 250:7 rw, +c 250:* r",
  "+a, -c 250:* rw, +c 250:7 rw",
  "+a, -c 250:* rw, +c 250:* w",
  "+a, -c 250:7 r, -c 250:7 w",
  "+a, -c 250:* r, -c 250:7 w",
  "+a, +c 250:7 rw",
  "+a, +c 250:7 rw, -c 250:7 r",
  "+c 250:7 rw, -a",
  "+c 250:7 rw, +a",
  "-c 250:7 rw, +a",
  "+c 250:7 rw",
  "-c 250:7 rw",
  "-c 1:3 rwm",
  "-a, -c 1:3 rwm",
  "+a, -c 1:3 rwm",
  "+a, -c 1:3 w",
  "+a, -c 1:* rw",
  "-a, +a",
  "+a, -a",
  "+a, -a, +c 250:7 r",
  "-a, +a, -c 250:7 r",
  "+a, -c 250:7 rw, -a, +c 250:8 rw",
  "-a, +c 250:7 rw, +a, -c 250:8 rw",
  "-a, +c 250:8 m, +c 250:8 r, +c 250:8 w",
  "-a, +c 250:8 rm, +b 250:8 w",
  "-a, +b 250:7 m, -b 250:7 m, +b 250:7 r",
  "+a, -b 250:7 m, +b 250:7 m, -b 250:7 r",
  "-a, +c 4294967294:7 rw, +b 250:2147483648 r",
  "-a, +c 0:0 rw, +b 0:0 r",
  "+a, -c 0:0 rw, -b 0:0 r",
  "-a, +c 136:5 r, -c 136:5 rwm",
];

const rulesOf = (list: string) => list === "" ? [] : list.split(", ").map(rule);

interface Asked {
  readonly type: "b" | "c";
  readonly major: number;
  readonly minor: number;
  readonly access: string;
}

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

/** Carry out a program as the kernel would; every jump, load and opcode out of what it may use is an error. */
function run(program: Uint8Array, { type, major, minor, access }: Asked): number {
  const view = new DataView(program.buffer);
  const bits = { m: 1, r: 2, w: 4 } as Record<string, number>;
  const asked = [...access].reduce((sum, letter) => sum | bits[letter]!, 0);
  const context = [asked << 16 | (type === "b" ? 1 : 2), major, minor];
  const registers: (bigint | undefined)[] = [];
  const value = (register: number): bigint => {
    if (registers[register] === undefined) throw new Error(`register ${register} is read before it is set`);
    return registers[register];
  };
  const low = (number: bigint) => BigInt.asUintN(32, number);
  for (let at = 0, steps = 0; steps < 100_000; steps++) {
    if (at < 0 || 8 * at >= program.length) throw new Error(`jump to ${at}`);
    const code = view.getUint8(8 * at);
    const dst = view.getUint8(8 * at + 1) & 15;
    const src = view.getUint8(8 * at + 1) >> 4;
    const offset = view.getInt16(8 * at + 2, true);
    const immediate = BigInt(view.getInt32(8 * at + 4, true));
    at++;
    if (code === 0x61) {
      if (src !== 1 || ![0, 4, 8].includes(offset)) throw new Error(`load from r${src}+${offset}`);
      registers[dst] = BigInt(context[offset / 4]! >>> 0);
    } else if (code === 0xbf) registers[dst] = value(src);
    else if (code === 0xb7) registers[dst] = BigInt.asUintN(64, immediate);
    else if (code === 0x77) registers[dst] = value(dst) >> immediate;
    else if (code === 0x57) registers[dst] = value(dst) & BigInt.asUintN(64, immediate);
    else if (code === 0x05) at += offset;
    else if (code === 0x45) at += (value(dst) & BigInt.asUintN(64, immediate)) !== 0n ? offset : 0;
    else if (code === 0x56) at += low(value(dst)) !== low(immediate) ? offset : 0;
    else if (code === 0x95) return Number(value(0));
    else throw new Error(`opcode ${code.toString(16)}`);
  }
  throw new Error("the program does not end");
}

Deno.test(`deviceProgram() gives the verdicts of v1's list for ${LISTS.length} lists × ${ASKED.length} accesses`, () => {
  assert(LISTS.length >= 60 && new Set(LISTS).size === LISTS.length);
  let allowed = 0;
  for (const list of LISTS) {
    const program = deviceProgram(deviceList(rulesOf(list)));
    const kernel = new KernelList(rulesOf(list));
    for (const asked of ASKED) {
      const verdict = run(program, asked) === 1;
      if (verdict) allowed++;
      assertEquals(verdict, kernel.allows(asked), `[${list}] ${JSON.stringify(asked)}`);
    }
  }
  // Both verdicts are well represented, so that neither answer alone would pass.
  const all = LISTS.length * ASKED.length;
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
      assertEquals(run(program, asked) === 1, kernel.allows(asked), `[${list}] ${JSON.stringify(asked)}`);
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
      for (const list of LISTS) {
        const compiled = deviceList(rulesOf(list));
        createCgroup({ layout, paths, writes: deviceWrites(compiled), rootless: false, explicit: true });
        const { stdout } = new Deno.Command("sh", { args: ["-c", script, "sh", paths.devices!, folder] })
          .outputSync();
        const program = deviceProgram(compiled);
        const wanted = NODES.flatMap(([type, major, minor]) =>
          ["r", "w", "rw", "m"].map((access) => run(program, { type, major, minor, access }))
        );
        assertEquals(new TextDecoder().decode(stdout).trim().split("\n").map(Number), wanted, `[${list}]`);
      }
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
});
