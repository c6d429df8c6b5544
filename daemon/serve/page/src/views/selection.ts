// The bar above every view: times, type of profile, labels.
import { ask, url } from "../base/api";
import { button, choice, fill, freshId, h, refill } from "../base/dom";
import { compares, type Navigator, parseLabels, type State, withLabel, withoutLabel } from "../base/state";
import { fieldValue, fromField, range, seconds } from "../base/times";

const kRanges = [
  ["-15m", "last 15 minutes"],
  ["-1h", "last hour"],
  ["-6h", "last 6 hours"],
  ["-24h", "last 24 hours"],
  ["-7d", "last 7 days"],
  ["-30d", "last 30 days"],
] as const;

export class SelectionBar {
  readonly element = h("section", { class: "selection", attributes: { "aria-label": "Selection" } });
  private types = ["cpu"];
  private labelNames: string[] = ["service", "comm", "exe", "version", "unit", "container", "pid"];

  constructor(private readonly navigator: Navigator) {}

  /** Asks once what there is to choose from; without an answer the usual remains. */
  async learn() {
    const [labels, types] = await Promise.allSettled([
      ask<{ labels: string[] }>("api/v1/labels", {}),
      ask<{ values: string[] }>("api/v1/label/type/values", {}),
    ]);
    if (labels.status === "fulfilled" && labels.value.labels?.length) this.labelNames = labels.value.labels;
    if (types.status === "fulfilled" && types.value.values?.length) this.types = types.value.values;
    this.show(this.navigator.state);
  }

  show(state: State) {
    const { navigator } = this;
    // A date that is being typed would begin anew.
    if (this.element.contains(document.activeElement) && document.activeElement instanceof HTMLInputElement) return;
    const types = this.types.includes(state.type) ? this.types : [...this.types, state.type];
    refill(
      this.element,
      h(
        "div",
        { class: "toolbar" },
        this.rangeChoice(state),
        ...timeFields(state.from, state.to, (from, to) => navigator.go({ from, to })),
        button("Wider", () => this.widen(state), { title: "Twice the time, around the same middle" }),
        types.length > 1 && choice("Type", types.map((type) => [type, type] as const), state.type, (type) => navigator.go({ type })),
        button("Link for others", () => void this.share(state), { title: "Copies an address that stays with these times" }),
        this.downloads(state),
      ),
      this.labels(state),
      compares(state) && this.base(state),
    );
  }

  private rangeChoice(state: State): HTMLElement {
    const relative = kRanges.some(([from]) => from === state.from) && state.to === "now";
    const options = relative ? kRanges : ([["", "chosen times"], ...kRanges] as const);
    return choice("Time", options, relative ? state.from : "", (from) => from && this.navigator.go({ from, to: "now" }));
  }

  private widen(state: State) {
    const from = seconds(state.from);
    const to = seconds(state.to);
    const half = (to - from) / 2;
    this.navigator.go({ from: String(Math.round(from - half)), to: String(Math.round(Math.min(to + half, Date.now() / 1000))) });
  }

  // The same view with times that do not move on.
  private async share(state: State) {
    const fixed = { from: String(Math.round(seconds(state.from))), to: String(Math.round(seconds(state.to))) };
    this.navigator.go(fixed, true);
    try {
      await navigator.clipboard.writeText(location.href);
    } catch {
      window.prompt("The address, to copy:", location.href);
    }
  }

  private downloads(state: State): HTMLElement {
    const parameters = { from: state.from, to: state.to, type: state.type, labels: state.labels, focus: state.focus, ignore: state.ignore };
    const list = h("div", { class: "menu" });
    for (const [format, title, name] of [["", "pprof (.pb.gz)", "profile.pb.gz"], ["folded", "folded stacks", "profile.folded"], ["html", "flame graph in one file (.html)", "profile.html"]])
      list.append(h("a", { attributes: { href: url("api/v1/profile", { ...parameters, format }), download: name } }, title));
    return h("details", { class: "downloads" }, h("summary", "Download"), list);
  }

  private labels(state: State): HTMLElement {
    const row = h("div", { class: "toolbar chips" });
    for (const [key, value] of parseLabels(state.labels))
      row.append(
        h("span", { class: "chip" }, h("span", { class: "chip-text", title: value }, `${key} = ${value}`),
          button("×", () => this.navigator.go({ labels: withoutLabel(state.labels, key), zoom: "" }), { "aria-label": `Remove the filter ${key}` })),
      );
    row.append(this.labelForm(state));
    return row;
  }

  private labelForm(state: State): HTMLElement {
    const list = h("datalist", { attributes: { id: freshId("values") } });
    const name = h("select", { attributes: { "aria-label": "Label to filter by" } });
    for (const each of this.labelNames) name.append(h("option", { attributes: { value: each } }, each));
    const value = h("input", { attributes: { type: "text", list: list.id, "aria-label": "Its value", placeholder: "value", autocomplete: "off" } });
    const offer = async () => {
      const answer = await ask<{ values: string[] }>(`api/v1/label/${encodeURIComponent(name.value)}/values`, { from: state.from, to: state.to }).catch(() => null);
      fill(list, ...(answer?.values ?? []).slice(0, 500).map((each) => h("option", { attributes: { value: each } })));
    };
    value.addEventListener("focus", () => void offer());
    name.addEventListener("change", () => void offer());
    const form = h("form", { class: "label-form" }, name, value, list, h("button", { attributes: { type: "submit" } }, "Add filter"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      value.blur();
      if (value.value) this.navigator.go({ labels: withLabel(state.labels, name.value, value.value), zoom: "" });
    });
    return form;
  }

  private base(state: State): HTMLElement {
    const labels = state.base_labels || "the same filters";
    return h(
      "p",
      { class: "against" },
      `Compared with ${range(state.base_from, state.base_to || "now")}, ${labels}. `,
      button("Stop comparing", () => this.navigator.go({ base_from: "", base_to: "", base_labels: "", width: "now" })),
    );
  }
}

/** Fields for the beginning and the end of a range. */
export function timeFields(from: string, to: string, changed: (from: string, to: string) => void, prefix = ""): HTMLElement[] {
  const field = (text: string, label: string) => {
    const input = h("input", { value: fieldValue(text), attributes: { type: "datetime-local", step: 1 } });
    return { input, element: h("label", { class: "choice" }, h("span", label), input) };
  };
  const first = field(from, `${prefix}From`);
  const last = field(to, `${prefix}To`);
  const tell = () => {
    const a = fromField(first.input.value);
    const b = fromField(last.input.value);
    if (a && b && Number(a) < Number(b)) changed(a, b);
  };
  for (const { input } of [first, last]) input.addEventListener("change", tell);
  return [first.element, last.element];
}
