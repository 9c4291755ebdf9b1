// Pure: no I/O in this file.
import type { Pressure, PressureStats } from "./stats_data.ts";
import type { Usage } from "./usage.ts";

interface Metric {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  /** Samples of one container: further labels and the value, as written. */
  readonly samples: (usage: Usage) => readonly Sample[];
}

type Sample = readonly [labels: Readonly<Record<string, string>>, value: string];

const METRICS: readonly Metric[] = [
  {
    name: "cpu_usage_seconds_total",
    type: "counter",
    help: "CPU time used.",
    samples: ({ cpuTotalNs }) => one(fraction(cpuTotalNs, 9)),
  },
  {
    name: "cpu_throttled_seconds_total",
    type: "counter",
    help: "Time in which a CPU quota held it back.",
    samples: ({ throttledNs }) => one(fraction(throttledNs, 9)),
  },
  {
    name: "memory_usage_bytes",
    type: "gauge",
    help: "Memory without inactive page cache.",
    samples: ({ memory }) => one(`${memory}`),
  },
  {
    name: "memory_charged_bytes",
    type: "gauge",
    help: "Memory that counts against the limit.",
    samples: ({ memoryCharged }) => one(`${memoryCharged}`),
  },
  {
    name: "memory_limit_bytes",
    type: "gauge",
    help: "Memory limit; left out without one.",
    samples: ({ memoryLimit }) => memoryLimit === undefined ? [] : one(`${memoryLimit}`),
  },
  {
    name: "oom_kills_total",
    type: "counter",
    help: "Processes killed for want of memory.",
    samples: ({ oomKills }) => one(`${oomKills}`),
  },
  {
    name: "pids",
    type: "gauge",
    help: "Processes and threads.",
    samples: ({ pids }) => one(`${pids}`),
  },
  {
    name: "pids_limit",
    type: "gauge",
    help: "Most processes and threads; left out without a limit.",
    samples: ({ pidsLimit }) => pidsLimit === undefined ? [] : one(`${pidsLimit}`),
  },
  {
    name: "io_read_bytes_total",
    type: "counter",
    help: "Bytes read from devices.",
    samples: ({ readBytes }) => one(`${readBytes}`),
  },
  {
    name: "io_written_bytes_total",
    type: "counter",
    help: "Bytes written to devices.",
    samples: ({ writtenBytes }) => one(`${writtenBytes}`),
  },
  {
    name: "pressure_stalled_seconds_total",
    type: "counter",
    help: "Time in which some or all processes waited for a resource.",
    samples: ({ pressure }) =>
      Object.entries(pressure).flatMap(([resource, stalls]) => stallSamples(resource, stalls)),
  },
];

/**
 * Prometheus's text format, version 0.0.4: the metrics `dunc_container_…`, a sample for each container with the
 * label `id`. A metric without samples is left out.
 */
export function usagePrometheus(usages: readonly Usage[]): string {
  return METRICS.map(({ name, type, help, samples }) => {
    const lines = usages.flatMap((usage) =>
      samples(usage).map(([labels, value]) =>
        `dunc_container_${name}{${labelsText({ id: usage.id, ...labels })}} ${value}\n`
      )
    );
    if (lines.length === 0) return "";
    return `# HELP dunc_container_${name} ${help}\n# TYPE dunc_container_${name} ${type}\n${lines.join("")}`;
  }).join("");
}

function one(value: string): readonly Sample[] {
  return [[{}, value]];
}

function stallSamples(resource: string, stalls: PressureStats | undefined): Sample[] {
  return Object.entries(stalls ?? {}).filter(([, each]) => each !== undefined)
    .map(([kind, { total }]: [string, Pressure]) => [{ resource, kind }, fraction(total, 6)]);
}

/** A count of 10^-digits as a decimal fraction, exactly. */
function fraction(count: bigint, digits: number): string {
  const text = `${count}`.padStart(digits + 1, "0");
  return `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels).map(([name, value]) =>
    `${name}="${value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n")}"`
  ).join(",");
}
