// What the processes used besides CPU samples: memory, threads, descriptors, faults, I/O, switches.
import { ask } from "../base/api";
import { fill, h } from "../base/dom";
import { value } from "../base/format";
import type { State } from "../base/state";
import { seconds } from "../base/times";
import { Chart } from "../chart/chart";
import { lineColor, mostLines } from "../chart/colors";
import { type MetricName, type Metrics, metricNames, type MetricSeries } from "../profile/types";
import { selection, type View } from "./view";

const kTitles: Record<MetricName, [title: string, format: (value: number) => string]> = {
  cpu: ["CPU, in CPUs", (amount) => amount.toFixed(2)],
  rss: ["Resident memory", (amount) => value(amount, "bytes")],
  threads: ["Threads", (amount) => amount.toFixed(0)],
  descriptors: ["Open descriptors", (amount) => amount.toFixed(0)],
  faults: ["Page faults per second", (amount) => value(amount, "")],
  io: ["Read and written per second", (amount) => value(amount, "bytes")],
  switches: ["Context switches per second", (amount) => value(amount, "")],
};

export class MetricsView implements View {
  readonly element = h("div");
  private readonly charts = new Map<MetricName, Chart>();
  private asked = "";

  constructor() {
    for (const name of metricNames) {
      const [title, format] = kTitles[name];
      this.charts.set(name, new Chart({ title, height: 170, format }));
    }
  }

  async show(state: State, again: boolean, signal: AbortSignal) {
    const wanted = JSON.stringify(selection(state));
    if (!again && wanted === this.asked) return;
    const data = await ask<Metrics>("api/v1/metrics", selection(state), signal);
    this.asked = wanted;
    this.draw(data, state);
  }

  private draw(data: Metrics, state: State) {
    if (!data.series.length) {
      fill(this.element, h("p", { class: "empty" }, "No metrics of such processes in this time."));
      return;
    }
    const shown = data.series.slice(0, mostLines);
    const grid = h("div", { class: "charts" });
    fill(
      this.element,
      h("h2", "Metrics of processes"),
      shown.length < data.series.length && h("p", { class: "hint" }, `The first ${shown.length} of ${data.series.length} processes; add a filter to see others.`),
      grid,
    );
    for (const [name, chart] of this.charts) {
      if (!shown.some((series) => series.points[name]?.some((point) => point !== null))) continue;
      grid.append(chart.element);
      chart.show({ ...linesOf(shown, name), from: seconds(state.from), to: seconds(state.to) });
    }
  }
}

function linesOf(series: readonly MetricSeries[], name: MetricName) {
  const times = [...new Set(series.flatMap(({ points }) => points.time))].sort((a, b) => a - b);
  const place = new Map(times.map((at, index) => [at, index]));
  const lines = series.map(({ service, comm, pid, points }, index) => {
    const values = new Array<number | null>(times.length).fill(null);
    points.time.forEach((at, i) => (values[place.get(at) as number] = points[name]?.[i] ?? null));
    return { name: `${service || comm} (${pid})`, color: lineColor(index), values };
  });
  return { times, lines };
}
