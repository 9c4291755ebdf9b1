/** Documents with one mistake each: all of them are told, by their place, and nothing else is thrown. */
import { assert, assertEquals } from "@std/assert";
import { type Origin, originText, SpecError, type SpecIssue } from "../errors.ts";
import { parseProcess, parseResources, parseSpec } from "./parse.ts";
import { defaultDocument } from "./testing.ts";
import { generator, mutantOf, placesOf, SEEDS } from "./mutants_testing.ts";
import { validateSpec } from "./validate.ts";

const MUTANTS = 2000;

const lies = (path: string, below: string): boolean =>
  path === below || path.startsWith(`${below}.`) || path.startsWith(`${below}[`);

/** Rules that hold between sections: where one is changed, the fault may show in the other. */
const RELATED: Readonly<Record<string, readonly string[]>> = {
  "linux.namespaces": ["hostname", "domainname", "linux", "mounts", "process.user"],
  "linux.uidMappings": ["process.user"],
  "linux.gidMappings": ["process.user"],
  linux: ["hostname", "domainname", "mounts"],
};

/** Whether an issue is about a place: it stands there, around it, or in what the rule of the place is about. */
function isAbout({ path }: SpecIssue, place: Origin, meaning: boolean): boolean {
  const text = originText(place);
  if (lies(path, text) || lies(text, path)) return true;
  if (!meaning) return false;
  const related = Object.entries(RELATED).filter(([from]) => lies(text, from)).flatMap(([, to]) => to);
  if (related.some((section) => lies(path, section))) return true;
  // Fields of one object have rules with each other: soft and hard, policy and priority, type and options.
  return place.slice(0, -1).some((_, length) =>
    length >= 1 && lies(path, originText(place.slice(0, length + 1)))
  );
}

/** What is said about a document: its types first, then what it means. */
function faultsOf(text: string): { readonly issues: readonly SpecIssue[]; readonly meaning: boolean } {
  try {
    const spec = parseSpec(text);
    const { errors } = validateSpec(spec);
    validateSpec(spec, { ordinaryUser: true });
    return { issues: errors, meaning: true };
  } catch (error) {
    if (error instanceof SpecError) return { issues: error.issues, meaning: false };
    throw new Error(`uncaught for ${text}`, { cause: error });
  }
}

Deno.test("every seed of the mutants is a good document", () => {
  for (const [index, change] of SEEDS.entries()) {
    const document = defaultDocument();
    change(document);
    assertEquals(faultsOf(JSON.stringify(document)).issues, [], `seed ${index}`);
  }
});

Deno.test(`${MUTANTS} documents with one mistake: each fault names the place, and nothing else is thrown`, () => {
  const below = generator(20_261_127);
  const seeds = SEEDS.map((change) => {
    const document = defaultDocument();
    change(document);
    return { seed: JSON.stringify(document), places: placesOf(document) };
  });
  let rejected = 0;
  for (let index = 0; index < MUTANTS; index++) {
    const { seed, places } = seeds[index % seeds.length]!;
    const { text, place } = mutantOf(seed, places, below);
    const { issues, meaning } = faultsOf(text);
    if (issues.length > 0) rejected++;
    for (const issue of issues) {
      assert(
        isAbout(issue, place, meaning),
        `${originText(place)} was changed, but: ${issue.path}: ${issue.message}\n${text}`,
      );
    }
  }
  // Values of another type are most of them; some, such as an empty list, are as good as the old ones.
  assert(rejected > MUTANTS / 2 && rejected < MUTANTS, `${rejected} of ${MUTANTS} rejected`);
});

Deno.test("a process and resources with one mistake are told in the same way", () => {
  const below = generator(1);
  for (const [section, read] of [["process", parseProcess], ["resources", parseResources]] as const) {
    const whole = defaultDocument();
    SEEDS[section === "process" ? 1 : 6]!(whole);
    const document = section === "process" ? whole.process : whole.linux.resources;
    const places = placesOf(document);
    for (let index = 0; index < 300; index++) {
      const { text, place } = mutantOf(JSON.stringify(document), places, below);
      try {
        read(text);
      } catch (error) {
        if (!(error instanceof SpecError)) throw new Error(`uncaught for ${text}`, { cause: error });
        for (const issue of error.issues) assert(isAbout(issue, place, false), `${issue.path} in ${text}`);
      }
    }
  }
});
