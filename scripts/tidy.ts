/**
 * Checks the rules of the project's structure over all its files and prints each place that breaks one:
 * scripts/deno run -R scripts/tidy.ts
 */
import { faultsOf } from "./tidy_rules.ts";

const ROOT = new URL("..", import.meta.url).pathname;

/** The texts of the project's own sources, by path. */
function readSources(): Map<string, string> {
  const files = new Map<string, string>();
  const read = (folder: string) => {
    for (const entry of [...Deno.readDirSync(ROOT + folder)].sort((a, b) => a.name < b.name ? -1 : 1)) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory) read(path);
      else if (/\.(ts|c|h|sh)$/.test(entry.name)) files.set(path, Deno.readTextFileSync(ROOT + path));
    }
  };
  for (const folder of ["c", "ffi", "scripts", "src", "tests"]) read(folder);
  files.set("main.ts", Deno.readTextFileSync(`${ROOT}main.ts`));
  return files;
}

/** Whether the tools' folder is in a commit: as a link there, it would take the folder's place in other clones. */
function toolsAreTracked(): boolean {
  try {
    return new TextDecoder("latin1").decode(Deno.readFileSync(`${ROOT}.git/index`)).includes("\0.tools\0");
  } catch {
    return false;
  }
}

const files = readSources();
const faults = faultsOf(files);
if (toolsAreTracked()) {
  faults.push({ file: ".tools", line: 1, message: "git rm --cached .tools; git commit --amend" });
}
for (const { file, line, message } of faults) console.error(`${file}:${line}: ${message}`);
if (faults.length > 0) {
  console.error(`tidy: ${faults.length} faults in ${files.size} files`);
  Deno.exit(1);
}
