import { SpecError } from "../errors.ts";
import { parseJson } from "./json.ts";
import { PROCESS, type Process, RESOURCES, type Resources, SPEC, type Spec } from "./schema.ts";
import { readShape, type Shape, type Shaped, type ShapeFault } from "./shape.ts";

/**
 * Read a config.json. Throws SpecError with every fault of its types, each with its JSON path; what the values mean
 * is for `validateSpec`.
 */
export function parseSpec(text: string): Spec {
  return parse(SPEC, text, "config.json", "config cannot be null");
}

/** Read a process document (`exec --process`). Throws SpecError. */
export function parseProcess(text: string): Process {
  return parse(PROCESS, text, "--process", "process property must not be empty");
}

/** Read a resources document (`update --resources`). Throws SpecError. */
export function parseResources(text: string): Resources {
  return parse(RESOURCES, text, "--resources", "resources cannot be null");
}

function parse<const S extends Shape>(shape: S, text: string, name: string, absent: string): Shaped<S> {
  const value = parseJson(text, name);
  if (value === null) throw new SpecError([{ path: "", message: absent }]);
  const faults: ShapeFault[] = [];
  const shaped = readShape(shape, value, "", faults);
  if (faults.length > 0) throw new SpecError(faults);
  return shaped;
}
