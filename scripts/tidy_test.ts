import { assertEquals } from "@std/assert";
import { codeOf } from "./source_text.ts";
import { faultsOf, importsOf } from "./tidy_rules.ts";
import { topLevelWork } from "./top_level.ts";

/** `LINE: message` of every fault of one file. */
function faultsIn(file: string, text: string): string[] {
  return faultsOf(new Map([[file, text]])).map(({ line, message }) => `${line}: ${message}`);
}

Deno.test("a pure room may name neither Deno nor ffi/", () => {
  assertEquals(
    faultsIn("src/plan/x.ts", 'export const f = () => 1;\nexport const g = () => Deno.readFileSync("x");\n'),
    [
      "2: names Deno: src/plan/x.ts is pure",
    ],
  );
  assertEquals(faultsIn("src/spec/x.ts", 'import { close } from "../../ffi/stub.ts";\n'), [
    "1: spec imports ffi: it may import linux, errors",
  ]);
  assertEquals(faultsIn("src/spec/x.ts", "// Deno is named in a comment\nexport const a = 'Deno';\n"), []);
});

Deno.test("a file of cgroup/ that calls itself pure names no Deno, and imports none that does not, but for types", () => {
  const pure = (line: string) => faultsIn("src/cgroup/v2.ts", `// Pure: no I/O in this file.\n${line}\n`);
  assertEquals(pure('import { readLines } from "./files.ts";'), [
    "2: src/cgroup/v2.ts is pure and imports src/cgroup/files.ts, which is not",
  ]);
  assertEquals(pure('import type { Lines } from "./files.ts";'), []);
  assertEquals(pure("export const now = () => Deno.loadavg();"), ["2: names Deno: src/cgroup/v2.ts is pure"]);
  assertEquals(faultsIn("src/cgroup/apply.ts", 'import { readLines } from "./files.ts";\n'), []);
  const files = new Map([
    ["src/cgroup/v1.ts", '// Pure: no I/O in this file.\nimport { writes } from "./v2.ts";\n'],
    ["src/cgroup/v2.ts", "// Pure: no I/O in this file.\nexport const writes = 1;\n"],
    [
      "src/plan/x.ts",
      'import { writes } from "../cgroup/v2.ts";\nimport { apply } from "../cgroup/apply.ts";\n',
    ],
  ]);
  assertEquals(faultsOf(files).map(({ message }) => message), [
    "src/plan/x.ts is pure and imports src/cgroup/apply.ts, which is not",
  ]);
});

Deno.test("only ffi/ reaches native code", () => {
  const text =
    'export const open = () => Deno.dlopen("x", {});\nexport const at = () => Deno.UnsafePointer.of(b);\n';
  assertEquals(faultsIn("src/launch/x.ts", text), [
    "1: names Deno.dlopen: only ffi/ reaches native code",
    "2: names Deno.UnsafePointer: only ffi/ reaches native code",
  ]);
  assertEquals(faultsIn("ffi/x.ts", text), []);
});

Deno.test("only cli/ and main.ts know the command line, the streams and exit codes", () => {
  const text =
    "export function f() {\n  console.log(Deno.args);\n  Deno.stderr.writeSync(b);\n  Deno.exit(1);\n}\n";
  const why = "only cli/ knows the command line, the standard streams and exit codes";
  assertEquals(faultsIn("src/container/x.ts", text), [
    `2: names console.log: ${why}`,
    `2: names Deno.args: ${why}`,
    `3: names Deno.stderr: ${why}`,
    `4: names Deno.exit: ${why}`,
  ]);
  assertEquals(faultsIn("src/cli/x.ts", text), []);
});

Deno.test("a room imports only rooms below it", () => {
  const importing = (file: string, target: string) => faultsIn(file, `import { x } from "${target}";\n`);
  assertEquals(importing("src/linux/x.ts", "../errors.ts"), [
    "1: linux imports errors: it may import nothing of ours",
  ]);
  assertEquals(importing("src/state/x.ts", "../container/run.ts").length, 1);
  assertEquals(importing("src/container/x.ts", "../cli/argv.ts").length, 1);
  assertEquals(importing("ffi/x.ts", "../src/cgroup/kernel.ts").length, 1);
  assertEquals(faultsIn("ffi/x.ts", 'import type { x } from "../src/cgroup/kernel.ts";\n'), []);
  assertEquals(importing("src/container/x.ts", "../launch/spawn.ts"), []);
  assertEquals(importing("src/launch/x.ts", "../launch/x_test.ts"), [
    "1: imports src/launch/x_test.ts, which is no part of the program",
  ]);
  assertEquals(importing("src/nowhere/x.ts", "../errors.ts").length, 2);
});

Deno.test("an import that is computed late counts like any other", () => {
  assertEquals(faultsIn("src/plan/x.ts", 'export const f = () => import("../cli/argv.ts");\n'), [
    "1: plan imports cli: it may import spec, seccomp, linux, cgroup, errors",
  ]);
  assertEquals(faultsIn("main.ts", 'export * from "./src/plan/build.ts";\n').length, 1);
});

