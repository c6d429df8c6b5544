// Who used the CPUs when: a chart to drag a time range on, and the list.
import { ask } from "../base/api";
import { fill, h } from "../base/dom";
import { count, plural, share, time, value } from "../base/format";
import { address, type Navigator, type State, withLabel } from "../base/state";
import { Chart } from "../chart/chart";
import { lineColor, mostLines } from "../chart/colors";
import { cpuLines } from "../chart/series";
import type { Processes, ProcessSeries } from "../profile/types";
import { type Column, SortableTable } from "../table/sortable";
import { selection, type View } from "./view";

interface Row {
  series: ProcessSeries;
  index: number;
  share: number; // of one CPU, over the whole range
}

export class ProcessesView implements View {
  readonly element = h("div");
  private readonly chart: Chart;
  private readonly table: SortableTable<Row>;
  private readonly status = h("p", { class: "found", attributes: { role: "status" } });
  private readonly events = h("div");
  private readonly filter = h("input", { attributes: { type: "search", placeholder: "part of a name", autocomplete: "off" } });
  private readonly listing = h("div");
  private asked = "";
  private data: Processes | null = null;
  private rows: Row[] = [];

  constructor(private readonly navigator: Navigator) {
    this.chart = new Chart({
      title: "CPU over time, in CPUs (drag to choose a time range)",
      height: 240,
      format: (cpus) => cpus.toFixed(cpus < 1 ? 2 : 1),
      selected: (from, to) => navigator.go({ from: from.toFixed(0), to: Math.ceil(to).toFixed(0) }),
    });
    this.table = new SortableTable<Row>("Processes and services", this.columns(), (sort) => navigator.go({ sort }, true));
    this.filter.addEventListener("input", () => this.list());
    this.listing.append(
      h("form", { class: "toolbar", on: { submit: (event) => event.preventDefault() } }, h("label", { class: "choice" }, h("span", "Show only"), this.filter)),
      this.status,
      this.table.element,
    );
  }

  async show(state: State, again: boolean, signal: AbortSignal) {
    const wanted = JSON.stringify(selection(state));
    if (again || wanted !== this.asked) {
      this.data = await ask<Processes>("api/v1/processes", selection(state), signal);
      this.asked = wanted;
      this.draw(this.data);
    }
    this.list();
  }

  private draw(data: Processes) {
    const seconds = Math.max(data.to - data.from, 1);
    this.rows = data.series.map((series, index) => ({ series, index, share: series.value / 1e9 / seconds }));
    if (!data.series.length) {
      fill(this.element, h("p", { class: "empty" }, "No profiles in this time. Choose a longer range, or see whether pprofd is sampling."));
      return;
    }
    fill(this.element, this.chart.element, this.events, this.listing);
    this.chart.show({ ...cpuLines(data.series), marks: data.events, from: data.from, to: data.to });
    this.drawEvents(data);
  }

  private drawEvents(data: Processes) {
    fill(this.events);
    if (!data.events?.length) return;
    const list = h("ul");
    for (const { time: at, kind, text } of data.events)
      list.append(h("li", h("time", { attributes: { datetime: new Date(at * 1000).toISOString() } }, time(at)), ` ${kind}: ${text}`));
    this.events.append(h("details", { class: "events" }, h("summary", `${plural(data.events.length, "event")} (dashed lines)`), list));
  }

  private list() {
    if (!this.data) return;
    const part = this.filter.value.toLowerCase();
    const rows = part ? this.rows.filter(({ series }) => text(series).toLowerCase().includes(part)) : this.rows;
    const omitted = this.data.omitted ? `, ${count(this.data.omitted)} smaller ones left out` : "";
    this.status.textContent = `${count(rows.length)} of ${count(this.rows.length)} processes${omitted}.`;
    this.table.show(rows, this.navigator.state.sort || "cpu");
  }

  private columns(): Column<Row>[] {
    const label = (key: string, title: string): Column<Row> => ({
      key,
      title,
      order: ({ series }) => series.labels[key] ?? "",
      cell: ({ series }) => h("span", { class: "path", title: series.labels[key] ?? "" }, shortened(key, series.labels[key] ?? "")),
    });
    return [
      { key: "service", title: "Service", order: ({ series }) => series.service, cell: (row) => this.nameCell(row) },
      { key: "pid", title: "PID", number: true, order: ({ series }) => -Number(series.labels.pid ?? 0), cell: ({ series }) => series.labels.pid ?? "" },
      label("comm", "Name"),
      { key: "cpu", title: "CPU", number: true, hint: "Of one CPU, over the whole range", order: (row) => row.share, cell: (row) => share(row.share) },
      { key: "time", title: "CPU time", number: true, order: ({ series }) => series.value, cell: ({ series }) => value(series.value, "nanoseconds") },
      { key: "samples", title: "Samples", number: true, order: ({ series }) => series.samples, cell: ({ series }) => count(series.samples) },
      label("version", "Version"),
      label("build_id", "Build"),
      label("unit", "Unit"),
      label("container", "Container"),
      { key: "metrics", title: "More", cell: ({ series }) => h("a", { attributes: { href: address({ ...this.navigator.state, view: "metrics", labels: this.labelsOf(series), sort: "" }) } }, "metrics") },
    ];
  }

  private nameCell({ series, index }: Row): HTMLElement {
    const swatch = h("span", { class: "swatch", attributes: { "aria-hidden": "true" } });
    swatch.style.backgroundColor = lineColor(Math.min(index, mostLines - 1));
    const state = this.navigator.state;
    const name = series.service || series.labels.comm || "?";
    return h("span", { class: "service-name" }, swatch,
      h("a", { title: `Flame graph of ${name}`, attributes: { href: address({ ...state, view: "flame", labels: this.labelsOf(series), zoom: "", sort: "" }) } }, name));
  }

  private labelsOf(series: ProcessSeries): string {
    const labels = this.navigator.state.labels;
    const service = series.service ? withLabel(labels, "service", series.service) : labels;
    return series.labels.pid ? withLabel(service, "pid", series.labels.pid) : service;
  }
}

function text(series: ProcessSeries): string {
  return [series.service, ...Object.values(series.labels)].join("\n");
}

function shortened(key: string, value: string): string {
  return (key === "build_id" || key === "container") && value.length > 12 ? `${value.slice(0, 12)}…` : value;
}
