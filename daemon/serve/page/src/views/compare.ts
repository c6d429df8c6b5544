// Chooses the two selections of a comparison: on a chart, by fields, or by a usual choice.
import { ask } from "../base/api";
import { button, choice, h, refill } from "../base/dom";
import { address, compares, type Navigator, type State } from "../base/state";
import { range, seconds } from "../base/times";
import { Chart } from "../chart/chart";
import { cpuLines } from "../chart/series";
import type { Processes } from "../profile/types";
import { timeFields } from "./selection";
import type { View } from "./view";

const kUsual = [
  ["the time just before", 0],
  ["the same time an hour before", 3600],
  ["the same time the day before", 86400],
  ["the same time the week before", 604800],
] as const;

const kShades = { selection: "rgba(214,72,15,0.18)", base: "rgba(47,126,216,0.18)" };

export class CompareView implements View {
  readonly element = h("div", { class: "compare" });
  private readonly chart: Chart;
  private readonly controls = h("div");
  private dragging: "selection" | "base" = "base";
  private asked = "";
  private data: Processes | null = null;

  constructor(private readonly navigator: Navigator) {
    this.chart = new Chart({
      title: "CPU over time: drag to choose a time range",
      height: 220,
      format: (cpus) => cpus.toFixed(cpus < 1 ? 2 : 1),
      selected: (from, to) => this.selected(from.toFixed(0), Math.ceil(to).toFixed(0)),
    });
    this.element.append(this.controls, this.chart.element);
  }

  private selected(from: string, to: string) {
    this.navigator.go(this.dragging === "base" ? { base_from: from, base_to: to } : { from, to });
  }

  async show(state: State, again: boolean, signal: AbortSignal) {
    this.drawControls(state);
    const extent = extentOf(state);
    const parameters = { ...extent, labels: state.labels };
    const wanted = JSON.stringify({ ...parameters, base: [state.base_from, state.base_to, state.from, state.to] });
    if (again || wanted !== this.asked) {
      this.data = await ask<Processes>("api/v1/processes", parameters, signal);
      this.asked = wanted;
      this.drawChart(this.data, state);
    }
  }

  private drawChart(data: Processes, state: State) {
    const shaded = [{ from: seconds(state.from), to: seconds(state.to), color: kShades.selection }];
    if (compares(state)) shaded.push({ from: seconds(state.base_from), to: seconds(state.base_to || "now"), color: kShades.base });
    this.chart.show({ ...cpuLines(data.series), shaded, from: data.from, to: data.to });
  }

  private drawControls(state: State) {
    const { navigator } = this;
    const labels = h("input", { value: state.base_labels, attributes: { type: "text", placeholder: "version=1.2,zone=a", autocomplete: "off" } });
    labels.addEventListener("change", () => navigator.go({ base_labels: labels.value.trim(), base_from: state.base_from || state.from, base_to: state.base_to || state.to }));
    refill(
      this.controls,
      h("h2", "Compare two selections"),
      h("p", "The selection above is compared with a base: another time, other labels (another version, build or host), or both."),
      h("div", { class: "toolbar", attributes: { role: "group", "aria-label": "Usual bases" } }, ...kUsual.map(([title, by]) => button(title, () => this.before(state, by)))),
      h(
        "div",
        { class: "toolbar" },
        ...timeFields(state.base_from || state.from, state.base_to || state.to, (base_from, base_to) => navigator.go({ base_from, base_to }), "Base "),
        h("label", { class: "choice" }, h("span", "Labels of the base"), labels),
        choice("Dragging chooses", [["base", "the base (blue)"], ["selection", "the selection (orange)"]], this.dragging, (which) => (this.dragging = which as "base")),
      ),
      compares(state)
        ? h(
            "p",
            { class: "against" },
            `Base: ${range(state.base_from, state.base_to || "now")}. Selection: ${range(state.from, state.to)}. `,
            h("a", { class: "go", attributes: { href: address({ ...state, view: "flame", zoom: "" }) } }, "Flame graph of the difference"),
            " ",
            h("a", { class: "go", attributes: { href: address({ ...state, view: "functions", sort: "" }) } }, "Functions that changed"),
          )
        : h("p", { class: "hint" }, "No base is chosen yet."),
    );
  }

  private before(state: State, by: number) {
    const from = seconds(state.from);
    const to = seconds(state.to);
    const shift = by || to - from;
    this.navigator.go({ from: from.toFixed(0), to: to.toFixed(0), base_from: (from - shift).toFixed(0), base_to: (to - shift).toFixed(0) });
  }
}

// The time that holds both selections.
function extentOf(state: State): { from: string; to: string } {
  if (!compares(state)) {
    const from = seconds(state.from);
    const to = seconds(state.to);
    return { from: (from - (to - from)).toFixed(0), to: to.toFixed(0) };
  }
  const times = [state.from, state.to, state.base_from, state.base_to || "now"].map((text) => seconds(text));
  return { from: Math.min(...times).toFixed(0), to: Math.max(...times).toFixed(0) };
}
