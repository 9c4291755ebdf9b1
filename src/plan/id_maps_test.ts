import { assertEquals } from "@std/assert";
import type { IdMapping, Linux, Mount } from "../spec/schema.ts";
import { createFrame, type CreateRequest } from "./frame.ts";
import { idMapSteps, idMapText, mapTreeSteps } from "./id_maps.ts";
import { parseMountOptions } from "../linux/mount_options.ts";
import type { Op } from "./schema.ts";

const map = (
  containerID: number,
  hostID: number,
  size: number,
): IdMapping[] => [{ containerID, hostID, size }];
const bind = (more: Partial<Mount> = {}): Mount => ({
  destination: "/a",
  source: "/s",
  options: ["bind"],
  ...more,
});

function plan(mounts: Mount[], linux: Linux = {}): { ops: Op[]; slots: [number, number][] } {
  const frame = createFrame(false);
  const steps = idMapSteps({ spec: { mounts, linux } } as unknown as CreateRequest, frame);
  const first = Math.min(...frame.idMaps.values());
  return {
    ops: steps.map(({ op }) => op),
    slots: [...frame.idMaps].map(([index, slot]) => [index, slot - first]),
  };
}

Deno.test("idMapText() has a line for each extent, as uid_map takes it", () => {
  assertEquals(idMapText([...map(0, 100_000, 65_536), ...map(70_000, 1, 2)]), "0 100000 65536\n70000 1 2\n");
  assertEquals(idMapText([]), "");
});

Deno.test("idMapSteps() makes nothing where no mount asks for a map", () => {
  assertEquals(plan([bind(), bind({ uidMappings: [], gidMappings: [] })]).ops, []);
});

Deno.test("idMapSteps() makes one namespace for all mounts with the same map", () => {
  const one = { uidMappings: map(5, 6, 7), gidMappings: map(8, 9, 10) };
  const { ops, slots } = plan([
    bind(one),
    bind(),
    bind({ uidMappings: map(5, 6, 7), gidMappings: map(0, 0, 1) }),
    bind({ ...one, options: ["rbind", "ridmap"] }),
  ]);
  assertEquals(
    ops.map((op) => op.op === "make_userns" ? [op.uidMap, op.gidMap] : op.op),
    [["5 6 7\n", "8 9 10\n"], ["5 6 7\n", "0 0 1\n"]],
  );
  assertEquals(slots, [[0, 0], [2, 1], [3, 0]]);
});

Deno.test("idMapSteps() takes the container's maps where the mount has none: made alike, or by the path joined", () => {
  const mounts = [bind({ options: ["bind", "idmap"] })];
  const linux = {
    uidMappings: map(0, 1000, 10),
    gidMappings: map(0, 2000, 10),
    namespaces: [{ type: "user" }],
  };
  const made = plan(mounts, linux).ops[0]!;
  assertEquals(made.op === "make_userns" && [made.uidMap, made.gidMap], ["0 1000 10\n", "0 2000 10\n"]);
  const joined = plan(mounts, { ...linux, namespaces: [{ type: "user", path: "/proc/7/ns/user" }] }).ops[0]!;
  assertEquals(joined.op === "open" && joined.path, "/proc/7/ns/user");
});

Deno.test("mapTreeSteps() maps the whole tree for ridmap only", () => {
  const frame = createFrame(false);
  frame.idMaps.set(3, 9);
  const of = (...options: string[]) => {
    const mount = bind({
      options: ["rbind", ...options],
      uidMappings: map(0, 1, 1),
      gidMappings: map(0, 1, 1),
    });
    const { op } = mapTreeSteps(mount, 3, parseMountOptions(mount.options!), 5, frame)[0]!;
    return op.op === "mount_setattr" ? [op.slot, op.userns, op.recursive] : [];
  };
  assertEquals([of("ridmap"), of("idmap"), of()], [[5, 9, 1], [5, 9, 0], [5, 9, 0]]);
  assertEquals(mapTreeSteps(bind(), 0, parseMountOptions(["bind"]), 5, frame), []);
});
