// The flame graph with all that belongs to it: choices above, the picture, the chosen frame below.
import { button, choice, fill, h, refill } from "../base/dom";
import { share } from "../base/format";
import type { Navigator, State } from "../base/state";
import { isDark, onThemeChange } from "../base/theme";
import { escapeExpression, type FlameModel, match, matchedShare } from "../profile/model";
import { FlameCanvas } from "./canvas";
import { changeColor, colorings, groups } from "./colors";
import { nameOf, spoken, tooltipContents } from "./describe";

const kLegendEntries = 10;

export class FlameView {
  readonly element = h("section", { class: "flame", attributes: { "aria-label": "Flame graph" } });
  private readonly choices = h("div", { class: "toolbar" });
  private readonly legend = h("div", { class: "legend" });
  private readonly found = h("p", { class: "found", attributes: { role: "status" } });
  private readonly frame = h("div", { class: "frame-line" });
  private readonly live = h("div", { class: "spoken", attributes: { "aria-live": "polite" } });
  private readonly tooltip = h("div", { class: "tooltip", attributes: { role: "tooltip", hidden: true } });
  readonly canvas: FlameCanvas;
  private model: FlameModel | null = null;
  private matches: Uint8Array | null = null;

  constructor(private readonly navigator: Navigator) {
    this.canvas = new FlameCanvas({
      chosen: (node, by) => this.chosen(node, by),
      zoomed: (node) => this.zoom(node),
      pointed: (node, x, y) => this.point(node, x, y),
    });
    this.canvas.element.addEventListener("keydown", (event) => this.key(event));
    this.canvas.element.addEventListener("blur", () => this.hideTooltip());
    this.canvas.element.addEventListener("scroll", () => this.hideTooltip());
    this.element.append(this.choices, this.found, this.canvas.element, this.legend, this.frame, this.live, this.tooltip);
    onThemeChange(() => this.drawLegend());
  }

  show(model: FlameModel, state: State) {
    const changed = this.model !== model;
    this.model = model;
    const coloring = this.coloring(state);
    this.matches = match(model.functions, state.search).by;
    this.drawChoices(state, coloring);
    this.canvas.show({
      model,
      zoom: model.nodeOf(state.zoom),
      coloring,
      side: model.hasBase ? state.width : "now",
      rootAtBottom: state.root === "bottom",
      matches: this.matches,
    });
    this.tellFound(state);
    this.drawLegend();
    if (changed) this.drawFrame(-1);
    this.element.dataset.nodes = String(model.size);
  }

  private coloring(state: State): string {
    const usual = this.model?.hasBase ? "change" : "package";
    return state.color === "change" ? usual : state.color || usual;
  }

  private drawChoices(state: State, coloring: string) {
    const { navigator } = this;
    const colors = colorings.filter(([name]) => name !== "change" || this.model?.hasBase);
    refill(
      this.choices,
      choice("Colour by", colors, coloring, (color) => navigator.go({ color })),
      choice("Roots", [["top", "at the top"], ["bottom", "at the bottom"]], state.root, (root) => navigator.go({ root })),
      this.model?.hasBase &&
        choice("Widths of", [["now", "the selection"], ["base", "the base"]], state.width, (width) => navigator.go({ width })),
      button("Reset zoom", () => navigator.go({ zoom: "" }), { disabled: state.zoom === "" }),
    );
  }

  private tellFound(state: State) {
    this.found.hidden = !this.matches;
    if (!this.matches || !this.model) {
      fill(this.found);
      return;
    }
    const { now, base } = matchedShare(this.model, this.matches);
    fill(this.found, `“${state.search}” is in ${share(now)} of the selection${this.model.hasBase ? `, ${share(base)} of the base` : ""}.`);
  }

  private drawLegend() {
    if (!this.model) return;
    const coloring = this.coloring(this.navigator.state);
    const entry = (text: string, color: string, mark = "") => {
      const swatch = h("span", { class: `swatch ${mark}`, attributes: { "aria-hidden": "true" } });
      swatch.style.backgroundColor = color;
      return h("span", { class: "legend-entry" }, swatch, text);
    };
    const dark = isDark();
    fill(this.legend);
    if (coloring === "change")
      for (const [text, change] of [["less than in the base", -1], ["as much", 0], ["more", 1]] as const)
        this.legend.append(entry(text, changeColor(change, dark)));
    else for (const { name, color } of groups(this.model, coloring, dark, kLegendEntries)) this.legend.append(entry(name, color));
    if (this.model.functions.some((info) => info.kernel)) this.legend.append(entry("hatched: kernel", "transparent", "hatched"));
    if (this.model.inlined.includes(1)) this.legend.append(entry("dotted and slanted: inlined", "transparent", "dotted"));
  }

