/**
 * Writes c/plan.gen.h and src/plan/abi.gen.ts from src/plan/schema.ts.
 * With --check it writes nothing and fails when one of them is behind.
 */
import { planAbi } from "../src/plan/abi.ts";
import {
  CREATION_OPS,
  type FieldType,
  HEADER_BYTES,
  KEPT_OPS,
  KEPT_VERBS,
  layoutOf,
  MAGIC,
  OP_HEAD_BYTES,
  type OpName,
  OPS,
  SLOT_LIMIT,
  VERB_OPS,
  WORDS,
} from "../src/plan/schema.ts";

const C_TYPE: Record<FieldType, string> = {
  "u32": "uint32_t",
  "u64": "uint64_t",
  "str": "str_ref",
  "str?": "str_ref",
  "strv": "strv_ref",
  "blob": "struct blob_ref",
  "slot": "slot_ref",
  "slot?": "slot_ref",
  "slot=": "slot_ref",
};

const KIND: Record<FieldType, string> = {
  "u32": "NUMBER",
  "u64": "NUMBER",
  "str": "STR",
  "str?": "STR_OR_NONE",
  "strv": "STRV",
  "blob": "BLOB",
  "slot": "SLOT",
  "slot?": "SLOT_OR_NONE",
  "slot=": "SLOT_FILLED",
};

/** C has `null`-like and keyword field names to keep away from. */
const cName = (field: string) => field.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);

/** The text of c/plan.gen.h. */
export function planHeader(): string {
  const names = Object.keys(OPS) as OpName[];
  const lines = [
    "/* Written by scripts/gen_plan_h.ts from src/plan/schema.ts: do not edit. */",
    "#pragma once",
    "#include <stddef.h>",
    "#include <stdint.h>",
    "",
    `#define PLAN_MAGIC 0x${MAGIC.toString(16)}u`,
    `#define PLAN_ABI   0x${planAbi().toString(16)}ull`,
    `#define SLOT_LIMIT ${SLOT_LIMIT}u`,
    "#define SLOT_NONE  0xffffffffu",
    "",
    "typedef uint32_t str_ref;",
    "typedef uint32_t strv_ref;",
    "typedef uint32_t slot_ref;",
    "struct blob_ref { uint32_t at, size; };",
    "",
    "struct plan_head {",
    "\tuint32_t magic, size;",
    "\tuint64_t abi;",
    "\tuint32_t op_count, slot_count, given, own_walk;",
    "};",
    `_Static_assert(sizeof(struct plan_head) == ${HEADER_BYTES}, "plan_head");`,
    "",
    "struct op_head {",
    "\tuint32_t code, size;",
    "\tuint8_t tolerate[4];",
    "\tuint32_t skip;",
    "};",
    `_Static_assert(sizeof(struct op_head) == ${OP_HEAD_BYTES}, "op_head");`,
    "",
    "enum op_code {",
    ...names.map((name, i) => `\tOP_${name.toUpperCase()} = ${i + 1},`),
    "};",
    "",
    "enum word {",
    ...Object.entries(WORDS).map(([word, value]) => `\tWORD_${word.toUpperCase()} = ${value},`),
    "};",
    "",
  ];
  for (const name of names) {
    const { fields, size } = layoutOf(name);
    lines.push(`struct op_${name} {`, "\tstruct op_head head;");
    for (const { field, type } of fields) lines.push(`\t${C_TYPE[type]} ${cName(field)};`);
    lines.push("} __attribute__((aligned(8)));");
    for (const { field, offset } of fields) {
      lines.push(
        `_Static_assert(offsetof(struct op_${name}, ${cName(field)}) == ${offset}, "${name}.${field}");`,
      );
    }
    lines.push(`_Static_assert(sizeof(struct op_${name}) == ${size}, "${name}");`, "");
  }
  lines.push("/* Every operation. */", "#define PLAN_OPS(X) \\");
  lines.push(names.map((name) => `\tX(${name}, ${name.toUpperCase()})`).join(" \\\n"), "");
  lines.push("/* Every field that the check of a plan looks at. */", "#define PLAN_FIELDS(X) \\");
  const rows = names.flatMap((name) =>
    layoutOf(name).fields.filter(({ type }) => KIND[type] !== "NUMBER")
      .map(({ field, type }) => `\tX(${name}, ${name.toUpperCase()}, ${cName(field)}, ${KIND[type]})`)
  );
  lines.push(rows.join(" \\\n"), "");
  lines.push("/* What the runtime's own process may carry out. */", "#define PLAN_VERB_OPS(X) \\");
  lines.push(VERB_OPS.map((name) => `\tX(${name}, ${name.toUpperCase()})`).join(" \\\n"), "");
  lines.push("/* What a kept plan may hold. */", "#define PLAN_KEPT_OPS(X) \\");
  lines.push(KEPT_OPS.map((name) => `\tX(${name}, ${name.toUpperCase()})`).join(" \\\n"), "");
  lines.push("/* The host's side of a kept creation. */", "#define PLAN_CREATION_OPS(X) \\");
  lines.push(CREATION_OPS.map((name) => `\tX(${name}, ${name.toUpperCase()})`).join(" \\\n"), "");
  lines.push(
    "enum kept_verb {",
    ...KEPT_VERBS.map((verb, i) => `\tKEPT_${verb.replace(/[A-Z]/g, (c) => `_${c}`).toUpperCase()} = ${i},`),
    "};",
    "",
  );
  return lines.join("\n");
}

/** The text of src/plan/abi.gen.ts: the hash costs a millisecond cold, so it is not computed at start-up. */
export function abiModule(): string {
  return [
    "// Written by scripts/gen_plan_h.ts: do not edit.",
    "/** planAbi() of the table in schema.ts. */",
    `export const PLAN_ABI = 0x${planAbi().toString(16)}n;`,
    "",
  ].join("\n");
}

if (import.meta.main) {
  const files: [string, string][] = [["../c/plan.gen.h", planHeader()], [
    "../src/plan/abi.gen.ts",
    abiModule(),
  ]];
  for (const [file, text] of files) {
    const path = new URL(file, import.meta.url);
    if (Deno.args[0] !== "--check") Deno.writeTextFileSync(path, text);
    else if (Deno.readTextFileSync(path) !== text) {
      console.error(`${file.slice(3)} is behind src/plan/schema.ts: run \`deno task gen\` and commit it`);
      Deno.exit(1);
    }
  }
}
