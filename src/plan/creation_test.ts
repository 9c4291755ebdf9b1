import { assertEquals } from "@std/assert";
import { EBADF, EBUSY, ENOENT } from "../linux/constants.gen.ts";
import { creationPlans, type CreationRequest } from "./creation.ts";
import { encodePlan } from "./encode.ts";
import { CREATION_OPS } from "./schema.ts";

const request: CreationRequest = {
  id: "c1",
  creating: "{1}",
  created: "{2}",
  config: "{}",
  verbs: new Uint8Array(16),
  groups: [
    { directory: "/cg/cpuset/c1", inherited: ["cpuset.cpus"] },
    {
      directory: "/cg/freezer/c1",
      inherited: [],
      freezer: { path: "/cg/freezer/c1/freezer.state", word: "FR" },
    },
  ],
  writes: [{ path: "/cg/pids/c1/pids.max", text: "5", origin: ["linux", "resources"], tolerate: [ENOENT] }],
  files: ["plans", "state.json"],
};

const names = (steps: readonly { readonly op: { readonly op: string } }[]) => steps.map(({ op }) => op.op);

Deno.test("creationPlans() makes the folder first, then groups, then limits", () => {
  assertEquals(names(creationPlans(request).before.steps), [
    "make_directory",
    "open",
    "write_file",
    "open",
    "flock",
    "write_file",
    "rename",
    "write_file",
    "make_directory",
    "make_directory",
    "require_thawed",
    "copy_text",
    "write_file",
  ]);
});

Deno.test("creationPlans() takes back exactly the groups that were made when a step fails", () => {
  const { before, undo, skips } = creationPlans(request);
  const removedAfter = (failed: number) =>
    undo.steps.slice(skips[failed]).map(({ op }) => op.op === "remove_directory" ? op.path : undefined)
      .filter((path) => path !== undefined);
  assertEquals(skips.length, before.steps.length);
  assertEquals(removedAfter(3), ["c1"]);
  assertEquals(removedAfter(8), ["c1"], "the first group could not be made");
  assertEquals(removedAfter(9), ["/cg/cpuset/c1", "c1"], "the second could not");
  assertEquals(removedAfter(10), ["/cg/freezer/c1", "/cg/cpuset/c1", "c1"]);
  assertEquals(removedAfter(12), ["/cg/freezer/c1", "/cg/cpuset/c1", "c1"]);
});

Deno.test("creationPlans() undoes what is there and passes over what is not", () => {
  for (const { op, tolerate } of creationPlans(request).undo.steps.slice(0, -1)) {
    assertEquals(tolerate, op.op === "unlink" ? [ENOENT, EBADF] : [ENOENT, EBUSY]);
  }
});

Deno.test("creationPlans() uses only operations that the first stage may carry out for a creation", () => {
  const { before, undo, after } = creationPlans(request);
  for (const plan of [before, undo, after]) {
    assertEquals(plan.steps.filter(({ op }) => !CREATION_OPS.includes(op.op)), []);
    encodePlan(plan);
  }
});
