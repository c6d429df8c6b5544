// What is done with one profile's tree, in the page and in one file alike: flame graph, table, one
// function; focus, ignore and highlight.
import { button, fill, h } from "../base/dom";
import type { Navigator, State } from "../base/state";
import { FlameView } from "../flame/view";
import { FunctionsView, FunctionView } from "../table/functions";
import { FlameModel, match } from "./model";
import { showQuality } from "./quality";
import type { FlameGraph } from "./types";

const kExpressions = [
  ["search", "Highlight", "Marks frames whose name, source file or executable matches the regular expression"],
  ["focus", "Focus", "Only stacks with a frame that matches the regular expression"],
  ["ignore", "Ignore", "Only stacks without a frame that matches the regular expression"],
] as const;

export class Workbench {
  readonly element = h("div", { class: "workbench" });
  readonly flame: FlameView;
  private readonly functions: FunctionsView;
  private readonly oneFunction: FunctionView;
  private readonly expressions = h("form", { class: "toolbar expressions", attributes: { role: "search" } });
  private readonly problem = h("p", { class: "problem", attributes: { role: "alert" } });
  private readonly quality = h("div");
  private readonly place = h("div");
  private readonly fields = new Map<string, HTMLInputElement>();
  private graph: FlameGraph | null = null;
  private whole: FlameModel | null = null;
  private filtered: { model: FlameModel; focus: string; ignore: string } | null = null;

  constructor(private readonly navigator: Navigator) {
    this.flame = new FlameView(navigator);
    this.functions = new FunctionsView(navigator);
    this.oneFunction = new FunctionView(navigator);
    this.buildExpressions();
    this.element.append(this.expressions, this.problem, this.quality, this.place);
  }

  private buildExpressions() {
    for (const [key, label, hint] of kExpressions) {
      const field = h("input", {
        title: hint,
        attributes: { type: "search", name: key, placeholder: "regular expression", spellcheck: "false", autocomplete: "off" },
      });
      // A highlight follows the typing; what changes the tree waits for Enter or for leaving the field.
      field.addEventListener(key === "search" ? "input" : "change", () => this.entered(key, field.value, key === "search"));
      this.fields.set(key, field);
      this.expressions.append(h("label", { class: "choice" }, h("span", label), field));
    }
    this.expressions.append(
      button("Clear", () => this.navigator.go({ search: "", focus: "", ignore: "" })),
    );
    this.expressions.addEventListener("submit", (event) => {
      event.preventDefault();
      for (const [key] of kExpressions) this.entered(key, this.fields.get(key)?.value ?? "", key === "search");
    });
  }

  private entered(key: (typeof kExpressions)[number][0], text: string, replace: boolean) {
    this.navigator.go(key === "search" ? { search: text } : { [key]: text, zoom: "" }, replace);
  }

  focusSearch() {
    const field = this.fields.get("search");
    field?.focus();
    field?.select();
  }

  setGraph(graph: FlameGraph) {
    this.whole = FlameModel.from(graph);
    this.graph = graph;
    this.filtered = null;
  }

  get hasGraph(): boolean {
    return this.whole !== null;
  }

  show(state: State) {
    for (const [key, field] of this.fields)
      if (document.activeElement !== field || field.value === "") field.value = (state as unknown as Record<string, string>)[key];
    if (!this.whole || !this.graph) return;
    const model = this.model(state);
    if (this.whole.size === 1) fill(this.quality);
    else showQuality(this.quality, this.graph);
    if (model.size === 1) {
      fill(this.place, h("p", { class: "empty" }, this.whole.size === 1 ? "No samples in this selection. Widen the time range or remove a filter." : "No stack is left by focus and ignore."));
      return;
    }
    const view = state.view === "functions" ? this.functions : state.view === "function" ? this.oneFunction : this.flame;
    if (view.element.parentElement !== this.place || this.place.childElementCount !== 1) fill(this.place, view.element);
    if (view === this.functions) this.functions.show(model, state, this.graph.functions_changed ?? []);
    else if (view === this.oneFunction) this.oneFunction.show(model, state);
    else this.flame.show(model, state);
  }

  // The tree without what focus and ignore leave out; a wrong expression leaves out nothing.
  private model(state: State): FlameModel {
    const whole = this.whole as FlameModel;
    const { functions } = whole;
    const found = { focus: match(functions, state.focus), ignore: match(functions, state.ignore), search: match(functions, state.search) };
    const wrong = Object.entries(found).filter(([, { error }]) => error);
    fill(this.problem, wrong.map(([key, { error }]) => `${key}: ${error}`).join("; "));
    for (const [key, field] of this.fields) field.setAttribute("aria-invalid", String(wrong.some(([name]) => name === key)));
    if (this.filtered?.focus === state.focus && this.filtered.ignore === state.ignore) return this.filtered.model;
    const model = whole.filtered(found.focus.by, found.ignore.by);
    this.filtered = { model, focus: state.focus, ignore: state.ignore };
    return model;
  }
}
