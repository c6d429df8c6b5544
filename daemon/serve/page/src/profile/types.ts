// The server's JSON: daemon/profile/flamegraph/json.h for flame graphs, the server's own README for
// the rest.

export interface FunctionInfo {
  name: string;
  short: string;
  file: string;
  mapping: string;
  kernel: boolean;
  process?: boolean;
}

export interface Source {
  profiles: number;
  samples: number;
  total: number;
  frequency: number;
  stacks: { complete: number; incomplete: Record<string, number> };
  dropped: Record<string, number>;
}

export interface FunctionChange {
  function: number;
  share: number;
  base_share: number;
  change: number;
  interval: [low: number, high: number];
  significant: boolean;
}

export interface FlameGraph extends Source {
  type: string;
  unit: string;
  cut?: number;
  functions: FunctionInfo[];
  nodes: {
    parent: number[];
    function: number[];
    line: number[];
    inlined: number[];
    total: number[];
    self: number[];
    base_total?: number[];
    base_self?: number[];
  };
  base?: Source;
  functions_changed?: FunctionChange[];
}

export interface ProcessSeries {
  service: string;
  labels: Record<string, string>;
  samples: number;
  value: number; // nanoseconds
  points: [seconds: number, share: number][]; // of one CPU
}

export interface Processes {
  from: number;
  to: number;
  step: number;
  series: ProcessSeries[];
  events: { time: number; kind: string; text: string }[];
  omitted?: number;
}

export const metricNames = ["cpu", "rss", "threads", "descriptors", "faults", "io", "switches"] as const;
export type MetricName = (typeof metricNames)[number];

export interface MetricSeries {
  service: string;
  pid: number | string;
  start_ticks: number | string;
  comm: string;
  points: { time: number[] } & Partial<Record<MetricName, (number | null)[]>>;
}

export interface Metrics {
  step: number;
  series: MetricSeries[];
}

export interface Regression {
  service: string;
  base_version: string;
  version: string;
  base_from: number;
  base_to: number;
  from: number;
  to: number;
  functions: (Omit<FunctionChange, "function"> & { function?: number; name: string; short?: string })[];
}
