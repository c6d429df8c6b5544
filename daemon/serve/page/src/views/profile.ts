// Flame graph, functions and one function of the selection, or of it and a base.
import { ask } from "../base/api";
import { h } from "../base/dom";
import { compares, type Navigator, type State } from "../base/state";
import type { FlameGraph } from "../profile/types";
import { Workbench } from "../profile/workbench";
import { baseSelection, selection, type View } from "./view";

export class ProfileView implements View {
  readonly element: HTMLElement;
  readonly workbench: Workbench;
  private asked = "";

  constructor(navigator: Navigator) {
    this.workbench = new Workbench(navigator);
    this.element = h("div", this.workbench.element);
  }

  async show(state: State, again: boolean, signal: AbortSignal) {
    const parameters = { ...selection(state), type: state.type, ...(compares(state) ? baseSelection(state) : {}) };
    const wanted = JSON.stringify(parameters);
    if (again || wanted !== this.asked) {
      const graph = await ask<FlameGraph>(compares(state) ? "api/v1/diff" : "api/v1/flamegraph", parameters, signal);
      this.workbench.setGraph(graph);
      this.asked = wanted;
    }
    this.workbench.show(state);
  }
}
