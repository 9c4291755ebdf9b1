import { assertEquals } from "@std/assert";
import type { Spec } from "../spec/schema.ts";
import { createFrame, type CreateRequest } from "./frame.ts";
import { namespacesOf } from "./namespaces.ts";
import { joinedDeviceSteps, movePlan, type NetDevice, newDeviceSteps, restorePlan } from "./net_devices.ts";
import type { Step } from "./plan.ts";

const address = new Uint8Array(48).fill(1);
const DEVICES: NetDevice[] = [
  { host: "veth0", name: "eth0", transit: "dunc0", up: true, addresses: [address, address] },
  { host: "veth1", name: "eth%d", transit: "dunc1", up: false, addresses: [] },
];

function steps(path: string | undefined, netDevices = DEVICES): { joined: Step[]; created: Step[] } {
  const spec: Spec = {
    linux: { namespaces: [{ type: "network", ...(path === undefined ? {} : { path }) }] },
  };
  const request = { spec, netDevices } as unknown as CreateRequest;
  const namespaces = namespacesOf(spec);
  return {
    joined: joinedDeviceSteps(request, createFrame(false), namespaces),
    created: newDeviceSteps(request, createFrame(false), namespaces),
  };
}

/** What a step does, in a word or three; addresses and names are told apart by the message's type. */
function told({ op }: Step): string {
  switch (op.op) {
    case "netlink":
      return `${op.device} ${op.message === address ? "address" : op.netns === null ? "settle" : "move"}`;
    case "absent_link":
      return `absent ${op.name}`;
    case "open":
      return `open ${op.path}`;
    default:
      return op.op;
  }
}

const SETTLED = ["dunc0 address", "dunc0 address", "dunc0 settle", "dunc1 settle"];

Deno.test("devices for a new namespace are moved by the runtime, between the look at the names and the addresses", () => {
  const { joined, created } = steps(undefined);
  assertEquals(joined, []);
  assertEquals(created.map(told), ["netlink_socket", "absent eth0", "sync", ...SETTLED, "close"]);
  assertEquals(movePlan(DEVICES, 7).steps.map(told), [
    "open /proc/7/ns/net",
    "netlink_socket",
    "veth0 move",
    "veth1 move",
  ]);
});

Deno.test("devices for a namespace that is joined are moved before the clone, by one socket on each side", () => {
  const { joined, created } = steps("/run/netns/a");
  assertEquals(created, []);
  assertEquals(joined.map(told), [
    "open /proc/self/ns/net",
    "netlink_socket",
    "open /run/netns/a",
    "setns",
    "netlink_socket",
    "setns",
    "absent eth0",
    "veth0 move",
    "veth1 move",
    ...SETTLED,
  ]);
  const [outside, inside] = joined.flatMap(({ op }) => op.op === "netlink_socket" ? [op.slot] : []);
  for (const { op } of joined) {
    if (op.op === "netlink") assertEquals(op.socket, op.netns === null ? inside : outside);
    if (op.op === "absent_link") assertEquals(op.socket, inside);
  }
});

Deno.test("restorePlan() passes over a device that is outside, and takes no other one for it", () => {
  const { steps } = restorePlan(DEVICES);
  assertEquals(steps.map(told), [
    "open /proc/self/ns/net",
    "netlink_socket",
    "setns",
    "netlink_socket",
    "absent veth0",
    "absent dunc0",
    "eth0 move",
    "dunc0 move",
    "veth0 address",
    "veth0 address",
    "veth0 settle",
    "absent veth1",
    // The name by a template is not known, and what was down stays so.
    "dunc1 move",
  ]);
  assertEquals([steps[4]!.skip, steps[5]!.skip, steps[11]!.skip], [6, 1, 1]);
});

Deno.test("without devices there is nothing to do, and nothing to wait for", () => {
  assertEquals(steps(undefined, []), { joined: [], created: [] });
  assertEquals(steps("/run/netns/a", []), { joined: [], created: [] });
});
