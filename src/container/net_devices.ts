import { close, queryNetlink, runPlan } from "../../ffi/stub.ts";
import { ContainerError, originText, SpecError } from "../errors.ts";
import { reportToError } from "../launch/report.ts";
import { addressQuery, lastingAddresses, linkIndex, linkQuery } from "../linux/netlink.ts";
import { encodePlan } from "../plan/encode.ts";
import { movePlan, type NetDevice } from "../plan/net_devices.ts";
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
  return Object.entries(spec.linux?.netDevices ?? {}).map(([host, { name = "" }], index) => ({
    host,
    name: name === "" ? host : name,
    transit: `dunc${key.slice(0, 8)}${index}`,
    addresses: lastingAddresses(addresses, indexOf(host)),
  }));
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

function indexOf(host: string): number {
  const operation = `link not found for interface ${host} on runtime namespace`;
  try {
    const index = linkIndex(queryNetlink(linkQuery(host), operation));
    if (index !== undefined) return index;
  } catch (error) {
    if (!(error instanceof ContainerError)) throw error;
    const { errno } = error.detail;
    throw new ContainerError(operation, { place: originText(["linux", "netDevices", host]), errno });
  }
  throw new ContainerError(operation);
}

/** Move the devices into the network namespace of the container's process. Throws ContainerError naming the device. */
export function moveDevices(devices: readonly NetDevice[], pid: number): void {
  const plan = movePlan(devices, pid);
  const { errno, opIndex, text, slots } = runPlan(encodePlan(plan), plan.slots.length, []);
  for (const fd of slots) if (fd >= 0) close(fd);
  if (errno !== 0) throw reportToError({ word: WORDS.failed, opIndex, errno, value: 0, text }, plan);
}
