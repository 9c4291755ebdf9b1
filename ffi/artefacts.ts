/** Where the entry of a build with the plain `deno` as its engine lays the files that it brings (scripts/deno_engine.ts). */
interface Carrier {
  readonly duncFiles?: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
}

/**
 * The bytes of a C artefact. They lie beside the bundle in `dist/`: on disk for `deno run`, inside the executable's
 * own file system for `deno compile --include`; with the plain `deno` as the engine the entry has them.
 */
export function artefact(
  name: "libdunc.so" | "dunc-init" | "commit" | "program-id",
): Uint8Array<ArrayBuffer> {
  const carried = (globalThis as Carrier).duncFiles?.[name];
  if (carried !== undefined) return carried;
  const here = import.meta.dirname!;
  // Run from source (tests, scripts), this module lies in ffi/.
  return Deno.readFileSync(here.endsWith("/ffi") ? `${here}/../dist/${name}` : `${here}/${name}`);
}
