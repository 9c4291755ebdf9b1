import { assertEquals } from "@std/assert";
import { defaultSpec } from "../spec/defaults.ts";
import type { Mount, Spec } from "../spec/schema.ts";
import { delegatedUser } from "./resources.ts";

const TREE: Mount = {
  destination: "/sys/fs/cgroup",
  type: "cgroup",
  source: "cgroup",
  options: ["nosuid", "rw"],
};

function spec(
  namespaces: readonly string[],
  mount: Mount | undefined,
  uid = 0,
  uidMappings = [{ containerID: 0, hostID: 100_000, size: 1000 }],
): Spec {
  const plain: Spec = defaultSpec({ cgroup2: true });
  return {
    ...plain,
    process: { ...plain.process!, user: { uid, gid: 0 } },
    mounts: mount === undefined ? [] : [mount],
    linux: { ...plain.linux!, uidMappings, namespaces: namespaces.map((type) => ({ type })) },
  };
}

Deno.test("delegatedUser() gives the group to the host's id of the process's user", () => {
  assertEquals(delegatedUser(spec(["user", "cgroup"], TREE)), 100_000);
  assertEquals(delegatedUser(spec(["user", "cgroup"], TREE, 7)), 100_007);
  assertEquals(delegatedUser(spec(["cgroup"], TREE, 1000, [])), 1000);
  assertEquals(delegatedUser(spec(["user", "cgroup"], { ...TREE, destination: "/sys/fs/cgroup/" })), 100_000);
});

Deno.test("delegatedUser() gives nothing to who could not use it, or has no id on the host", () => {
  assertEquals(delegatedUser(spec(["user"], TREE)), undefined);
  assertEquals(delegatedUser(spec(["user", "cgroup"], undefined)), undefined);
  assertEquals(delegatedUser(spec(["user", "cgroup"], { ...TREE, options: ["rw", "ro"] })), undefined);
  assertEquals(delegatedUser(spec(["user", "cgroup"], { ...TREE, destination: "/cgroup" })), undefined);
  assertEquals(delegatedUser(spec(["user", "cgroup"], TREE, 1000)), undefined);
  assertEquals(delegatedUser(spec(["cgroup"], TREE)), undefined);
});