Deno.test("the program imports no package; its tests may", () => {
  assertEquals(faultsIn("src/spec/x.ts", 'import { join } from "@std/path";\n'), [
    "1: imports @std/path: only tests depend on a package",
  ]);
  assertEquals(faultsIn("src/spec/x_test.ts", 'import { assert } from "@std/assert";\n'), []);
});

Deno.test("importsOf() tells imports of types from others", () => {
  const text = [
    'import type { A } from "./a.ts";',
    'import { type B, type C } from "./b.ts";',
    'import { type D, e } from "./d.ts";',
    'export type { F } from "./f.ts";',
    'const g: import("./g.ts").G = 1;',
    "const text = 'import { no } from \"./no.ts\"';",
  ].join("\n");
  assertEquals(importsOf(text, codeOf(text)).map(({ target, typeOnly }) => [target, typeOnly]), [
    ["./a.ts", true],
    ["./b.ts", true],
    ["./d.ts", false],
    ["./f.ts", true],
    ["./g.ts", true],
  ]);
});

Deno.test("a module does no work when it is loaded", () => {
  const work = (text: string) => topLevelWork(codeOf(text)).map(({ what }) => what);
  assertEquals(work("const a = new Map<string, number>();"), ["new"]);
  assertEquals(work("const a = /x+/u;"), ["a regular expression"]);
  assertEquals(work('const a = "a b".split(" ");'), ["a call of split()"]);
  assertEquals(work("register();"), ["a call of register()"]);
  assertEquals(work("const a = [1, f(2)];"), ["a call of f()"]);
  assertEquals(work("function f(): { a: string } { return g(); }\nh();"), ["a call of h()"]);
  assertEquals(faultsIn("src/linux/x.ts", "\nexport const a = new Set([1]);\n"), [
    "2: new at the top of a module: every start of dunc pays for it; do it on first use",
  ]);
});

Deno.test("literals, functions, classes and types are no work", () => {
  for (
    const text of [
      "const a = { b: [1, -2n, 1n << 3n], c: `${1}` } as const satisfies Record<string, unknown>;",
      "const f = (a: number): string => g(a);\nconst h = async () => { await g(); };",
      "const t = { load: () => import('./x.ts'), run(x: number): void { g(x); } };",
      "export function f<T extends { a: number }>(x: T = g()): { b: T } | undefined { return new T(x); }",
      "class A extends B { #c = new Map(); constructor() { super(g()); } }",
      "interface I { f(x: number): string; new (y: string): I }",
      "type F = (a: number) => string;\ntype G = ReturnType<typeof f>;",
      "const f: (a: number) => string = (a) => g(a);",
      "let opened: Library | undefined;",
    ]
  ) assertEquals(topLevelWork(codeOf(text)), [], text);
});

Deno.test("C includes only the compiler's and the kernel's headers", () => {
  const text =
    '#include <stdint.h>\n#include <linux/errno.h>\n#include "plan.h"\n#include <stdio.h>\n/* #include <x.h> */\n';
  assertEquals(faultsIn("c/x.c", text), [
    "4: includes <stdio.h>: only the compiler's and the kernel's headers",
  ]);
  assertEquals(faultsIn("tests/x.c", text), []);
});

Deno.test("a switch over operations has no default", () => {
  const over = (label: string) =>
    `void f(int c)\n{\n\tswitch (c) {\n\tcase ${label}:\n\t\treturn;\n\tdefault:\n\t\tg();\n\t}\n}\n`;
  assertEquals(faultsIn("c/x.c", over("OP_CLONE")), [
    "6: a switch over operations has a default: the compiler names none that C forgot",
  ]);
  assertEquals(faultsIn("c/x.c", over("SIGTERM")), []);
});

Deno.test("a long file is named with a reason or split", () => {
  assertEquals(faultsIn("src/spec/x.ts", "\n".repeat(401)), [
    "401: 401 lines: more than 400; split it, or name it in LONG with the reason",
  ]);
  assertEquals(faultsIn("src/spec/x.ts", "\n".repeat(400)), []);
  assertEquals(faultsIn("src/linux/x.gen.ts", "\n".repeat(900)), []);
});

Deno.test("codeOf() blanks comments and strings in place and keeps the code inside templates", () => {
  const check = (text: string, code: string) => assertEquals(codeOf(text), code);
  check('a("x // y"); // z', 'a("      ");     ');
  check("/* a\nb */c", "    \n    c");
  check("`a${b + `c${d}`}e` + f", "` ${b + ` ${d}`} ` + f");
  check("a / b / c; d = /[/]x/g;", "a / b / c; d = §§§§§§§;");
  check("'it\\'s' + x", "'     ' + x");
  check('"open', '"    ');
});