  private zoom(node: number) {
    if (this.model) this.navigator.go({ zoom: this.model.pathKey(node) });
  }

  // --- the chosen frame ----------------------------------------------------------------------------

  private chosen(node: number, by: "pointer" | "keyboard") {
    if (!this.model) return;
    this.drawFrame(node);
    if (by === "pointer") return;
    this.live.textContent = spoken(this.model, node);
    const place = this.canvas.placeOf(node);
    if (place) this.showTooltip(node, Math.max(place.left, 0) + 8, place.bottom);
  }

  private drawFrame(node: number) {
    const { model, navigator } = this;
    fill(this.frame);
    if (!model || node < 0) {
      this.frame.append(h("span", { class: "hint" }, "Click a frame to zoom into it; press ? for the keys."));
      return;
    }
    const name = nameOf(model, node);
    this.frame.append(
      h("strong", { class: "frame-name", title: name }, name),
      h("span", ` ${share(model.share(node))} total, ${share(model.selfShare(node))} self `),
    );
    if (node === 0) return;
    const exactly = `^${escapeExpression(name)}$`;
    this.frame.append(
      button("Callers and callees", () => navigator.go({ view: "function", fn: name })),
      button("Focus", () => navigator.go({ focus: exactly, zoom: "" })),
      button("Ignore", () => navigator.go({ ignore: exactly, zoom: "" })),
      button("Highlight", () => navigator.go({ search: exactly })),
      button("Copy name", () => void copy(name)),
    );
  }

  // --- tooltip ---------------------------------------------------------------------------------------

  private point(node: number, x: number, y: number) {
    if (node < 0) this.hideTooltip();
    else this.showTooltip(node, x + 14, y + 18);
  }

  private showTooltip(node: number, x: number, y: number) {
    if (!this.model) return;
    const { tooltip } = this;
    fill(tooltip, ...tooltipContents(this.model, node));
    tooltip.hidden = false;
    const { width, height } = tooltip.getBoundingClientRect();
    const left = Math.max(4, Math.min(x, document.documentElement.clientWidth - width - 8));
    const top = y + height + 8 > window.innerHeight ? Math.max(4, y - height - 40) : y;
    tooltip.style.left = `${left}px`;
    tooltip.style.top = `${top}px`;
  }

  private hideTooltip() {
    this.tooltip.hidden = true;
  }

  // --- keys --------------------------------------------------------------------------------------------

  private key(event: KeyboardEvent) {
    if (event.ctrlKey || event.altKey || event.metaKey || !this.model) return;
    if (this.act(event.key)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  private act(key: string): boolean {
    const { canvas, navigator } = this;
    const model = this.model as FlameModel;
    const at = canvas.cursor;
    if (["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home"].includes(key)) {
      const next = canvas.neighbour(key);
      if (next >= 0) canvas.setCursor(next, "keyboard");
      return true;
    }
    if (key === "n" || key === "N") return this.nextMatch(key === "n" ? 1 : -1);
    if (key === "Escape") {
      if (!navigator.state.zoom) return false;
      navigator.go({ zoom: "" });
      return true;
    }
    if (at < 0) return false;
    if (key === "Enter") this.zoom(at === model.nodeOf(navigator.state.zoom) ? 0 : at);
    else if (at > 0 && key === "c") navigator.go({ view: "function", fn: nameOf(model, at) });
    else if (at > 0 && (key === "f" || key === "i"))
      navigator.go({ [key === "f" ? "focus" : "ignore"]: `^${escapeExpression(nameOf(model, at))}$`, zoom: "" });
    else return false;
    return true;
  }

  private nextMatch(step: number): boolean {
    const { matches, canvas } = this;
    const model = this.model as FlameModel;
    if (!matches) return false;
    const start = Math.max(canvas.cursor, 0);
    for (let i = 1; i <= model.size; i++) {
      const node = (start + step * i + model.size * i) % model.size;
      if (node > 0 && matches[model.fn[node]] && model.total[node] > 0) {
        if (!this.seen(node)) this.zoom(model.parent[node]);
        canvas.setCursor(node, "keyboard");
        return true;
      }
    }
    return true;
  }

  // Whether a node is below the zoomed one and wide enough to be drawn.
  private seen(node: number): boolean {
    const model = this.model as FlameModel;
    const zoom = model.nodeOf(this.navigator.state.zoom);
    if (node < zoom || node >= model.end[zoom]) return false;
    return (model.total[node] / model.total[zoom]) * this.canvas.element.clientWidth >= 2;
  }
}

async function copy(text: string) {
  try {
    await window.navigator.clipboard.writeText(text);
  } catch {
    window.prompt("The name, to copy:", text);
  }
}
