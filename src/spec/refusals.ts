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
  { path: "linux.mountLabel", asks: ({ linux }) => (linux?.mountLabel ?? "") !== "" },
];

/**
 * The fields a document asks for that this build does not carry out, by name: what is not carried out is refused,
 * never ignored.
 */
export function refusalsOf(spec: Spec): SpecIssue[] {
  const issues = REFUSALS.filter(({ asks }) => asks(spec)).map(({ path }) => refused(path));
  (spec.mounts ?? []).forEach((mount, index) => {
    if (mount.uidMappings !== undefined || mount.gidMappings !== undefined) {
      issues.push(refused(`mounts[${index}].uidMappings`));
    }
    if (mount.options?.some((option) => option === "idmap" || option === "ridmap")) {
      issues.push(refused(`mounts[${index}].options`));
    }
  });
  return issues;
}

const refused = (path: string): SpecIssue => ({ path, message: "is not carried out by this build of dunc" });
