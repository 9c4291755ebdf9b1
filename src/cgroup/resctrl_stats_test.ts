import { assertEquals } from "@std/assert";
import type { RdtGroup } from "./resctrl.ts";
import { rdtStats } from "./resctrl_stats.ts";

const GROUP: RdtGroup = { root: "/r", directory: "/r/c1", made: true, shared: false };

const FILES: Record<string, string> = {
  "/r/schemata": "    MB:0=100;1=100\n    L3:0=fffff;1=fffff\n",
  "/r/c1/schemata": "    MB:0=20;1=70\n    L3:0=0007f;1=fffff\n",
  "/r/info/L3/cbm_mask": "fffff\n",
  "/r/info/L3/min_cbm_bits": "1\n",
  "/r/info/L3/num_closids": "16\n",
  "/r/info/MB/bandwidth_gran": "10\n",
  "/r/info/MB/delay_linear": "1\n",
  "/r/info/MB/min_bandwidth": "10\n",
  "/r/info/MB/num_closids": "8\n",
  "/r/c1/mon_data/mon_L3_00/llc_occupancy": "5\n",
  "/r/c1/mon_data/mon_L3_00/mbm_total_bytes": "18446744073709551615\n",
  "/r/c1/mon_data/mon_L3_00/mbm_local_bytes": "7\n",
  "/r/c1/mon_data/mon_L3_01/mbm_total_bytes": "Unavailable\n",
  "/r/c1/mon_groups/c1/mon_data/mon_L3_00/llc_occupancy": "3\n",
};

const read = (path: string): string | undefined => FILES[path];

Deno.test("rdtStats() tells what the host can and what the group has, under runc's keys", () => {
  const stats = rdtStats(GROUP, ["mon_L3_00", "mon_L3_01"], read);
  assertEquals<unknown>(stats, {
    l3_cache_info: { cbm_mask: "fffff", min_cbm_bits: 1n, num_closids: 16n },
    l3_cache_schema_root: "L3:0=fffff;1=fffff",
    l3_cache_schema: "L3:0=0007f;1=fffff",
    mem_bw_info: { bandwidth_gran: 10n, delay_linear: 1n, min_bandwidth: 10n, num_closids: 8n },
    mem_bw_schema_root: "MB:0=100;1=100",
    mem_bw_schema: "MB:0=20;1=70",
    schemata: ["MB:0=20;1=70", "L3:0=0007f;1=fffff"],
    // A counter that the hardware has no room for says `Unavailable`.
    mbm_stats: [{ mbm_total_bytes: 18446744073709551615n, mbm_local_bytes: 7n }],
    cmt_stats: [{ llc_occupancy: 5n }],
  });
  assertEquals(Object.keys(stats)[0], "l3_cache_info");
});

Deno.test("a monitoring group of the container's own has the counters", () => {
  const monitored = { ...GROUP, monitoring: "/r/c1/mon_groups/c1" };
  assertEquals(rdtStats(monitored, ["mon_L3_00"], read).cmt_stats, [{ llc_occupancy: 3n }]);
});

Deno.test("what the host does not have is left out, down to nothing", () => {
  assertEquals(rdtStats(GROUP, [], () => undefined), {});
  assertEquals(rdtStats(GROUP, [], (path) => path.endsWith("/schemata") ? "MB:0=1\n" : undefined), {
    mem_bw_schema_root: "MB:0=1",
    mem_bw_schema: "MB:0=1",
    schemata: ["MB:0=1"],
  });
});
