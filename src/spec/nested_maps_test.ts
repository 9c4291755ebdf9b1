import { assertEquals } from "@std/assert";
import { nestMaps } from "./nested_maps.ts";

const single = (containerID: number, hostID: number) => [{ containerID, hostID, size: 1 }];
const user = (uid: number, gid: number) => ({ user: { uid, gid } });
const of = (uidMappings: ReturnType<typeof single>, gidMappings: ReturnType<typeof single>) => ({
  uidMappings,
  gidMappings,
});

Deno.test("one user namespace does where root is mapped and the process is", () => {
  const maps = of(single(0, 1000), single(0, 100));
  assertEquals(nestMaps(maps, user(0, 0), true), { outer: maps, inner: undefined });
  const range = of([{ containerID: 0, hostID: 1000, size: 10 }], single(0, 100));
  assertEquals(nestMaps(range, user(9, 0), true).inner, undefined);
  // It is no remedy for an id beyond a range, nor is root given one.
  assertEquals(nestMaps(range, user(10, 0), true).inner, undefined);
  assertEquals(nestMaps(maps, user(7, 7), false), { outer: maps, inner: undefined });
});

Deno.test("the only id may be another user in a namespace below, whose root it is above", () => {
  const maps = of(single(0, 1000), single(0, 100));
  assertEquals(nestMaps(maps, user(7, 8), true), { outer: maps, inner: of(single(7, 0), single(8, 0)) });
  assertEquals(nestMaps(maps, user(7, 0), true).inner, of(single(7, 0), single(0, 0)));
});

Deno.test("a document that maps no root gets one above, and its own maps below", () => {
  const maps = of(
    [{ containerID: 500, hostID: 1000, size: 1 }, { containerID: 600, hostID: 100_000, size: 50 }],
    single(0, 100),
  );
  assertEquals(nestMaps(maps, user(500, 0), true), {
    outer: of(
      [{ containerID: 0, hostID: 1000, size: 1 }, { containerID: 1, hostID: 100_000, size: 50 }],
      single(0, 100),
    ),
    inner: of(
      [{ containerID: 500, hostID: 0, size: 1 }, { containerID: 600, hostID: 1, size: 50 }],
      single(0, 0),
    ),
  });
});
