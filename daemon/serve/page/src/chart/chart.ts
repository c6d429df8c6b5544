// Values over time: lines to look at, and a range of time to drag.
import uPlot from "uplot";

import { h } from "../base/dom";
import { onThemeChange } from "../base/theme";

export interface Line {
  name: string;
  color: string;
  values: (number | null)[];
}

export interface ChartData {
  times: number[]; // Unix seconds, rising
  lines: Line[];
  marks?: { time: number; text: string }[];
  shaded?: { from: number; to: number; color: string }[];
  from: number;
  to: number;
}

export interface ChartOptions {
  title: string;
  height: number;
  format: (value: number) => string;
  selected?: (from: number, to: number) => void; // by dragging
}

const kLeastDrag = 4; // pixels

export class Chart {
  readonly element: HTMLElement;
  private readonly place = h("div", { class: "chart-place" });
  private plot: uPlot | null = null;
  private data: ChartData | null = null;

  constructor(private readonly options: ChartOptions) {
    this.element = h(
      "figure",
      { class: "chart", attributes: { role: "group", "aria-label": options.title } },
      h("figcaption", options.title),
      this.place,
    );
    new ResizeObserver(() => this.plot?.setSize({ width: this.width(), height: options.height })).observe(this.place);
    onThemeChange(() => this.data && this.show(this.data));
  }

  private width(): number {
    return Math.max(this.place.clientWidth, 200);
  }

  show(data: ChartData) {
    this.data = data;
    this.plot?.destroy();
    this.place.replaceChildren();
    this.plot = new uPlot(this.settings(data), [data.times, ...data.lines.map((line) => line.values)], this.place);
    this.place.setAttribute("role", "img");
    this.place.setAttribute("aria-label", this.summary(data));
  }

  // What the lines say, for those who do not see them.
  private summary(data: ChartData): string {
    const parts = data.lines.map((line) => {
      const values = line.values.filter((value): value is number => value !== null);
      if (!values.length) return `${line.name}: nothing`;
      const mean = values.reduce((all, value) => all + value, 0) / values.length;
      return `${line.name}: mean ${this.options.format(mean)}, most ${this.options.format(Math.max(...values))}`;
    });
    return `${this.options.title}. ${parts.join("; ")}`;
  }

  private settings(data: ChartData): uPlot.Options {
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue("--soft").trim() || "#555";
    const grid = { stroke: style.getPropertyValue("--line").trim() || "#ddd", width: 1 };
    const { format, selected } = this.options;
    return {
      width: this.width(),
      height: this.options.height,
      scales: { x: { time: true, range: () => [data.from, data.to] }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.05 : 1] } },
      cursor: { drag: { x: selected !== undefined, y: false, setScale: false }, points: { size: 5 } },
      select: { show: selected !== undefined, left: 0, top: 0, width: 0, height: 0 },
      legend: { live: true },
      axes: [
        { stroke: ink, grid, ticks: grid },
        { stroke: ink, grid, ticks: grid, size: 80, values: (_, splits) => splits.map(format) },
      ],
      series: [
        { value: (_, at) => (at === null ? "–" : new Date(at * 1000).toLocaleTimeString("en-GB")) },
        ...data.lines.map((line) => ({
          label: line.name,
          stroke: line.color,
          width: 1.5,
          points: { show: data.times.length < 3 },
          value: (_: uPlot, value: number | null) => (value === null ? "–" : format(value)),
        })),
      ],
      hooks: {
        drawClear: [(plot) => this.shade(plot, data)],
        draw: [(plot) => this.mark(plot, data, ink)],
        setSelect: [(plot) => this.select(plot)],
      },
    };
  }

  private shade(plot: uPlot, data: ChartData) {
    for (const { from, to, color } of data.shaded ?? []) {
      const left = Math.max(plot.valToPos(from, "x", true), plot.bbox.left);
      const right = Math.min(plot.valToPos(to, "x", true), plot.bbox.left + plot.bbox.width);
      if (right <= left) continue;
      plot.ctx.fillStyle = color;
      plot.ctx.fillRect(left, plot.bbox.top, right - left, plot.bbox.height);
    }
  }

  private mark(plot: uPlot, data: ChartData, ink: string) {
    for (const { time } of data.marks ?? []) {
      const x = plot.valToPos(time, "x", true);
      if (x < plot.bbox.left || x > plot.bbox.left + plot.bbox.width) continue;
      plot.ctx.strokeStyle = ink;
      plot.ctx.setLineDash([4, 3]);
      plot.ctx.beginPath();
      plot.ctx.moveTo(x, plot.bbox.top);
      plot.ctx.lineTo(x, plot.bbox.top + plot.bbox.height);
      plot.ctx.stroke();
      plot.ctx.setLineDash([]);
    }
  }

  private select(plot: uPlot) {
    const { left, width } = plot.select;
    if (width < kLeastDrag) return;
    const from = plot.posToVal(left, "x");
    const to = plot.posToVal(left + width, "x");
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.options.selected?.(from, to);
  }
}
