/**
 * Writes src/linux/syscalls.gen.ts: the number of each system call on each architecture whose programs a filter may
 * meet, read from the kernel's headers by the C preprocessor.
 *
 *   gen_syscalls.ts                 add what the installed headers know
 *   gen_syscalls.ts --headers DIR   the same from an unpacked linux-libc-dev (Debian 13's has every architecture)
 *   gen_syscalls.ts --check         write nothing; fail when the file lacks or contradicts a number of the headers;
 *                                   calls newer than all the file knows are named, and no failure
 *
 * A number is never taken back by the kernel, so the file only grows: older headers add nothing, and newer entries
 * stay. An architecture whose headers are not installed is named and left as it is.
 */

interface Source {
  readonly arch: string;
  /** What the compiler of that architecture would define. */
  readonly defines: readonly string[];
  /** Folders that may hold the headers, as Debian's packages place them. */
  readonly folders: readonly string[];
}

const X86_FOLDERS = ["/usr/lib/linux/uapi/x86", "/usr/include/x86_64-linux-gnu"];
const SOURCES: readonly Source[] = [
  { arch: "x86_64", defines: ["__x86_64__"], folders: X86_FOLDERS },
  { arch: "x86", defines: ["__i386__"], folders: X86_FOLDERS },
  { arch: "x32", defines: ["__x86_64__", "__ILP32__"], folders: X86_FOLDERS },
  {
    arch: "aarch64",
    defines: ["__aarch64__", "__LP64__"],
    folders: ["/usr/lib/linux/uapi/arm64", "/usr/aarch64-linux-gnu/include"],
  },
  {
    arch: "arm",
    defines: ["__arm__", "__ARM_EABI__"],
    folders: ["/usr/lib/linux/uapi/arm", "/usr/arm-linux-gnueabihf/include"],
  },
];

type Numbers = Map<string, number>;

/** `__NR_read` is a system call, and so is arm's `__ARM_NR_cacheflush`; `__NR_SYSCALL_BASE` and the like are not. */
const DEFINITION = /^#define (__(?:ARM_)?NR_([a-z_][a-z0-9_]*)) /;
const NO_CALLS = new Set(["arch_specific_syscall", "syscalls"]);

function preprocess(args: readonly string[], source: string): string {
  const file = Deno.makeTempFileSync({ suffix: ".c" });
  try {
    Deno.writeTextFileSync(file, source);
    const output = new Deno.Command("gcc", { args: ["-E", "-undef", "-nostdinc", ...args, file] })
      .outputSync();
    if (!output.success) throw new Error(new TextDecoder().decode(output.stderr));
    return new TextDecoder().decode(output.stdout);
  } finally {
    Deno.removeSync(file);
  }
}

const exists = (path: string) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
};

/** The numbers of one architecture as its headers under `root` have them; undefined where there are none. */
function headerNumbers({ defines, folders }: Source, root: string): Numbers | undefined {
  const folder = folders.find((folder) => exists(`${root}${folder}/asm/unistd.h`));
  if (folder === undefined) return undefined;
  const options = [...defines.map((name) => `-D${name}`), `-I${root}${folder}`, `-I${root}/usr/include`];
  const include = "#include <asm/unistd.h>\n";
  const macros = new Map<string, string>();
  for (const line of preprocess(["-dM", ...options], include).split("\n")) {
    const [, macro, name] = DEFINITION.exec(line) ?? [];
    if (macro !== undefined && !NO_CALLS.has(name!)) macros.set(name!, macro);
  }
  const questions = [...macros].map(([name, macro]) => `@${name} = ${macro}`).join("\n");
  const numbers: Numbers = new Map();
  for (const line of preprocess(["-P", ...options], include + questions).split("\n")) {
    const [, name, expression] = /^@\s*(\w+) = (.*)$/.exec(line) ?? [];
    if (name !== undefined) numbers.set(name, sum(expression!));
  }
  if (numbers.size !== macros.size) {
    throw new Error(`${folder}: ${macros.size - numbers.size} names without a number`);
  }
  return numbers;
}

