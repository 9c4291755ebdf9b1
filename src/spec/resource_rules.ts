import { checkDeviceRules } from "./device_rules.ts";
import type { Issues } from "./issues.ts";
import type { Resources } from "./schema.ts";

/**
 * What resources must be whatever the cgroup layout, of config.json or of `update --resources`. What depends on the
 * layout (swap, unified, weights) is told where the writes are made: src/cgroup/limits.ts.
 */
export function checkResources(resources: Resources, path: string, issues: Issues): void {
  if (resources.devices !== undefined) checkDeviceRules(resources.devices, `${path}.devices`, issues);
  resources.hugepageLimits?.forEach(({ pageSize }, index) => {
    // It becomes a part of a file's name.
    if (/^[1-9]\d*[KMG]B$/.test(pageSize)) return;
    issues.error(
      `${path}.hugepageLimits[${index}].pageSize`,
      `must be like 64KB, 2MB or 1GB, got ${JSON.stringify(pageSize)}`,
    );
  });
  const { memory } = resources;
  if (memory?.kernel !== undefined || memory?.kernelTCP !== undefined) {
    issues.warn(`${path}.memory`, "Kernel memory settings are ignored and will be removed");
  }
}
