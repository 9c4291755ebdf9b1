/**
 * The parts of an executable whose engine is the plain `deno` (scripts/build.ts --engine=deno): the first stage
 * (c/front_engine.c) hands deno an entry module in one memfd and finds an archive in the next.
 */

/** The entry: it takes the archive apart and evaluates the program as a script, which V8 reads faster than a module. */
export const ENTRY = `const number = Number(import.meta.url.split("/").pop()) + 1;
const bytes = Deno.readFileSync("/proc/self/fd/" + number);
const decoder = new TextDecoder();
const end = bytes.indexOf(10);
const files = {};
let at = end + 1;
for (const [name, size] of JSON.parse(decoder.decode(bytes.subarray(0, end)))) {
  files[name] = bytes.subarray(at, at += size);
}
globalThis.duncFiles = files;
(0, eval)(decoder.decode(files["main.js"]));
`;

/** The archive: a line of names and sizes, then the files one behind the other. */
export function archive(files: Readonly<Record<string, Uint8Array>>): Uint8Array<ArrayBuffer> {
  const entries = Object.entries(files);
  const sizes = entries.map(([name, { length }]) => [name, length]);
  const head = new TextEncoder().encode(`${JSON.stringify(sizes)}\n`);
  const out = new Uint8Array(entries.reduce((sum, [, { length }]) => sum + length, head.length));
  out.set(head);
  let at = head.length;
  for (const [, bytes] of entries) {
    out.set(bytes, at);
    at += bytes.length;
  }
  return out;
}
