import type { Origin } from "../errors.ts";
import { CLONE_NEWNET, EEXIST, ENODEV, O_RDONLY } from "../linux/constants.gen.ts";
import { renameMessage } from "../linux/netlink.ts";
import { type CreateRequest, type Frame, step } from "./frame.ts";
import type { Namespaces } from "./namespaces.ts";
import type { Plan, Step } from "./plan.ts";
import { WORDS } from "./schema.ts";

/** A network device that the container gets (config-linux.md "Network Devices"). */
export interface NetDevice {
  /** Its name outside. */
  readonly host: string;
  /** Its name inside, or a template with `%d`. */
  readonly name: string;
  /** A name that no device has, for the way: inside, a device may have the old name, outside the new one. */
  readonly transit: string;
  /** It was set up outside. */
  readonly up: boolean;
  /** The messages that add its addresses again. */
  readonly addresses: readonly Uint8Array<ArrayBuffer>[];
}

const origin = ({ host }: NetDevice): Origin => ["linux", "netDevices", host];

/**
 * A network namespace that is joined: everything is done before, by the first stage, which may do everything in both.
 * The sockets stay in the namespaces that they were made in.
 */
export function joinedDeviceSteps(
  { netDevices = [] }: CreateRequest,
  frame: Frame,
  namespaces: Namespaces,
): Step[] {
  const joined = namespaces.joined.find(({ flag }) => flag === CLONE_NEWNET);
  if (netDevices.length === 0 || joined === undefined) return [];
  const make = (name: string) => frame.slots.make(name);
  const [own, outside, netns, inside] = [
    make("own network namespace"),
    make("rtnetlink outside"),
    make(`namespace ${joined.path}`),
    make("rtnetlink inside"),
  ];
  const open = (slot: number, path: string, origin: Origin) =>
    step({ op: "open", slot, root: null, path, flags: O_RDONLY, resolve: 0 }, origin);
  return [
    open(own, "/proc/self/ns/net", DEVICES),
    step({ op: "netlink_socket", slot: outside }, DEVICES),
    open(netns, joined.path, joined.origin),
    step({ op: "setns", slot: netns, flags: CLONE_NEWNET }, joined.origin),
    step({ op: "netlink_socket", slot: inside }, DEVICES),
    step({ op: "setns", slot: own, flags: CLONE_NEWNET }, DEVICES),
    ...freeNameSteps(netDevices, inside),
    ...moveSteps(netDevices, outside, netns),
    ...settleSteps(netDevices, inside),
  ];
}

const DEVICES: Origin = ["linux", "netDevices"];

/**
 * A new network namespace: there is none before the clone, and the container's root may do nothing outside. So the
 * runtime moves the devices in (`movePlan`) while the container's process waits, and that one settles them.
 */
export function newDeviceSteps(
  { netDevices = [] }: CreateRequest,
  frame: Frame,
  namespaces: Namespaces,
): Step[] {
  if (netDevices.length === 0 || !namespaces.isNew("network")) return [];
  const inside = frame.slots.make("rtnetlink");
  return [
    step({ op: "netlink_socket", slot: inside }, DEVICES),
    ...freeNameSteps(netDevices, inside),
    step({ op: "sync", word: WORDS.devices }, DEVICES),
    ...settleSteps(netDevices, inside),
    step({ op: "close", slot: inside }, DEVICES),
  ];
}

/** What the runtime does meanwhile: move the devices into the namespace of a process. */
export function movePlan(netDevices: readonly NetDevice[], pid: number): Plan {
  const [netns, outside] = [0, 1];
  const path = `/proc/${pid}/ns/net`;
  return {
    steps: [
      step({ op: "open", slot: netns, root: null, path, flags: O_RDONLY, resolve: 0 }, DEVICES),
      step({ op: "netlink_socket", slot: outside }, DEVICES),
      ...moveSteps(netDevices, outside, netns),
    ],
    slots: ["network namespace", "rtnetlink"],
    given: 0,
  };
}

/**
 * After a creation that failed: bring the devices back that have been moved. The first slot is given, the namespace
 * they are in. One whose name inside the kernel has chosen already (`%d`) cannot be told from others, and stays.
 */
export function restorePlan(netDevices: readonly NetDevice[]): Plan {
  const [netns, own, outside, inside] = [0, 1, 2, 3];
  const path = "/proc/self/ns/net";
  return {
    steps: [
      step({ op: "open", slot: own, root: null, path, flags: O_RDONLY, resolve: 0 }, DEVICES),
      step({ op: "netlink_socket", slot: outside }, DEVICES),
      step({ op: "setns", slot: netns, flags: CLONE_NEWNET }, DEVICES),
      step({ op: "netlink_socket", slot: inside }, DEVICES),
      ...netDevices.flatMap((device) => restoreSteps(device, { outside, inside, own })),
    ],
    slots: ["namespace inside", "own network namespace", "rtnetlink outside", "rtnetlink inside"],
    given: 1,
  };
}

function restoreSteps(
  device: NetDevice,
  { outside, inside, own }: Readonly<Record<"outside" | "inside" | "own", number>>,
): Step[] {
  const { host, name, transit, addresses, up } = device;
  const place = origin(device);
  const back = (device: string) => {
    const message = renameMessage(host, false);
    return step({ op: "netlink", socket: inside, device, message, netns: own }, place, {
      tolerate: [ENODEV],
    });
  };
  const settle = (message: Uint8Array<ArrayBuffer>) =>
    step({ op: "netlink", socket: outside, device: host, message, netns: null }, place, {
      tolerate: [EEXIST],
    });
  const steps = [
    // While it is still on its way another device may have the name.
    ...(name.includes("%") ? [] : [
      step({ op: "absent_link", socket: inside, name: transit }, place, { tolerate: [EEXIST], skip: 1 }),
      back(name),
    ]),
    back(transit),
    ...addresses.map(settle),
    ...(up ? [settle(renameMessage(host, true))] : []),
  ];
  // One that is outside has not been moved.
  const moved = step({ op: "absent_link", socket: outside, name: host }, place, {
    tolerate: [EEXIST],
    skip: steps.length,
  });
  return [moved, ...steps];
}

/** Before anything is moved: a name that is taken inside is an error. The kernel finds one for a template. */
function freeNameSteps(devices: readonly NetDevice[], socket: number): Step[] {
  return devices.filter(({ name }) => !name.includes("%"))
    .map((device) => step({ op: "absent_link", socket, name: device.name }, origin(device)));
}

function moveSteps(devices: readonly NetDevice[], socket: number, netns: number): Step[] {
  return devices.map((device) =>
    step({
      op: "netlink",
      socket,
      device: device.host,
      message: renameMessage(device.transit, false),
      netns,
    }, origin(device))
  );
}

/** The addresses, which the move took away, then the name, then up: an address added later could miss its route. */
function settleSteps(devices: readonly NetDevice[], socket: number): Step[] {
  return devices.flatMap((device) =>
    [...device.addresses, renameMessage(device.name, true)].map((message) =>
      step({ op: "netlink", socket, device: device.transit, message, netns: null }, origin(device))
    )
  );
}
