/** Prints the table of the bats files named: FOLDER-OF-RESULTS NAME... Exits with 1 when a difference has no exception. */
import { type FileResults, parseExceptions, parseTap, report } from "./table.ts";

const [folder, ...names] = Deno.args;

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

const files = names.map((name): FileResults => ({
  name,
  runc: parseTap(read(`${folder}/${name}.runc.tap`)),
  dunc: parseTap(read(`${folder}/${name}.dunc.tap`)),
}));
const exceptions = parseExceptions(read(new URL("exceptions.txt", import.meta.url).pathname));
const { text, faults } = report(files, exceptions);
console.log(text);
console.log(`\nWhat each test said: ${folder}/FILE.RUNTIME.tap`);
Deno.exit(faults === 0 ? 0 : 1);
