// Pure: no I/O in this file.
import type { RdtGroup } from "./resctrl.ts";

/** The `intel_rdt` of `events`, with runc's keys in runc's order. What the host does not have is left out. */
export interface RdtStats {
  readonly l3_cache_info?: {
    readonly cbm_mask?: string;
    readonly min_cbm_bits?: bigint;
    readonly num_closids?: bigint;
  };
  readonly l3_cache_schema_root?: string;
  readonly l3_cache_schema?: string;
  readonly mem_bw_info?: {
    readonly bandwidth_gran?: bigint;
    readonly delay_linear?: bigint;
    readonly min_bandwidth?: bigint;
    readonly num_closids?: bigint;
  };
  readonly mem_bw_schema_root?: string;
  readonly mem_bw_schema?: string;
  readonly schemata?: readonly string[];
  readonly mbm_stats?: readonly { readonly mbm_total_bytes?: bigint; readonly mbm_local_bytes?: bigint }[];
  readonly cmt_stats?: readonly { readonly llc_occupancy?: bigint }[];
}

/**
 * What a container's group says of itself.
 *
 * @param read the text of a file of resctrl; undefined where there is none
 * @param domains the directories of its monitoring data, `mon_L3_00` and so on
 */
export function rdtStats(
  group: RdtGroup,
  domains: readonly string[],
  read: (path: string) => string | undefined,
): RdtStats {
  const { root, directory, monitoring = directory } = group;
  const [atRoot, own] = [root, directory].map((path) => lines(read(`${path}/schemata`)));
  const info = (resource: string, file: string) => read(`${root}/info/${resource}/${file}`)?.trim();
  const number = (text: string | undefined) => /^\d+$/.test(text ?? "") ? BigInt(text!) : undefined;
  const figures = (resource: string, names: readonly string[]) =>
    unlessEmpty(Object.fromEntries(names.map((name) => [name, number(info(resource, name))])));
  const schema = (list: readonly string[] | undefined, name: string) =>
    list!.find((line) => line.startsWith(name));
  const counters = (names: readonly string[]) => {
    const all = domains.flatMap((domain) => {
      const count = (name: string) => number(read(`${monitoring}/mon_data/${domain}/${name}`)?.trim());
      const found = unlessEmpty(Object.fromEntries(names.map((name) => [name, count(name)])));
      return found === undefined ? [] : [found];
    });
    return all.length === 0 ? undefined : all;
  };
  const mask = info("L3", "cbm_mask");
  return unlessEmpty<unknown>({
    l3_cache_info: unlessEmpty<unknown>({
      cbm_mask: mask === "" ? undefined : mask,
      ...figures("L3", ["min_cbm_bits", "num_closids"]),
    }),
    l3_cache_schema_root: schema(atRoot, "L3"),
    l3_cache_schema: schema(own, "L3"),
    mem_bw_info: figures("MB", ["bandwidth_gran", "delay_linear", "min_bandwidth", "num_closids"]),
    mem_bw_schema_root: schema(atRoot, "MB"),
    mem_bw_schema: schema(own, "MB"),
    schemata: own!.length === 0 ? undefined : own,
    mbm_stats: counters(["mbm_total_bytes", "mbm_local_bytes"]),
    cmt_stats: counters(["llc_occupancy"]),
  }) ?? {};
}

const lines = (text = ""): string[] =>
  text.split("\n").map((line) => line.trim()).filter((line) => line !== "");

/** The fields that are there; undefined when none is. */
function unlessEmpty<V>(fields: Readonly<Record<string, V | undefined>>): Record<string, V> | undefined {
  const there = Object.entries(fields).filter((entry): entry is [string, V] => entry[1] !== undefined);
  return there.length === 0 ? undefined : Object.fromEntries(there);
}
