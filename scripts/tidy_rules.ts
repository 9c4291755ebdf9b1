import { codeOf, lineOf } from "./source_text.ts";
import { topLevelWork } from "./top_level.ts";

/** A place that breaks a rule of the project's structure (ARCHITECTURE.md, "Invariants"). */
export interface Fault {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** Which rooms a room may import from. `types of ROOM`: only with `import type`. Itself always. */
const IMPORTS: Readonly<Record<string, readonly string[]>> = {
  main: ["cli"],
  mod: ["container", "spec", "errors"],
  cli: ["container", "cgroup", "spec", "state", "linux", "seccomp", "plan", "log", "errors"],
  container: [
    ...["launch", "plan", "state", "cgroup", "host", "ffi"],
    ...["spec", "seccomp", "linux", "log", "errors"],
  ],
  launch: ["ffi", "plan", "linux", "errors", "types of spec"],
  plan: ["spec", "seccomp", "linux", "cgroup", "errors"],
  state: ["host", "spec", "linux", "errors"],
  cgroup: ["spec", "linux", "errors"],
  host: ["linux", "errors", "types of plan", "types of spec"],
  ffi: ["linux", "errors", "types of cgroup", "types of plan"],
  seccomp: ["spec", "linux", "errors"],
  spec: ["linux", "errors"],
  linux: [],
  errors: [],
  log: [],
};

/** Rooms of pure functions. */
const PURE = ["spec", "plan", "seccomp", "linux", "errors"];

/** How the first line of a pure file begins in a room that holds both kinds. */
const PURE_MARK = "// Pure:";

/** Where a word may stand. The rooms that may say it, and why no other may. */
const WORDS: readonly { words: RegExp; rooms: readonly string[]; why: string }[] = [
  { words: /\bDeno\s*\.\s*(dlopen|Unsafe\w+)/g, rooms: ["ffi"], why: "only ffi/ reaches native code" },
  {
    words: /\bDeno\s*\.\s*(args|exit|exitCode|stdin|stdout|stderr)\b|\bconsole\s*\.\s*\w+/g,
    rooms: ["cli", "main"],
    why: "only cli/ knows the command line, the standard streams and exit codes",
  },
];

/** Longest file, in lines. */
const LONGEST = 400;

/** Files that may be longer, each with its reason. */
const LONG: Readonly<Record<string, string>> = {};

/** Headers that C may include: the compiler's own and the kernel's. There is no libc to include from. */
const C_HEADERS = /^<(stddef|stdint|stdarg|stdnoreturn)\.h>$|^<(asm|linux)\/[\w/-]+\.h>$|^"[\w.]+\.h"$/;

const isTest = (file: string) => /(_test|testing)\.ts$/.test(file);
const isGenerated = (file: string) => /\.gen\.(ts|h)$/.test(file);

/** The room of a file of the program: `src/plan/build.ts` → `plan`, `src/log.ts` → `log`; undefined outside it. */
export function roomOf(file: string): string | undefined {
  if (file === "main.ts") return "main";
  if (file.startsWith("ffi/")) return "ffi";
  const [, first, rest] = /^src\/([^/]+?)(?:\.ts)?(\/.*)?$/.exec(file) ?? [];
  return rest === undefined && !file.endsWith(".ts") ? undefined : first;
}

/** Every fault of the files, by path below the repository. */
export function faultsOf(files: Files): Fault[] {
  const faults: Fault[] = [];
  for (const [file, text] of files) {
    const code = codeOf(text);
    const add = (position: number, message: string) =>
      faults.push({ file, line: lineOf(text, position), message });
    checkLength(file, text, add);
    // What lies below tests/ is an ordinary program with a libc.
    if (file.startsWith("c/")) checkC(text, code, add);
    const room = roomOf(file);
    if (room === undefined || isTest(file)) continue;
    checkImports(file, room, files, code, add);
    checkWords(file, room, isPure(file, room, files), code, add);
    if (room !== "main" && !isGenerated(file)) {
      for (const { position, what } of topLevelWork(code)) {
        add(position, `${what} at the top of a module: every start of dunc pays for it; do it on first use`);
      }
    }
  }
  return faults;
}

type Add = (position: number, message: string) => void;

function checkLength(file: string, text: string, add: Add): void {
  const lines = text.split("\n").length - 1;
  if (lines <= LONGEST || isGenerated(file) || LONG[file] !== undefined) return;
  add(text.length - 1, `${lines} lines: more than ${LONGEST}; split it, or name it in LONG with the reason`);
}

/** An import of a module's text. */
interface Import {
  readonly position: number;
  readonly target: string;
  readonly typeOnly: boolean;
}

/** Static and dynamic imports, and exports from elsewhere. */
export function importsOf(text: string, code: string): Import[] {
  const found: Import[] = [];
  for (const match of code.matchAll(/\b(?:from|import)\s*\(?\s*"( *)"/g)) {
    const begin = match.index + match[0].length - 1 - match[1]!.length;
    // `from` belongs to the nearest import or export before it.
    const head = code.slice(Math.max(code.lastIndexOf(";", match.index), 0), match.index);
    const typeOnly = /\b(import|export)\s+type\s[^;]*$/.test(head) ||
      /\b(import|export)\s*\{\s*(type\s+\w+(\s+as\s+\w+)?\s*,?\s*)+\}\s*$/.test(head) ||
      /[:<|]\s*(typeof\s+)?$/.test(head);
    found.push({ position: match.index, target: text.slice(begin, begin + match[1]!.length), typeOnly });
  }
  return found;
}

/** `../errors.ts` seen from `src/plan/build.ts` → `src/errors.ts`. */
function resolve(file: string, target: string): string {
  const parts = file.split("/").slice(0, -1);
  for (const part of target.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

type Files = ReadonlyMap<string, string>;

const isPure = (file: string, room: string, files: Files): boolean =>
  PURE.includes(room) || (files.get(file) ?? "").startsWith(PURE_MARK);

function checkImports(file: string, room: string, files: Files, code: string, add: Add): void {
  const text = files.get(file)!;
  for (const { position, target, typeOnly } of importsOf(text, code)) {
    if (!target.startsWith(".")) {
      add(position, `imports ${target}: only tests depend on a package`);
      continue;
    }
    const path = resolve(file, target);
    const other = roomOf(path);
    if (other === undefined || isTest(path)) {
      add(position, `imports ${path}, which is no part of the program`);
    } else if (other !== room && !mayImport(room, other, typeOnly)) {
      const rooms = IMPORTS[room] ?? [];
      add(
        position,
        `${room} imports ${other}: it may import ${
          rooms.length === 0 ? "nothing of ours" : rooms.join(", ")
        }`,
      );
    } else if (isPure(file, room, files) && !typeOnly && !isPure(path, other, files)) {
      add(position, `${file} is pure and imports ${path}, which is not`);
    }
  }
}

function mayImport(room: string, other: string, typeOnly: boolean): boolean {
  const rooms = IMPORTS[room] ?? [];
  return rooms.includes(other) || (typeOnly && rooms.includes(`types of ${other}`));
}

function checkWords(file: string, room: string, pure: boolean, code: string, add: Add): void {
  if (IMPORTS[room] === undefined) add(0, `the room ${room} is in no row of IMPORTS`);
  if (pure) {
    for (const match of code.matchAll(/\bDeno\b/g)) add(match.index, `names Deno: ${file} is pure`);
  }
  for (const { words, rooms, why } of WORDS) {
    if (rooms.includes(room)) continue;
    for (const match of code.matchAll(words)) add(match.index, `names ${match[0]}: ${why}`);
  }
}

function checkC(text: string, code: string, add: Add): void {
  for (const match of code.matchAll(/^[ \t]*#[ \t]*include\b.*$/gm)) {
    const header = text.slice(match.index, match.index + match[0].length).replace(/^.*?include\s*/, "")
      .trim();
    const name = header.replace(/\s*\/\*.*$/, "");
    if (!C_HEADERS.test(name)) {
      add(match.index, `includes ${name}: only the compiler's and the kernel's headers`);
    }
  }
  for (const match of code.matchAll(/\bswitch\s*\(/g)) {
    const block = code.slice(match.index, blockEnd(code, match.index));
    const standard = /\bdefault\s*:/.exec(block);
    if (/\bcase\s+OP_/.test(block) && standard !== null) {
      add(
        match.index + standard.index,
        "a switch over operations has a default: the compiler names none that C forgot",
      );
    }
  }
}

/** Where the first block after a position ends. */
function blockEnd(code: string, from: number): number {
  let depth = 0;
  for (let at = code.indexOf("{", from); at >= 0 && at < code.length; at++) {
    if (code[at] === "{") depth++;
    else if (code[at] === "}" && --depth === 0) return at + 1;
  }
  return code.length;
}
