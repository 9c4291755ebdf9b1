import type { Issues } from "./issues.ts";
import { NO_ID } from "./process_rules.ts";
import type { Device, Resources } from "./schema.ts";

/** A device number has 12 bits of major and 20 of minor; more would be cut off and name another device. */
const LARGEST = { major: 0xfff, minor: 0xfffff } as const;

const NUMBERS = ["major", "minor"] as const;

/** Nodes that are made (config-linux.md "Devices"). */
export function checkDevices(devices: readonly Device[], issues: Issues): void {
  devices.forEach((device, index) => {
    const { type, path, uid, gid } = device;
    const place = `linux.devices[${index}]`;
    if (!["c", "b", "u", "p"].includes(type)) {
      issues.error(`${place}.type`, `invalid device type ${JSON.stringify(type)}`);
    }
    if (!path.startsWith("/")) issues.error(`${place}.path`, "must be an absolute path");
    if (uid === NO_ID || gid === NO_ID) issues.error(place, `${NO_ID} is no uid and no gid`);
    if (type === "p") return;
    if (device.major === undefined || device.minor === undefined) {
      issues.error(place, "major and minor must be given for a device");
    }
    for (const name of NUMBERS) {
      const number = device[name] ?? 0;
      if (number < 0 || number > LARGEST[name]) {
        issues.error(`${place}.${name}`, `must be from 0 to ${LARGEST[name]}, got ${number}`);
      }
    }
  });
}

/** What the container may do with devices (config-linux.md "Allowed Device list"). -1 stands for every number. */
export function checkDeviceRules(
  rules: NonNullable<Resources["devices"]>,
  path: string,
  issues: Issues,
): void {
  for (let i = 0; i < rules.length; i++) {
    const { type = "", access = "" } = rules[i]!;
    const place = `${path}[${i}]`;
    if (!["a", "b", "c", ""].includes(type)) {
      issues.error(`${place}.type`, `invalid cgroup device type ${JSON.stringify(type)}`);
    }
    if (access === "") issues.error(`${place}.access`, `device access at ${i} field cannot be empty`);
    else if (!/[rwm]/.test(access)) {
      issues.error(`${place}.access`, `invalid access ${JSON.stringify(access)}`);
    } else if (!/^[rwm]+$/.test(access)) {
      // As in runc, which goes by the letters it knows.
      issues.warn(
        `${place}.access`,
        `letters other than r, w and m mean nothing in ${JSON.stringify(access)}`,
      );
    }
    for (const name of NUMBERS) {
      const number = rules[i]![name] ?? -1;
      if (number < -1 || number > 0xffffffff) {
        issues.error(`${place}.${name}`, `must be from -1 to ${0xffffffff}, got ${number}`);
      }
    }
  }
}
