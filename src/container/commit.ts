import { artefact } from "../../ffi/artefacts.ts";

/** The commit that was built: scripts/build.ts lays it beside the modules. Run from source there is none. */
export function commit(): string {
  try {
    return new TextDecoder().decode(artefact("commit")).trim();
  } catch {
    return "unknown";
  }
}
