import { close, openForReading, queryNetlink, runPlan, waitExit } from "../../ffi/stub.ts";
import { ContainerError, originText, SpecError } from "../errors.ts";
import { reportToError } from "../launch/report.ts";
import { spawnPlan } from "../launch/spawn.ts";
import { addressQuery, lastingAddresses, type Link, linkOf, linkQuery } from "../linux/netlink.ts";
import { encodePlan } from "../plan/encode.ts";
import { movePlan, type NetDevice, restorePlan } from "../plan/net_devices.ts";
import { namespacesOf } from "../plan/namespaces.ts";
import { WORDS } from "../plan/schema.ts";
import type { Spec } from "../spec/schema.ts";

/**
 * What is known of the devices of `linux.netDevices` before anything is made: that they are there, and the addresses
 * that go with them. `key`, of hexadecimal digits, makes their names on the way unique.
 *
 * Throws SpecError for a namespace that is our own, ContainerError for a device that is not there.
 */
export function netDevicesOf(spec: Spec, key: string): NetDevice[] {
  const joined = namespacesOf(spec).joined.find(({ type }) => type === "network");
  if (joined !== undefined && isOurs(joined.path)) {
    const message = "unable to move network devices without a private NET namespace";
    throw new SpecError([{ path: "linux.netDevices", message }]);
  }
  const addresses = queryNetlink(addressQuery(), "list network addresses");
  return Object.entries(spec.linux?.netDevices ?? {}).map(([host, { name = "" }], number) => {
    const { index, up } = find(host);
    return {
      host,
      name: name === "" ? host : name,
      transit: `dunc${key.slice(0, 8)}${number}`,
      up,
      addresses: lastingAddresses(addresses, index),
    };
  });
}

function isOurs(path: string): boolean {
  try {
    const [theirs, ours] = [Deno.statSync(path), Deno.statSync("/proc/self/ns/net")];
    return theirs.ino === ours.ino && theirs.dev === ours.dev;
  } catch {
    // The plan opens it, and tells.
    return false;
  }
}

function find(host: string): Link {
  const operation = `link not found for interface ${host} on runtime namespace`;
  try {
    const link = linkOf(queryNetlink(linkQuery(host), operation));
    if (link !== undefined) return link;
  } catch (error) {
    if (!(error instanceof ContainerError)) throw error;
    const { errno } = error.detail;
    throw new ContainerError(operation, { place: originText(["linux", "netDevices", host]), errno });
  }
  throw new ContainerError(operation);
}

/** The devices of a container that is being made. */
export interface DeviceMover {
  /** Move them into the network namespace of the container's process. Throws ContainerError naming the device. */
  readonly move: (pid: number) => void;
  /** Bring back what has been moved: the creation has failed. Throws ContainerError when that cannot be. */
  readonly restore: () => void;
  readonly close: () => void;
}

/** Undefined for a container without devices. What is held is the namespace: it must not end before they are back. */
export function deviceMover(spec: Spec, devices: readonly NetDevice[]): DeviceMover | undefined {
  if (devices.length === 0) return undefined;
  const joined = namespacesOf(spec).joined.find(({ type }) => type === "network");
  // A negative number where it cannot be opened: nothing can have been moved there.
  let netns = joined === undefined ? -1 : openForReading(joined.path);
  return {
    move(pid) {
      netns = openForReading(`/proc/${pid}/ns/net`);
      moveDevices(devices, pid);
    },
    restore() {
      if (netns >= 0) restoreDevices(devices, netns);
    },
    close() {
      if (netns >= 0) close(netns);
    },
  };
}

function moveDevices(devices: readonly NetDevice[], pid: number): void {
  const plan = movePlan(devices, pid);
  const { errno, opIndex, text, slots } = runPlan(encodePlan(plan), plan.slots.length, []);
  for (const fd of slots) if (fd >= 0) close(fd);
  if (errno !== 0) throw reportToError({ word: WORDS.failed, opIndex, errno, value: 0, text }, plan);
}

/** By an init of its own: the runtime has several threads, and joins no namespace. */
function restoreDevices(devices: readonly NetDevice[], netns: number): void {
  const { pidfd, socket } = spawnPlan(restorePlan(devices), { given: [netns], preserveFds: 0 });
  close(socket);
  const ended = waitExit(pidfd, { wait: true, reap: true });
  close(pidfd);
  if (ended?.code !== 0) {
    throw new ContainerError("bring network devices back", { place: "linux.netDevices" });
  }
}
