import { assertEquals } from "@std/assert";
import { archive, ENTRY } from "./deno_engine.ts";

Deno.test("the entry finds the files of the archive and runs main.js", () => {
  const encoder = new TextEncoder();
  const bytes = archive({
    "main.js": encoder.encode("globalThis.seen = [new TextDecoder().decode(duncFiles.commit), 'ä'];"),
    commit: encoder.encode("abc\n"),
    "dunc-init": new Uint8Array([0, 10, 255]),
  });
  const module = ENTRY.replace("import.meta.url", '"file:///proc/self/fd/6"').replace(
    "Deno.readFileSync",
    "readArchive",
  );
  const readArchive = (path: string) => path === "/proc/self/fd/7" ? bytes : undefined;
  new Function("readArchive", module)(readArchive);
  const { seen, duncFiles } = globalThis as unknown as {
    seen: string[];
    duncFiles: Record<string, Uint8Array>;
  };
  assertEquals(seen, ["abc\n", "ä"]);
  assertEquals(duncFiles["dunc-init"], new Uint8Array([0, 10, 255]));
});