/** What the headers write for a number: terms in decimal or hex, added up, in parentheses. */
function sum(expression: string): number {
  return expression.replace(/[()\s]/g, "").split("+").reduce((total, term) => {
    if (!/^(?:0x[0-9a-fA-F]+|\d+)$/.test(term)) throw new Error(`not a number: ${expression}`);
    return total + Number(term);
  }, 0);
}

/** The numbers that the file has now. Its form: names in the order of their numbers, a number where one is jumped to. */
function fileNumbers(text: string, arch: string): Numbers {
  const numbers: Numbers = new Map();
  const [, table] = new RegExp(`^export const ${arch.toUpperCase()} =\\n\\s+"([^"]*)"`, "m").exec(text) ?? [];
  let next = 0;
  for (const token of (table ?? "").split(" ")) {
    if (/^\d/.test(token)) next = Number(token);
    else if (token !== "") numbers.set(token, next++);
  }
  return numbers;
}

function merge(arch: string, known: Numbers, found: Numbers): Numbers {
  const merged = new Map(known);
  for (const [name, number] of found) {
    const before = known.get(name);
    if (before !== undefined && before !== number) {
      throw new Error(`${arch}: ${name} is ${before} and ${number}`);
    }
    merged.set(name, number);
  }
  return merged;
}

function tableText(numbers: Numbers): string {
  const tokens: string[] = [];
  let next = 0;
  // Two names of one number stand in the order of the alphabet.
  const order = [...numbers].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1));
  for (const [name, number] of order) {
    if (number !== next) tokens.push(String(number));
    tokens.push(name);
    next = number + 1;
  }
  return tokens.join(" ");
}

/** New calls get the next number below 512; x32 and arm also have numbers above, which do not grow. */
const grows = (number: number) => (number & 0x3fffffff) < 512;

/** What the headers know up to the newest call of the file; the rest is named. */
function notNewer(arch: string, known: Numbers, found: Numbers): Numbers {
  const newest = Math.max(...[...known.values()].filter(grows));
  const isNewer = (number: number) => grows(number) && number > newest;
  const newer = [...found].filter(([, number]) => isNewer(number)).map(([name]) => name);
  if (newer.length > 0) console.error(`gen_syscalls: ${arch}: the headers also have ${newer.join(", ")}`);
  return new Map([...found].filter(([, number]) => !isNewer(number)));
}

function moduleText(before: string, root: string, check: boolean): string {
  const lines = [
    "// Written by scripts/gen_syscalls.ts from the kernel's headers: do not edit.",
    "// deno-lint-ignore-file",
    "// Names in the order of their numbers; a number says where the next name stands.",
  ];
  for (const source of SOURCES) {
    const known = fileNumbers(before, source.arch);
    const found = headerNumbers(source, root);
    if (found === undefined) {
      console.error(
        `gen_syscalls: ${source.arch} is skipped: no asm/unistd.h in ${source.folders.join(" or ")}`,
      );
    } else if (found.size < known.size) {
      const newer = known.size - found.size;
      console.error(
        `gen_syscalls: ${source.arch}: ${newer} names are newer than these headers: not compared`,
      );
    }
    const taken = check && found !== undefined ? notNewer(source.arch, known, found) : found;
    const table = tableText(merge(source.arch, known, taken ?? new Map()));
    lines.push(`export const ${source.arch.toUpperCase()} =\n  "${table}";`);
  }
  return [...lines, ""].join("\n");
}

if (import.meta.main) {
  const path = new URL("../src/linux/syscalls.gen.ts", import.meta.url);
  const at = Deno.args.indexOf("--headers");
  const before = exists(path.pathname) ? Deno.readTextFileSync(path) : "";
  const check = Deno.args.includes("--check");
  const text = moduleText(before, at < 0 ? "" : Deno.args[at + 1]!, check);
  if (!check) Deno.writeTextFileSync(path, text);
  else if (before !== text) {
    console.error(
      "src/linux/syscalls.gen.ts is behind scripts/gen_syscalls.ts: run `deno task gen` and commit it",
    );
    Deno.exit(1);
  }
}
