// What the parts of the page have in common.
import type { State } from "../base/state";

export interface View {
  readonly element: HTMLElement;
  // Asks the server for what the state wants, unless it is there, and shows it. `again`: ask in any
  // case. Throws what ask() throws.
  show(state: State, again: boolean, signal: AbortSignal): Promise<void>;
}


/** The parameters of a selection. */
export function selection(state: State): { from: string; to: string; labels: string } {
  return { from: state.from, to: state.to, labels: state.labels };
}

export function baseSelection(state: State): { base_from: string; base_to: string; base_labels: string } {
  return { base_from: state.base_from, base_to: state.base_to || "now", base_labels: state.base_labels };
}
