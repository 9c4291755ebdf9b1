import type { SpecIssue } from "../errors.ts";
import type { Spec } from "./schema.ts";

/** One field of the specification that this build does not carry out. */
interface Refusal {
  readonly path: string;
  /** Whether a document asks for it. */
  readonly asks: (spec: Spec) => boolean;
}

const REFUSALS: readonly Refusal[] = [
  { path: "linux.intelRdt", asks: ({ linux }) => linux?.intelRdt !== undefined },
  { path: "linux.netDevices", asks: ({ linux }) => Object.keys(linux?.netDevices ?? {}).length > 0 },
  {
    path: "mounts[].uidMappings",
    asks: ({ mounts }) =>
      (mounts ?? []).some(({ uidMappings, options }) =>
        uidMappings !== undefined || options?.some((option) => option === "idmap" || option === "ridmap")
      ),
  },
  { path: "linux.mountLabel", asks: ({ linux }) => (linux?.mountLabel ?? "") !== "" },
];

/**
 * The fields a document asks for that this build does not carry out, by name: what is not carried out is refused,
 * never ignored.
 */
export function refusalsOf(spec: Spec): SpecIssue[] {
  return REFUSALS.filter(({ asks }) => asks(spec)).map(({ path }) => refused(path));
}

const refused = (path: string): SpecIssue => ({ path, message: "is not carried out by this build of dunc" });

/** Which parts of `features` the refusals above take away. */
export function refusedFeatures(): {
  readonly intelRdt: boolean;
  readonly netDevices: boolean;
  readonly idmap: boolean;
} {
  const refuses = (path: string) => REFUSALS.some((row) => row.path === path);
  return {
    intelRdt: refuses("linux.intelRdt"),
    netDevices: refuses("linux.netDevices"),
    idmap: refuses("mounts[].uidMappings"),
  };
}
