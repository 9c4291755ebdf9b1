// Pure: no I/O in this file.
/** Lists of device rules and an interpreter of device programs, for tests. */
import type { DeviceRule } from "./resources.ts";

/** `+c 1:3 rw`: a rule as the v1 files take it, + to allow, - to deny. */
export function rule(text: string): DeviceRule {
  const [head, numbers, access] = text.slice(1).split(" ");
  const [major, minor] = (numbers ?? "*:*").split(":").map((part) => part === "*" ? -1 : Number(part));
  return { allow: text[0] === "+", type: head!, major: major!, minor: minor!, access: access ?? "rwm" };
}

/** Lists of rules for tests, each told in the words of rule(). */
export const DEVICE_LISTS: readonly string[] = [
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

export const rulesOf = (list: string) => list === "" ? [] : list.split(", ").map(rule);

/** An access that is asked for; `access` is of the letters r, w and m. */
export interface Asked {
  readonly type: "b" | "c";
  readonly major: number;
  readonly minor: number;
  readonly access: string;
}

/** Carry out a program as the kernel would; every jump, load and opcode out of what it may use is an error. */
export function runProgram(program: Uint8Array, { type, major, minor, access }: Asked): number {
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
