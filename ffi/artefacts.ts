/**
 * The bytes of a C artefact. They lie beside the bundle in `dist/`: on disk for `deno run`, inside the executable's
 * own file system for `deno compile --include`.
 */
export function artefact(name: "libdunc.so" | "dunc-init"): Uint8Array<ArrayBuffer> {
  const here = import.meta.dirname!;
  // Run from source (tests, scripts), this module lies in ffi/.
  return Deno.readFileSync(here.endsWith("/ffi") ? `${here}/../dist/${name}` : `${here}/${name}`);
}
